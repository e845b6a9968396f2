"""
Publishes to a remote hub, and tells the outcome.

A request is made once, and never repeated.  The caller decides whether to retry:
each error tells whether the publications may have been kept.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from twisted_sse.client.agent import client_of
from twisted_sse.client.confirmation import CONFIRMATION_QUERY, NEEDS_FULL_READ, Confirmation
from twisted_sse.client.failures import run_request
from twisted_sse.client.response import check_status, content_type, deliver, read
from twisted_sse.clock import clock_for
from twisted_sse.errors import UnexpectedContentType, UnexpectedStatus
from twisted_sse.events.media import EVENT_STREAM, media_type
from twisted_sse.events.publication import Publication, Receipt, posted
from twisted_sse.events.unexpectedstatus import first_words

__all__ = ["Publisher"]

T = TypeVar("T")

# The largest response to publications, in bytes: a receipt has about sixty, and a
# hub takes at most a mebibyte of publications in one request by default.
_MAX_RESPONSE = 16 * 1024 * 1024


class Publisher:
    """
    Posts publications to a hub.

    Redirects are not followed: a redirect is not an answer to a publication.

    Args:
        url: The hub's ``/events``.

        token: Sent as ``Authorization: Bearer``.

        client: A treq client or an `IAgent`.  By default every request has a
            connection of its own: a server may close a persistent connection while
            a request is being sent, and the outcome would be unknown.

        headers: Further headers of every request.

        timeout: How long a request may take, in seconds.

        reactor: Keeps the time; the global reactor by default.
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
        Publish *publications* in this order; the hub keeps all or none of them.

        Returns:
            A `Receipt` for each, in the same order.

        Raises:
            InvalidEvent: An event has a comment or no data, and cannot be posted.

            NotSent: There was no connection, so nothing was kept.

            TopicEnded: Something is for a topic that has ended; nothing was kept.

            UnexpectedStatus: The server has refused the publications.  A hub keeps
                nothing that it refuses; a 502 or 504 of a proxy does not tell what the
                hub behind it has done.

            OutcomeUnknown: The publications may have been kept.  If they have IDs,
                `was_kept` finds out.

            UnexpectedContentType, UnexpectedContentEncoding, InvalidResponse: The server
                is not a hub, or its response cannot be decoded.
        """
        body = json.dumps([posted(one) for one in publications], ensure_ascii=False).encode()
        return await self._run(self._publish(body, len(publications)))

    async def was_kept(self, publication_id: str, topics: Iterable[str]) -> bool:
        """
        Ask the hub whether it has kept an event ID.

        With a token that may read every topic, the hub answers once everything that
        it has received is either kept or refused.  With any other token, this resumes
        a stream after the ID, and the hub may still be keeping a recent publication:
        wait a moment before you ask.  An event that history has forgotten since is
        not known either.

        Args:
            publication_id: The ID that the publisher chose.

            topics: One or more topics that the token may read.

        Raises:
            NotSent, UnexpectedStatus, UnexpectedContentType: As `publish`.  401 and
                403 mean that the token may not read the topics.

            OutcomeUnknown: The stream does not tell.
        """
        return await self._run(self._was_kept(publication_id, list(topics)))

    async def _publish(self, body: bytes, count: int) -> list[Receipt]:
        headers = {"Content-Type": ["application/json"], "Accept": ["application/json"]}
        # Otherwise treq keeps the whole response in memory, however large.
        response = await self._request("POST", headers, data=body, unbuffered=True)
        await check_status(response)
        answer = await read(response, _MAX_RESPONSE)
        return _receipts(answer, count, content_type(response))

    async def _was_kept(self, publication_id: str, topics: list[str]) -> bool:
        try:
            return await self._confirm(CONFIRMATION_QUERY, publication_id)
        except UnexpectedStatus as error:
            if error.status not in NEEDS_FULL_READ:
                raise
        return await self._confirm([("topic", topic) for topic in topics], publication_id)

    async def _confirm(self, parameters: list[tuple[str, str]], publication_id: str) -> bool:
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
            raise UnexpectedContentType(
                f"The response is {kind or 'of unknown type'}, not an event stream.", kind
            )
        confirmation = Confirmation()
        await deliver(response, confirmation.feed)
        return confirmation.result()

    async def _request(
        self, method: str, headers: Mapping[str, Sequence[str | bytes]], **options: Any
    ) -> Any:
        all_headers = Headers({name: [value] for name, value in self._headers.items()})
        for name, values in headers.items():
            all_headers.setRawHeaders(name, values)
        return await self._treq.request(
            method, self.url, headers=all_headers, allow_redirects=False, **options
        )

    def _run(self, steps: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        return run_request(steps, self.url, self._timeout, self._clock)

    @cached_property
    def _treq(self) -> Any:
        return client_of(self._client, self._clock, None)

    @cached_property
    def _clock(self) -> IReactorTime:
        return clock_for(self._reactor)


def _receipts(answer: bytes, count: int, kind: str) -> list[Receipt]:
    try:
        receipts = [Receipt(one["id"], one["subscribers"]) for one in json.loads(answer)]
        checked = all(isinstance(one.id, str) for one in receipts) and len(receipts) == count
    except (ValueError, TypeError, KeyError, RecursionError):
        checked = False
    if not checked:
        detail = first_words(answer)
        raise UnexpectedContentType(
            "The response has no receipts, so the server is not a hub.", kind, detail
        )
    return receipts
