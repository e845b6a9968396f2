"""
How an edge speaks to its upstream: requests that are answered, and the stream.

Whatever goes wrong is told as `HistoryUnavailable`, unless it tells more.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Sequence
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
from twisted_sse.history.upstream.edgeids import unnamed

__all__ = ["Excerpt", "HubClient"]

T = TypeVar("T")

# No answer is larger, in bytes.  Upstream is trusted: it makes our order.
_UNBOUNDED = 1 << 40

# A page of history takes its time to come over a slow line: so many times as long
# as any other answer.
_LARGE = 6

# A hub sends a keepalive every 15 seconds, so two may be late.
_SILENCE = 45.0

# Subscribers wait as long as their edge does.
_BACKOFF = Backoff(first=0.2, limit=5.0)

_ANNOTATED = ("annotate", "comment")


class Excerpt(NamedTuple):
    """
    A part of upstream's history.

    Attributes:
        note: What upstream says of it.
    """

    note: dict[str, Any]
    kept: list[Record]


class HubClient:
    """
    Args:
        url: Upstream's ``/events``.

        client: A treq client or an `IAgent`; ``None`` makes one.

        timeout: How long an answer may take, in seconds; a page of history may
            take longer.
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
        Everything that follows an event, annotated.
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
        return excerpt.kept

    async def tail(self, limit: int) -> tuple[Position, list[Record]]:
        """
        See `IHistoryProvider.tail`.
        """
        excerpt = await self._ask("tail", None, limit)
        with _Understanding(self.url):
            return read_position(excerpt.note["before"]), excerpt.kept

    async def locate(self, event_id: str) -> Position:
        """
        See `ISharedHistoryProvider.locate`.
        """
        excerpt = await self._ask("locate", event_id, 1)
        with _Understanding(self.url):
            return read_position(excerpt.note["position"])

    async def locate_kept(self, event_id: str) -> Position:
        """
        The same for something that was published and not answered: not before
        it is decided whether it is kept.
        """
        excerpt = await self._ask("kept", event_id, 1)
        with _Understanding(self.url):
            return read_position(excerpt.note["position"])

    async def publish(self, body: bytes, count: int) -> list[Position]:
        """
        Have *count* publications kept, all or none of them.

        Args:
            body: As of `twisted_sse.events.replication.encode_publication`, joined.

        Raises:
            NotSent: They were not.

            UnexpectedStatus: Upstream refuses them.

            Unanswered, UnexpectedContentType: That is not known.
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
                "The answer does not tell where each event stands.",
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
            patience = self._timeout if limit == 1 else self._timeout * _LARGE
            found = await self._in_time(self._get(params), patience)
        except TwistedSSEError as error:
            raise HistoryUnavailable(f"The upstream hub: {error}") from error
        if found.note.get("unknown"):
            raise UnknownEventID(f"{last_event_id!r} is not kept upstream")
        return found

    async def _get(self, params: list[tuple[str, str]]) -> Excerpt:
        response = await self._request("GET", {"Accept": "text/event-stream"}, params=params)
        await check_status(response)
        body = await read(response, _UNBOUNDED)
        with _Understanding(self.url):
            head, *events = Decoder(None).feed(body)
            note, _ = note_of(head.comment)
            kept = [unnamed(read_record(event)) for event in events]
            if note["count"] != len(kept):
                raise ValueError(f"of {note['count']} events {len(kept)} have come")
        return Excerpt(note, kept)

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

    async def _in_time(self, steps: Coroutine[Any, Any, T], patience: float) -> T:
        asking = Deferred.fromCoroutine(steps)
        asking.addTimeout(patience, self._clock, too_late)
        try:
            return await asking
        except Exception as error:
            meaning = meaning_of(error, self.url)
            if isinstance(meaning, CancelledError):
                meaning = HistoryUnavailable("The edge is stopping.")
            if meaning is error:
                raise
            raise meaning from error


class _Understanding:
    """
    Says of what cannot be read who has sent it.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        """
        Nothing has been read.
        """

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if isinstance(error, ValueError | KeyError | TypeError):
            raise HistoryUnavailable(
                f"{self._url} does not answer as the hub of an edge should: {error}"
            ) from None
