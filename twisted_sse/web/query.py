"""
What a subscriber asks for in its URL.

Parsed here and not by ``request.args``, which splits at ``;`` as well as at
``&``, and so would tear topics and IDs apart.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

from twisted.web.server import Request

from twisted_sse.topics import Selection
from twisted_sse.web.problem import Problem

__all__ = ["EXCERPTS", "Query", "last_event_id", "query_of"]

# The field's spellings: Mercure 1.0, Mercure 0.x, other servers', the header's.
_LAST_EVENT_ID = ("last_event_id", "lastEventID", "lastEventId", "Last-Event-ID")

# Asks for the notes of `twisted_sse.events.replication`.
_ANNOTATE = ("annotate", "comment")

#: What another hub may ask of history: see `twisted_sse.web.replication`.
EXCERPTS = ("since", "tail", "locate", "kept")


class Query(NamedTuple):
    """
    Attributes:
        topics: The selectors, as given.

        last_event_id: ``None`` if none is given.

        annotated: Whether each event is to come with what other hubs need.

        excerpt: Which bounded part of history is wanted instead of a stream;
            ``None`` if none is.

        limit: The most publications of it.
    """

    topics: tuple[str, ...]
    last_event_id: str | None
    annotated: bool = False
    excerpt: str | None = None
    limit: int = 1

    def selection(self, limit: int) -> Selection:
        """
        What the selectors select.

        Raises:
            Problem: There is none, or there are more than *limit*; another hub,
                which holds a token, may ask for any number.

            InvalidSelector: One of them is not a selector.
        """
        if not self.topics:
            raise Problem(400, "Say what to subscribe to: add ?topic=NAME, once for each topic.")
        if len(self.topics) > limit and self.excerpt is None:
            raise Problem(
                400, f"At most {limit} topics are allowed in one request, not {len(self.topics)}."
            )
        return _selection(self.topics)


def query_of(request: Request) -> Query:
    """
    Parse the query of *request*.

    Raises:
        Problem: It is not UTF-8.
    """
    return _parse(request.uri.partition(b"?")[2])


def last_event_id(request: Request, query: Query) -> str | None:
    """
    The last event ID that a subscriber comes back with: the header, else the query.
    """
    # HTML: "`Last-Event-ID` [...] value, encoded as UTF-8".
    header = request.getHeader(b"Last-Event-ID")
    given = query.last_event_id if header is None else header.decode("utf-8", "replace")
    return given or None


# benchmarks (memory, accept): subscribers of one page all ask for the same.
@lru_cache(maxsize=1024)
def _selection(topics: tuple[str, ...]) -> Selection:
    return Selection.of(topics)


@lru_cache(maxsize=1024)
def _parse(query: bytes) -> Query:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Problem(400, "The query has to be percent-encoded UTF-8.") from None
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    ids = [values[name][-1] for name in _LAST_EVENT_ID if name in values]
    plain = Query(tuple(values.get("topic", ())), ids[0] if ids else None)
    return plain if _ANNOTATE not in pairs else _with_excerpt(plain, dict(pairs))


def _with_excerpt(query: Query, values: dict[str, str]) -> Query:
    excerpt, limit = values.get("excerpt"), values.get("limit", "1")
    if excerpt not in (None, *EXCERPTS):
        raise Problem(400, f"'excerpt' has to be one of {', '.join(EXCERPTS)}.")
    if not (limit.isascii() and limit.isdigit() and 0 < len(limit) < 10 and int(limit)):
        raise Problem(400, "'limit' has to be a number of publications, in digits.")
    return query._replace(annotated=True, excerpt=excerpt, limit=int(limit))
