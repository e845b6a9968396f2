"""
Publishes to a hub that is elsewhere, and tells what became of it.

A request is made once.  Whether and when to try again is the caller's to say:
each failure tells whether the publications can have been kept.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from twisted_sse.client.agent import client_of
from twisted_sse.client.cancellation import Wait
from twisted_sse.client.confirmation import DECIDED, NOT_SO, KeptAnswer
from twisted_sse.client.failures import meaning_of, too_late
from twisted_sse.client.response import check_status, content_type, deliver, first_words, read
from twisted_sse.errors import InvalidEvent, UnexpectedContentType, UnexpectedStatus
from twisted_sse.events.media import EVENT_STREAM, media_type
from twisted_sse.events.publication import Publication, Receipt

__all__ = ["Publisher"]

T = TypeVar("T")

# No answer to what was published is larger, in bytes: a receipt has about sixty,
# and a hub takes a mebibyte of publications at once.
_MAX_ANSWER = 16 * 1024 * 1024


class Publisher:
    """
    Posts publications to a hub.

    Redirects are not followed: they are no answer to what was published.

    Args:
        url: The hub's ``/events``.

        token: Sent as ``Authorization: Bearer``.

        client: A treq client, or an `IAgent`.  By default every request has a
            connection of its own: one that is kept may be closed by the server
            at the moment of sending, and then nobody knows what was kept.

        headers: Further headers of every request.

        timeout: How long a request may take, in seconds.

        reactor: Keeps the time; the global one by default.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        client: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        reactor: IReactorTime | None = None,
    ) -> None:
        self.url = url
        self._headers = dict(headers or {})
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._client = client
        self._timeout = timeout
        self._reactor = reactor

    async def publish(self, publications: Sequence[Publication]) -> list[Receipt]:
        """
        Have *publications* kept, all or none of them, in this order.

        Returns:
            A `Receipt` for each, in the same order.

        Raises:
            InvalidEvent: One has a comment or no data, which cannot be posted.

            NotSent: There was no connection; they were not kept.

            UnexpectedStatus: The server has refused them.  A hub keeps nothing
                of what it refuses; what a proxy says with 502 or 504 tells
                nothing of what the hub behind it did.

            Unanswered: They may have been kept or not: `was_kept` finds out if
                they have IDs.

            UnexpectedContentType: Who answers is no hub.
        """
        body = json.dumps([_value(one) for one in publications], ensure_ascii=False).encode()
        return await self._in_time(self._publish(body, len(publications)))

    async def was_kept(self, publication_id: str, topics: Iterable[str]) -> bool:
        """
        Ask the hub whether it knows an event ID.

        With a token that lets read everything, the hub says so when it is
        decided what becomes of all that has reached it.  With another it is
        asked by coming back with the ID, and may still be keeping what it was
        sent a moment ago: give it a moment.  What it has forgotten since is not
        known either.

        Args:
            publication_id: The ID that the publisher made.

            topics: One or more that may be read.

        Raises:
            NotSent, UnexpectedStatus, UnexpectedContentType: As `publish` does.
                401 and 403 say that the topics may not be read.

            Unanswered: The stream does not tell.
        """
        return await self._in_time(self._was_kept(publication_id, list(topics)))

    async def _publish(self, body: bytes, count: int) -> list[Receipt]:
        headers = {"Content-Type": ["application/json"], "Accept": ["application/json"]}
        response = await self._request("POST", headers, data=body)
        await check_status(response)
        answer = await read(response, _MAX_ANSWER)
        return _receipts(answer, count, content_type(response))

    async def _was_kept(self, publication_id: str, topics: list[str]) -> bool:
        try:
            return await self._ask(DECIDED, publication_id)
        except UnexpectedStatus as error:
            if error.status not in NOT_SO:
                raise
        return await self._ask([("topic", topic) for topic in topics], publication_id)

    async def _ask(self, parameters: list[tuple[str, str]], publication_id: str) -> bool:
        headers: dict[str, list[str | bytes]] = {
            "Accept": [EVENT_STREAM],
            "Cache-Control": ["no-store"],
            # HTML: "`Last-Event-ID` [...] value, encoded as UTF-8".
            "Last-Event-ID": [publication_id.encode()],
        }
        response = await self._request("GET", headers, params=parameters, unbuffered=True)
        await check_status(response)
        kind = content_type(response)
        if media_type(kind) != EVENT_STREAM:
            raise UnexpectedContentType(f"Not an event stream, but {kind or 'untyped'}.", kind)
        answer = KeptAnswer()
        await deliver(response, answer.feed)
        return answer.result()

    async def _request(
        self, method: str, headers: Mapping[str, Sequence[str | bytes]], **options: Any
    ) -> Any:
        all_headers = Headers({name: [value] for name, value in self._headers.items()})
        for name, values in headers.items():
            all_headers.setRawHeaders(name, values)
        return await self._treq.request(
            method, self.url, headers=all_headers, allow_redirects=False, **options
        )

    async def _in_time(self, steps: Coroutine[Any, Any, T]) -> T:
        """
        Bound the time that *steps* take, and say of a failure what it means.
        """
        working = Deferred.fromCoroutine(steps)
        working.addTimeout(self._timeout, self._clock, too_late)
        try:
            return await Wait(working).done
        except Exception as error:
            meaning = meaning_of(error, self.url)
            if meaning is error:
                raise
            raise meaning from error

    @cached_property
    def _treq(self) -> Any:
        return client_of(self._client, self._clock, None)

    @property
    def _clock(self) -> IReactorTime:
        if self._reactor is not None:
            return self._reactor
        from twisted.internet import reactor

        return cast(IReactorTime, reactor)


def _value(publication: Publication) -> dict[str, object]:
    event = publication.event
    if event.data is None or event.comment is not None:
        raise InvalidEvent("An event without data, or with a comment, cannot be posted.")
    value: dict[str, object] = {"topic": list(publication.topics), "data": event.data}
    optional = {"event": event.event, "id": event.id, "retry": event.retry}
    value |= {name: given for name, given in optional.items() if given is not None}
    return value | {"private": True} if publication.private else value


def _receipts(answer: bytes, count: int, kind: str) -> list[Receipt]:
    try:
        receipts = [Receipt(one["id"], one["subscribers"]) for one in json.loads(answer)]
        checked = all(isinstance(one.id, str) for one in receipts) and len(receipts) == count
    except (ValueError, TypeError, KeyError, RecursionError):
        checked = False
    if not checked:
        detail = first_words(answer)
        raise UnexpectedContentType("The answer has no receipts.", kind, detail)
    return receipts
