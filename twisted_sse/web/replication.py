"""
Bounded parts of history for other hubs, which ask for what this hub would ask
its own history: what follows an event, where an event stands, how it all ends;
and whether something that was sent before has been kept.

An answer is an event stream that ends.  Its first block says how many events
follow, so an answer that was cut is not taken for a whole one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.web.server import Request

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import (
    Forbidden,
    HistoryUnavailable,
    HubClosed,
    Unauthorized,
    UnknownEventID,
)
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.events.replication import write_note, write_position
from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.topics import Selection
from twisted_sse.transport.sinks.framing import annotated
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import Query
from twisted_sse.web.resource import has_left

__all__ = ["HistoryQueries", "check_annotated"]

_ALL = Selection.of(["*"])

# How often to look where an event stands while others are being kept.
_LOOKS = 10


def check_annotated(grant: Grant, wanted: Selection, query: Query) -> None:
    """
    See that *grant* lets read everything: a note tells all topics of an event,
    and edges give on what is private to whom they choose.

    Raises:
        Unauthorized, Forbidden: It does not.

        Problem: A part of the order is asked for, of which nobody could make
            another hub.
    """
    if grant.subscribe is None or not grant.subscribe.everything:
        if grant is ANONYMOUS:
            raise Unauthorized("Send a token: Authorization: Bearer TOKEN.")
        raise Forbidden("Annotated streams are for hubs: the token has to let read everything.")
    if not wanted.everything and query.excerpt != "since":
        raise Problem(400, "Annotated streams are whole: they are to be had where ?topic=* is.")


class HistoryQueries:
    """
    Answers with what history says.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def get(
        self, request: Request, wanted: Selection, last_event_id: str | None, query: Query
    ) -> Deferred[None]:
        """
        Answer *request*, in which *query* has an excerpt.
        """
        return Deferred.fromCoroutine(self._get(request, wanted, last_event_id, query))

    async def _get(
        self, request: Request, wanted: Selection, last_event_id: str | None, query: Query
    ) -> None:
        if self._broker.closed:
            raise HubClosed("The hub is stopping; come back in a moment.")
        await self._broker.start()
        try:
            head, kept = await self._read(wanted, last_event_id, query)
        except UnknownEventID:
            head, kept = {"unknown": True}, ()
        head["count"] = len(kept)
        _answer(request, write_note(head) + b"\n" + b"".join(map(annotated, kept)))

    async def _read(
        self, wanted: Selection, last_event_id: str | None, query: Query
    ) -> tuple[dict[str, Any], Sequence[Record]]:
        if query.excerpt == "tail":
            tail = await self._tail(query.limit)
            return {"before": write_position(tail.before)}, tail.kept
        if query.excerpt == "kept":
            # Who asks has had no answer, perhaps because there is none yet.
            await self._broker.flush()
        if query.excerpt in ("locate", "kept"):
            position = await self._locate(last_event_id or "")
            return {"position": write_position(position)}, ()
        return {}, await self._since(last_event_id, wanted, query.limit)

    def _tail(self, limit: int) -> Deferred[Tail]:
        return maybeDeferred(self._broker.history.tail, limit)

    def _since(
        self, last_event_id: str | None, wanted: Selection, limit: int
    ) -> Deferred[Sequence[Record]]:
        return maybeDeferred(self._broker.history.since, last_event_id, wanted, limit)

    async def _locate(self, event_id: str) -> Position:
        shared = ISharedHistoryProvider(self._broker.history, None)
        if shared is not None:
            return await maybeDeferred(shared.locate, event_id)
        for _ in range(_LOOKS):
            following = await self._since(event_id, _ALL, 1)
            if following:
                # Nothing stands between the two, so this is the same place.
                return Position(following[0].number - 1, event_id)
            newest = (await self._tail(1)).newest
            if newest.id == event_id:
                return newest
        raise HistoryUnavailable("So much is being kept that nothing can be found.")


def _answer(request: Request, body: bytes) -> None:
    if has_left(request):
        return
    headers = request.responseHeaders
    headers.setRawHeaders(b"Content-Type", [b"text/event-stream"])
    headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
    headers.setRawHeaders(b"Cache-Control", [b"no-store, no-transform"])
    request.write(body)
    request.finish()
