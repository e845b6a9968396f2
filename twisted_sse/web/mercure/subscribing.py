"""
How a subscriber of Mercure asks, and where it is told that its stream starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from twisted.web.server import Request

from twisted_sse.events.media import media_type
from twisted_sse.events.preamble import StreamStart
from twisted_sse.events.publication import EARLIEST, is_safe_id
from twisted_sse.topics import BoundedCache, Matcher, MatchType
from twisted_sse.web.form import raw_form, take_form
from twisted_sse.web.mercure.active import ActiveSubscriptions
from twisted_sse.web.mercure.location import HubLocation
from twisted_sse.web.mercure.versions import Version
from twisted_sse.web.problem import Problem
from twisted_sse.web.protocol import Opening, StartHeaders
from twisted_sse.web.query import Query, pairs_of

__all__ = ["MercureProtocol"]

# Mercure 1.0: a matcher without a type is exact.
_MATCH_TYPES: Final[dict[str, MatchType]] = {
    "match": "exact",
    "match_exact": "exact",
    "match_urlpattern": "urlpattern",
}

_LAST_EVENT_ID: Final[dict[Version, str]] = {
    "mercure-1.0": "last_event_id",
    "mercure-0.x": "lastEventID",
}

_HEADER: Final[dict[Version, bytes]] = {
    "mercure-1.0": b"Mercure-Last-Event-ID",
    "mercure-0.x": b"Last-Event-ID",
}

_FORM = "application/x-www-form-urlencoded"

# The subscribers of one page have the same query; strangers choose what is kept, so it is
# bounded in bytes.
_CACHE_BYTES = 2 * 1024 * 1024

# What a query takes in the cache beside its text, which it has about five times.
_QUERY_BYTES = 500

Pairs = Sequence[tuple[str, str]]


class MercureProtocol:
    """
    The `twisted_sse.web.protocol.SubscriberProtocol` of Mercure.

    Args:
        versions: Those that the hub speaks.  Their names do not collide, so a request
            may use those of both.

        active: Is told of each stream; ``None`` if nobody may ask which there are.
    """

    def __init__(
        self,
        versions: frozenset[Version],
        location: HubLocation,
        active: ActiveSubscriptions | None,
    ) -> None:
        self._versions = versions
        self._base = location.base
        self._active = active
        # The one of 1.0 first: it wins.
        self._id_names = [name for key, name in _LAST_EVENT_ID.items() if key in versions]
        self.start_headers: Sequence[bytes] = [
            name for key, name in _HEADER.items() if key in versions
        ]
        self._queries: BoundedCache[tuple[bytes, bytes], Query] = BoundedCache(_CACHE_BYTES)

    def take_form(self, request: Request, max_topics: int | None) -> None:
        """
        See `SubscriberProtocol.take_form`.

        Raises:
            Problem: Also if there is no readable ``Content-Type``.
        """
        kind = media_type((request.getHeader(b"Content-Type") or b"").decode("latin-1"))
        # RFC 9110: "media-type = type "/" subtype parameters".
        major, slash, minor = kind.partition("/")
        if not (major and slash and minor):
            raise Problem(400, f"Say what the body is: send Content-Type: {_FORM}.")
        take_form(request, max_topics)

    def query(self, request: Request) -> Query:
        """
        See `SubscriberProtocol.query`.
        """
        in_url = request.uri.partition(b"?")[2]
        form = b"" if request.method in (b"GET", b"HEAD") else raw_form(request)
        query = self._queries.get((in_url, form))
        if query is None:
            query = self._parse(pairs_of(in_url), pairs_of(form))
            size = len(in_url) + len(form)
            self._queries.put((in_url, form), query, _QUERY_BYTES + 5 * size)
        return query

    def headers_of(self, start: StreamStart) -> StartHeaders:
        """
        See `SubscriberProtocol.headers_of`.
        """
        preceding = _preceding_id(start).encode("utf-8")
        return [(name, preceding) for name in self.start_headers]

    def begin(self, opening: Opening) -> None:
        """
        See `SubscriberProtocol.begin`.
        """
        if self._active is not None:
            self._active.add(opening)

    def _parse(self, in_url: Pairs, in_form: Pairs) -> Query:
        topics = tuple(self._topics([*in_url, *in_form]))
        if not topics:
            names = "topic" if "mercure-1.0" not in self._versions else "match"
            raise Problem(400, f"Say what to subscribe to: add ?{names}=…, once for each topic.")
        if self._active is not None:
            self._active.check(topics)
        # Mercure: that of the URL has precedence over that of the body.
        return Query(topics, self._last_event_id(in_url) or self._last_event_id(in_form))

    def _topics(self, pairs: Pairs) -> Iterable[str | Matcher]:
        for name, value in pairs:
            if name == "topic":
                if "mercure-0.x" not in self._versions:
                    raise Problem(
                        400,
                        "'topic' is of Mercure 0.x, and this hub speaks only 1.0: write match,"
                        " match_exact or match_urlpattern.",
                    )
                yield value
            elif "mercure-1.0" not in self._versions:
                continue
            elif name in _MATCH_TYPES:
                yield Matcher(_MATCH_TYPES[name], value, self._base_of(name))
            # Mercure: what begins so is reserved for other types.
            elif name[:5].lower() == "match":
                raise Problem(
                    400, f"The matcher type of {name[:40]!r} is unknown: use {_or(_MATCH_TYPES)}."
                )

    def _base_of(self, name: str) -> str:
        # Exact matchers that differ in a base only are the same.
        return self._base if _MATCH_TYPES[name] == "urlpattern" else ""

    def _last_event_id(self, pairs: Pairs) -> str | None:
        for wanted in self._id_names:
            # The last one counts: a polyfill appends its own to the URL of the page.
            ids = [value for name, value in pairs if name == wanted and value]
            if ids:
                return ids[-1]
        return None


def _preceding_id(start: StreamStart) -> str:
    """
    The ID of the event that precedes the first one of the stream.

    Mercure: ``earliest`` if there is none, or if it is not known.  Equal to the one that
    was asked for, it says that nothing was missed.
    """
    event_id = start.position.id
    # The position 0 is before the first event that there ever was.
    is_event = start.resumed or start.position.number > 0
    return event_id if event_id and is_event and is_safe_id(event_id) else EARLIEST


def _or(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"
