"""
The protocol between hubs: streams and parts of history for a hub that follows
this one.

A replicated stream is an event stream in which each event comes with its position
and all its topics, as `twisted_sse.events.replication` writes them.  A part of
history is an event stream that ends; its first block says how many events follow,
so an answer that was cut is not taken for a whole one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.web.server import Request

from twisted_sse.broker.audiences.representation import REPLICATED, Representation
from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import (
    Forbidden,
    HubClosed,
    Unauthorized,
    UnknownEventID,
)
from twisted_sse.events.publication import Record, Tail
from twisted_sse.events.replication import write_note, write_position
from twisted_sse.history.upstream.ring import HEADER, IEdge
from twisted_sse.interfaces import IEndingHistory, ISearchableHistory
from twisted_sse.topics import Selection
from twisted_sse.web.locate import locate
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import Query, ReplicationQuery, last_event_id
from twisted_sse.web.resource import has_left

__all__ = ["OpenStream", "Replication"]

#: Opens a stream in a representation, as `Subscriptions` does for subscribers.
OpenStream = Callable[[Request, Grant, Selection, Query, Representation], "Deferred[None]"]


class Replication:
    """
    Answers other hubs.

    Args:
        open_stream: Opens a stream.
    """

    def __init__(self, broker: Broker, open_stream: OpenStream) -> None:
        self._broker = broker
        self._open_stream = open_stream

    def check_grant(self, grant: Grant) -> None:
        """
        Refuse a hub whose *grant* does not cover everything: events come with all
        their topics, and the hub hands private events to its own subscribers.

        Raises:
            Unauthorized, Forbidden: The grant covers less.
        """
        if grant.subscribe is None or not grant.subscribe.everything:
            if grant is ANONYMOUS:
                raise Unauthorized("Send a token: Authorization: Bearer TOKEN.")
            raise Forbidden(
                "Annotated streams are for hubs: they need a token that may read everything."
            )

    def check_selection(self, selection: Selection, query: ReplicationQuery) -> None:
        """
        Refuse a stream of some topics only, which is not enough for another hub.

        Raises:
            Problem: Such a stream is asked for.
        """
        if not selection.everything and query.excerpt not in ("since", "ends"):
            raise Problem(400, "Annotated streams have all topics: ask with ?topic=*.")

    def get(
        self, request: Request, grant: Grant, selection: Selection, query: Query
    ) -> Deferred[None]:
        """
        Answer *request*, which `check` has let pass.
        """
        replication = query.replication
        assert replication is not None
        edge = IEdge(self._broker.history, None)
        names = request.getHeader(HEADER.decode()) or ""
        if edge is not None and edge.follows(names):
            raise Problem(
                508,
                "This hub follows the edge that asks, so edges follow each other in a ring:"
                " give one of them another upstream hub.",
            )
        last_id = last_event_id(request, query)
        if replication.excerpt is None:
            return self._open_stream(request, grant, selection, query, REPLICATED)
        return Deferred.fromCoroutine(self._answer(request, selection, last_id, replication))

    async def _answer(
        self,
        request: Request,
        selection: Selection,
        last_event_id: str | None,
        query: ReplicationQuery,
    ) -> None:
        if self._broker.closed:
            raise HubClosed("The hub is stopping; come back in a moment.")
        await self._broker.start()
        try:
            head, records = await self._read(selection, last_event_id, query)
        except UnknownEventID:
            head, records = {"unknown": True}, ()
        head["count"] = len(records)
        _answer(request, write_note(head) + b"\n" + b"".join(map(REPLICATED.encode, records)))

    async def _read(
        self, selection: Selection, last_event_id: str | None, query: ReplicationQuery
    ) -> tuple[dict[str, Any], Sequence[Record]]:
        if query.excerpt == "tail":
            tail = await self._tail(query.limit)
            note: dict[str, Any] = {"before": write_position(tail.before)}
            if query.limit == 1:
                # An edge asks so to find out whether it is ready itself.
                note["ready"] = not await self._broker.readiness.examine()
            return note, tail.kept
        if query.excerpt == "kept":
            # The hub that asks has had no answer, perhaps because there is none yet.
            await self._broker.flush()
        if query.excerpt in ("locate", "kept"):
            position = await locate(self._broker, last_event_id or "")
            return {"position": write_position(position)}, await self._find(last_event_id or "")
        if query.excerpt == "ends":
            return {}, await self._ends(sorted(selection.exact))
        return {}, await self._since(last_event_id, selection, query.limit)

    async def _find(self, event_id: str) -> Sequence[Record]:
        searchable = ISearchableHistory(self._broker.history, None)
        record = None if searchable is None else await maybeDeferred(searchable.find, event_id)
        return () if record is None else (record,)

    async def _ends(self, topics: Sequence[str]) -> Sequence[Record]:
        ending = IEndingHistory(self._broker.history, None)
        if ending is None or not topics:
            return ()
        ends: Sequence[Record] = await maybeDeferred(ending.ends, topics)
        return ends

    def _tail(self, limit: int) -> Deferred[Tail]:
        return maybeDeferred(self._broker.history.tail, limit)

    def _since(
        self, last_event_id: str | None, selection: Selection, limit: int
    ) -> Deferred[Sequence[Record]]:
        return maybeDeferred(self._broker.history.since, last_event_id, selection, limit)


def _answer(request: Request, body: bytes) -> None:
    if has_left(request):
        return
    headers = request.responseHeaders
    headers.setRawHeaders(b"Content-Type", [b"text/event-stream"])
    headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
    headers.setRawHeaders(b"Cache-Control", [b"no-store, no-transform"])
    request.write(body)
    request.finish()
