"""
The HTTP client of an edge: requests to its upstream hub, and the stream.

Failures raise `HistoryUnavailable`, unless a more specific error is documented.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from twisted_sse.client import Backoff, EventSource
from twisted_sse.client.agent import client_of
from twisted_sse.client.failures import meaning_of, too_late
from twisted_sse.client.response import check_status, content_type, first_words, read
from twisted_sse.errors import (
    HistoryUnavailable,
    TwistedSSEError,
    UnexpectedContentType,
    UnknownEventID,
)
from twisted_sse.events.codec import Decoder
from twisted_sse.events.publication import Position, Record
from twisted_sse.events.replication import (
    note_of,
    read_position,
    read_record,
)
from twisted_sse.history.upstream.edgeids import without_edge_id

__all__ = ["Excerpt", "HubClient"]

T = TypeVar("T")

# The largest answer, in bytes: practically unbounded, because upstream is trusted.
_UNBOUNDED = 1 << 40

# A page of history may take this many times as long as another answer, because it
# may be large.
_LARGE = 6

# The longest silence of a stream, in seconds: a hub sends a keepalive every 15.
_SILENCE = 45.0

# Short, because the edge's subscribers wait as long as the edge does.
_BACKOFF = Backoff(first=0.2, limit=5.0)

_ANNOTATED = ("annotate", "comment")


class Excerpt(NamedTuple):
    """
    A part of upstream's history.

    Attributes:
        note: Upstream's note about it; see `twisted_sse.events.replication`.
    """

    note: dict[str, Any]
    records: list[Record]


class HubClient:
    """
    Args:
        url: Upstream's ``/events``.

        client: A treq client or an `IAgent`; ``None`` to make one.

        timeout: The longest time for an answer, in seconds.  A page of history
            may take longer.
    """

    def __init__(
        self, url: str, token: str | None, client: Any, timeout: float, clock: IReactorTime
    ) -> None:
        self.url = url
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._client = client_of(client, clock, timeout)
        self._timeout = timeout
        self._clock = clock

    def stream(self, last_event_id: str) -> EventSource:
        """
        Stream everything that follows an event, with notes.
        """
        return EventSource(
            self.url,
            client=self._client,
            headers=self._headers,
            params=[("topic", "*"), _ANNOTATED],
            last_event_id=last_event_id,
            backoff=_BACKOFF,
            read_timeout=_SILENCE,
            connect_timeout=self._timeout,
            max_event_size=None,
            # Each event has a comment that says its number and topics.
            hold_comments=True,
            reactor=self._clock,
        )

    async def since(
        self, last_event_id: str | None, selectors: Sequence[str], limit: int
    ) -> list[Record]:
        """
        See `IHistoryProvider.since`.
        """
        excerpt = await self._ask("since", last_event_id, limit, selectors)
        return excerpt.records

    async def tail(self, limit: int) -> tuple[Position, list[Record]]:
        """
        See `IHistoryProvider.tail`.
        """
        excerpt = await self._ask("tail", None, limit)
        with _valid_answer(self.url):
            return read_position(excerpt.note["before"]), excerpt.records

    async def locate(self, event_id: str) -> Position:
        """
        See `ISharedHistoryProvider.locate`.
        """
        excerpt = await self._ask("locate", event_id, 1)
        with _valid_answer(self.url):
            return read_position(excerpt.note["position"])

    async def locate_kept(self, event_id: str) -> Position:
        """
        Find a publication whose request was not answered.

        Upstream answers when it has decided whether the publication is kept.
        """
        excerpt = await self._ask("kept", event_id, 1)
        with _valid_answer(self.url):
            return read_position(excerpt.note["position"])

    async def publish(self, body: bytes, count: int) -> list[Position]:
        """
        Publish *count* publications upstream, all or none of them.

        Args:
            body: The publications, each written by
                `twisted_sse.events.replication.encode_publication`.

        Raises:
            NotSent: None of them was kept.

            UnexpectedStatus: Upstream has refused them.

            OutcomeUnknown, UnexpectedContentType: They may have been kept or not.
        """
        return await self._in_time(self._publish(body, count), self._timeout)

    async def _publish(self, body: bytes, count: int) -> list[Position]:
        response = await self._request("POST", {"Content-Type": "text/event-stream"}, data=body)
        await check_status(response)
        answer = await read(response, _UNBOUNDED)
        try:
            positions = [read_position(one) for one in json.loads(answer)]
        except (ValueError, TypeError, RecursionError):
            positions = []
        if len(positions) != count:
            raise UnexpectedContentType(
                "The answer does not contain a position for each event.",
                content_type(response),
                first_words(answer),
            )
        return positions

    async def _ask(
        self,
        excerpt: str,
        last_event_id: str | None,
        limit: int,
        selectors: Sequence[str] = ("*",),
    ) -> Excerpt:
        params = [("topic", one) for one in selectors]
        params += [_ANNOTATED, ("excerpt", excerpt), ("limit", str(limit))]
        if last_event_id is not None:
            params.append(("last_event_id", last_event_id))
        try:
            timeout = self._timeout if limit == 1 else self._timeout * _LARGE
            found = await self._in_time(self._get(params), timeout)
        except TwistedSSEError as error:
            raise HistoryUnavailable(f"The upstream hub: {error}") from error
        if found.note.get("unknown"):
            raise UnknownEventID(f"{last_event_id!r} is not kept upstream")
        return found

    async def _get(self, params: list[tuple[str, str]]) -> Excerpt:
        response = await self._request("GET", {"Accept": "text/event-stream"}, params=params)
        await check_status(response)
        body = await read(response, _UNBOUNDED)
        with _valid_answer(self.url):
            head, *events = Decoder(None).feed(body)
            note, _ = note_of(head.comment)
            records = [without_edge_id(read_record(event)) for event in events]
            if note["count"] != len(records):
                raise ValueError(f"only {len(records)} of {note['count']} events have arrived")
        return Excerpt(note, records)

    async def _request(self, method: str, headers: dict[str, str], **options: Any) -> Any:
        every = {**self._headers, **headers}
        return await self._client.request(
            method,
            self.url,
            headers=Headers({name: [value] for name, value in every.items()}),
            allow_redirects=False,
            unbuffered=True,
            reactor=self._clock,
            **options,
        )

    async def _in_time(self, steps: Coroutine[Any, Any, T], timeout: float) -> T:
        running = Deferred.fromCoroutine(steps)
        running.addTimeout(timeout, self._clock, too_late)
        try:
            return await running
        except Exception as error:
            meaning = meaning_of(error, self.url)
            if isinstance(meaning, CancelledError):
                meaning = HistoryUnavailable("The edge is stopping.")
            if meaning is error:
                raise
            raise meaning from error


@contextmanager
def _valid_answer(url: str) -> Iterator[None]:
    """
    Raise `HistoryUnavailable` if reading an answer fails.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise HistoryUnavailable(
            f"{url} does not answer like a hub with an edge should: {error}"
        ) from None
