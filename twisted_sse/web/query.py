"""
The query of a subscriber's URL, or the form in its body.

``request.args`` is not used, because it splits at ``;`` as well as at ``&``, and so
would tear topics and IDs apart.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl

from twisted.web.server import Request

from twisted_sse.topics import BoundedCache, Matcher, MatchType, Selection
from twisted_sse.web.form import raw_query
from twisted_sse.web.problem import Problem

__all__ = [
    "EXCERPTS",
    "MATCH_TYPES",
    "Query",
    "ReplicationQuery",
    "header_id",
    "last_event_id",
    "pairs_of",
    "query_of",
]

# The spellings of Mercure 1.0, Mercure 0.x, other servers, and the header.
_LAST_EVENT_ID = ("header_id", "last_event_id", "lastEventID", "lastEventId", "Last-Event-ID")

#: The parameters for selectors of one type; Mercure 1.0 has the same names.
MATCH_TYPES: dict[str, MatchType] = {"match_exact": "exact", "match_urlpattern": "urlpattern"}

# The parameters that are attributes of `Query`; the first of each counts.
_OTHERS = ("presence", "envelope", "heartbeat", "trace")

# Makes a request one of another hub: see `twisted_sse.web.replication`.
_ANNOTATE = ("annotate", "comment")

#: The questions about history that another hub may ask.
EXCERPTS = ("since", "tail", "locate", "kept", "ends")

# benchmarks (memory, accept): the subscribers of one page have the same query.  What the
# caches hold is bounded in bytes, because strangers choose what is put into them.
_queries: BoundedCache[bytes, Query] = BoundedCache(2 * 1024 * 1024)
_selections: BoundedCache[tuple[str | Matcher, ...], Selection] = BoundedCache(4 * 1024 * 1024)

# What a query takes in the cache beside its text, which it has about five times.
_QUERY_BYTES = 500


class ReplicationQuery(NamedTuple):
    """
    What another hub asks for.

    Attributes:
        excerpt: One of `EXCERPTS`, to be answered with a part of history, or
            ``None`` for a stream.

        limit: The most publications in such a part.
    """

    excerpt: str | None
    limit: int


class Query(NamedTuple):
    """
    What a URL asks for.

    Attributes:
        topics: The selectors, as given: a str may be of any kind but a URL Pattern.

        last_event_id: ``None`` if none is given.

        replication: ``None`` unless another hub asks.

        presence: How the stream takes part in presence, as given; ``None`` if nothing is.

        envelope: How events tell their topics, as given.

        heartbeat: What keepalives are, as given.

        trace: Whether events tell their traces, as given.
    """

    topics: tuple[str | Matcher, ...]
    last_event_id: str | None
    replication: ReplicationQuery | None = None
    presence: str | None = None
    envelope: str | None = None
    heartbeat: str | None = None
    trace: str | None = None

    def selection(self, limit: int | None) -> Selection:
        """
        Parse the selectors.

        Args:
            limit: The most selectors; ``None`` for no limit.  Another hub that asks
                about history, which needs a token, may name any number.

        Raises:
            Problem: There is no selector, or there are more than *limit*.

            InvalidSelector: One of them is not a selector.
        """
        if not self.topics:
            raise Problem(400, "Say what to subscribe to: add ?topic=NAME, once for each topic.")
        asks_history = self.replication is not None and self.replication.excerpt is not None
        if limit is not None and len(self.topics) > limit and not asks_history:
            detail = f"At most {limit} topics are allowed in one request, not {len(self.topics)}."
            raise Problem(400, detail, limit="topics")
        return _selection(self.topics)


def query_of(request: Request) -> Query:
    """
    Parse the query of *request*, and its form.

    Raises:
        Problem: The query is not UTF-8.
    """
    return _parse(raw_query(request))


def last_event_id(request: Request, query: Query) -> str | None:
    """
    The last event ID of a subscriber: from the header, else from the query.
    """
    return header_id(request) or query.last_event_id


def header_id(request: Request) -> str | None:
    """
    The last event ID in the header of a subscriber; ``None`` if it says nothing.
    """
    # HTML: "`Last-Event-ID` [...] value, encoded as UTF-8".
    header = request.getHeader(b"Last-Event-ID")
    # A blank header must not hide the query.
    return (header or b"").decode("utf-8", "replace").strip(" \t") or None


def _selection(topics: tuple[str | Matcher, ...]) -> Selection:
    selection = _selections.get(topics)
    if selection is None:
        selection = Selection.requested(topics)
        _selections.put(topics, selection, 2 * selection.weight)
    return selection


def _parse(query: bytes) -> Query:
    parsed = _queries.get(query)
    if parsed is None:
        parsed = _parse_anew(query)
        _queries.put(query, parsed, _QUERY_BYTES + 5 * len(query))
    return parsed


def pairs_of(query: bytes) -> list[tuple[str, str]]:
    """
    Parse a query into names and values, in their order.

    Raises:
        Problem: It is not percent-encoded UTF-8.
    """
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Problem(
            400,
            "The query is not percent-encoded UTF-8: encode each value with encodeURIComponent.",
        ) from None


def _parse_anew(query: bytes) -> Query:
    pairs = pairs_of(query)
    topics = tuple(
        value if name == "topic" else Matcher(MATCH_TYPES[name], value)
        for name, value in pairs
        if name == "topic" or name in MATCH_TYPES
    )
    # The last one counts: a polyfill appends its own to the URL of the page.
    ids = [value for name, value in pairs if name in _LAST_EVENT_ID and value]
    replication = _replication(dict(pairs)) if _ANNOTATE in pairs else None
    others = {name: value for name, value in reversed(pairs) if name in _OTHERS}
    return Query(topics, ids[-1] if ids else None, replication, **others)


def _replication(values: dict[str, str]) -> ReplicationQuery:
    excerpt, limit = values.get("excerpt"), values.get("limit", "1")
    if excerpt not in (None, *EXCERPTS):
        raise Problem(400, f"'excerpt' is not one of {', '.join(EXCERPTS)}.")
    if not (limit.isascii() and limit.isdigit() and 0 < len(limit) < 10 and int(limit)):
        raise Problem(400, "'limit' is not a number of publications, in digits.")
    return ReplicationQuery(excerpt, int(limit))
