"""
The HTTP client of an edge: requests to its upstream hub, and the stream.

Failures raise `HistoryUnavailable`, unless a more specific error is documented.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from twisted_sse.client import Backoff, EventSource
from twisted_sse.client.agent import client_of
from twisted_sse.client.failures import meaning_of, too_late
from twisted_sse.client.response import check_status, content_type, read
from twisted_sse.errors import (
    HistoryUnavailable,
    TwistedSSEError,
    UnexpectedContentType,
    UnknownEventID,
)
from twisted_sse.events.publication import Position, Record
from twisted_sse.events.replication import (
    read_position,
)
from twisted_sse.events.unexpectedstatus import first_words
from twisted_sse.history.outage import Unreadable
from twisted_sse.history.upstream.excerpt import (
    MOST_ANSWER,
    MOST_EVENT,
    AnswerTooLarge,
    Excerpt,
    read_blocks,
    read_excerpt,
    smaller,
    valid_answer,
)
from twisted_sse.history.upstream.ring import HEADER, Ring

__all__ = ["HubClient"]

T = TypeVar("T")

# The largest answer to a publication, in bytes: JSON with an ID in it.
_MOST_RECEIPT = 8 * 1024

# A page of history may take this many times as long as another answer, because it
# may be large, as long as it arrives.
_LARGE = 6

# The longest silence of a stream, in seconds: a hub sends a keepalive every 15.
_SILENCE = 45.0


class _EdgeBackoff(Backoff):
    """
    Ignores what the server asks for: a hub that restarts spreads its subscribers over
    many seconds, but the subscribers of an edge wait as long as the edge does.
    """

    __slots__ = ()

    def least(self, attempt: int, asked: float = 0.0) -> float:
        """
        See `Backoff.least`.
        """
        return Backoff.least(self, attempt)


_BACKOFF = _EdgeBackoff(first=0.2, factor=1.5, limit=2.0, jitter=0.2)

_ANNOTATED = ("annotate", "comment")

_RING = HEADER.decode()


class HubClient:
    """
    Args:
        url: Upstream's ``/events``.

        client: A treq client or an `IAgent`; ``None`` to make one.

        timeout: The longest time for an answer, in seconds.  A page of history
            may take longer, as long as it arrives.

        ring: Names this edge and its followers in every request.

    Attributes:
        unreadable: Told of events that are passed over.

        max_answer: The largest answer that is read, in bytes.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        client: Any,
        timeout: float,
        clock: IReactorTime,
        ring: Ring | None = None,
    ) -> None:
        self.url = url
        self.unreadable = Unreadable(f"The upstream hub at {url}")
        self.max_answer = MOST_ANSWER
        self._ring = Ring() if ring is None else ring
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
            headers={**self._headers, _RING: self._ring.names},
            params=[("topic", "*"), _ANNOTATED],
            last_event_id=last_event_id,
            backoff=_BACKOFF,
            read_timeout=_SILENCE,
            connect_timeout=self._timeout,
            max_event_size=MOST_EVENT,
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
        found: list[Record] = []
        page = limit
        while True:
            asked = min(page, limit - len(found))
            try:
                excerpt = await self._ask("since", last_event_id, asked, selectors)
            except AnswerTooLarge:
                page = smaller(page)
                continue
            if found and excerpt.records and excerpt.records[0].number <= found[-1].number:
                raise HistoryUnavailable(f"The event ID {last_event_id!r} was used twice.")
            found += excerpt.records
            if excerpt.note["count"] < asked or len(found) == limit:
                return found
            # Some events could not be read, or were too large for one answer.
            last_event_id = excerpt.last_id

    async def tail(self, limit: int) -> tuple[Position, list[Record]]:
        """
        See `IHistoryProvider.tail`.
        """
        while True:
            try:
                excerpt = await self._ask("tail", None, limit)
            except AnswerTooLarge:
                limit = smaller(limit)
                continue
            with valid_answer(self.url):
                before = read_position(excerpt.note["before"])
                if excerpt.records and excerpt.records[0].number <= before.number:
                    raise ValueError("its events are out of order")
                return before, excerpt.records

    async def check_ready(self) -> None:
        """
        Check that upstream keeps and delivers publications.

        Raises:
            HistoryUnavailable: It does not, or cannot be asked.
        """
        excerpt = await self._ask("tail", None, 1)
        # Absent if upstream is of an earlier version.
        if excerpt.note.get("ready") is False:
            raise HistoryUnavailable("The upstream hub is not ready.")

    async def find(self, event_id: str) -> Record | None:
        """
        See `ISearchableHistory.find`.
        """
        try:
            excerpt = await self._ask("locate", event_id, 1)
        except UnknownEventID:
            return None
        return excerpt.records[0] if excerpt.records else None

    async def ends(self, topics: Sequence[str]) -> list[Record]:
        """
        See `IEndingHistory.ends`.
        """
        return (await self._ask("ends", None, len(topics), topics, by="match_exact")).records

    async def locate(self, event_id: str) -> Position:
        """
        See `ISharedHistoryProvider.locate`.
        """
        excerpt = await self._ask("locate", event_id, 1)
        with valid_answer(self.url):
            return read_position(excerpt.note["position"])

    async def locate_kept(self, event_id: str) -> Position:
        """
        Find a publication whose request was not answered.

        Upstream answers when it has decided whether the publication is kept.
        """
        excerpt = await self._ask("kept", event_id, 1)
        with valid_answer(self.url):
            return read_position(excerpt.note["position"])

    async def publish(self, body: bytes, count: int) -> list[Position]:
        """
        Publish *count* publications upstream, all or none of them.

        Args:
            body: The publications, each written by
                `twisted_sse.events.replication.encode_publication`.

        Raises:
            NotSent: None of them was kept.

            TopicEnded: They are for topics that have ended.

            UnexpectedStatus: Upstream has refused them.

            OutcomeUnknown, UnexpectedContentType: They may have been kept or not.
        """
        return await self._in_time(self._publish(body, count), self._timeout)

    async def _publish(self, body: bytes, count: int) -> list[Position]:
        response = await self._request("POST", {"Content-Type": "text/event-stream"}, data=body)
        await check_status(response)
        answer = await read(response, _MOST_RECEIPT * (count + 1))
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
        by: str = "topic",
    ) -> Excerpt:
        params = [(by, one) for one in selectors]
        params += [_ANNOTATED, ("excerpt", excerpt), ("limit", str(limit))]
        if last_event_id is not None:
            params.append(("last_event_id", last_event_id))
        try:
            found = await self._get(params, limit)
        except HistoryUnavailable:
            raise
        except TwistedSSEError as error:
            raise HistoryUnavailable(f"The upstream hub: {error}") from error
        if found.note.get("unknown"):
            raise UnknownEventID(f"{last_event_id!r} is not kept upstream")
        return found

    async def _get(self, params: list[tuple[str, str]], limit: int) -> Excerpt:
        began = self._clock.seconds()
        asking = self._request("GET", {"Accept": "text/event-stream"}, params=params)
        response = await self._in_time(asking, self._timeout)
        left = max(0.0, began + self._timeout - self._clock.seconds())
        await self._in_time(check_status(response), left)
        reading = read_blocks(response, limit, self.max_answer, self._timeout, self._clock)
        blocks = await self._in_time(reading, left if limit == 1 else self._timeout * _LARGE)
        with valid_answer(self.url):
            return read_excerpt(blocks, self.unreadable)

    async def _request(self, method: str, headers: dict[str, str], **options: Any) -> Any:
        every = {**self._headers, **headers, _RING: self._ring.names}
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
