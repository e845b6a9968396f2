"""
Delivers upstream's events exactly once and in order, and restarts when that is
not possible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.client import Comment, Control, Lost, Opened, Signal
from twisted_sse.errors import HistoryUnavailable, TwistedSSEError, UnknownEventID
from twisted_sse.events.control import OPEN, RESET
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.events.replication import note_of, read_record
from twisted_sse.history.follower import PAUSE, RESTART_TAIL, Follower, RestartPause
from twisted_sse.history.outage import Outage
from twisted_sse.history.upstream.cursor import Cursor
from twisted_sse.history.upstream.edgeids import without_edge_id
from twisted_sse.history.upstream.hubclient import HubClient

__all__ = ["UpstreamFollower"]


class UpstreamFollower(Follower):
    """
    Args:
        outage: Told when upstream cannot be followed.

        after, deliver, restart: See `ISharedHistoryProvider.follow`.
    """

    def __init__(
        self,
        client: HubClient,
        outage: Outage,
        clock: IReactorTime,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        self._client = client
        self._outage = outage
        self._restarts = RestartPause()
        self._cursor = Cursor(after)
        self._batch: list[Record] = []
        self._call: IDelayedCall | None = None
        # Whether the stream is open at the position that was asked for.
        self._open_now = False
        self._gap = False
        # Where the subscribers were restarted.
        self._restarted: Position | None = None
        super().__init__(clock, deliver, restart)

    async def stop(self) -> None:
        """
        Stop delivering.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._batch.clear()
        await super().stop()

    async def _run(self) -> None:
        while True:
            try:
                if self._gap:
                    await self._restart_at_tail()
                await self._follow()
            except UnknownEventID as error:
                await self._note_gap(str(error))
                continue
            except TwistedSSEError as error:
                self._note_outage(str(error))
            except CancelledError:
                raise
            except Exception:
                # After any error, subscribers still wait for what comes next.
                self._log.failure("The upstream hub could not be followed")
            await deferLater(self._clock, PAUSE)

    def check(self) -> None:
        """
        See `Follower.check`.
        """
        self._outage.check()
        if not self._open_now:
            raise HistoryUnavailable("The upstream hub is not followed yet.")

    async def _note_gap(self, reason: str) -> None:
        """
        Note that the order cannot be continued.  After the first time, wait before
        upstream is asked again.
        """
        self._gap = True
        pause = self._restarts.next(self._clock.seconds())
        if not pause:
            self._log.info("The upstream hub cannot continue exactly: {reason}", reason=reason)
            return
        self._note_outage(f"it says again and again that it does not know its own end: {reason}")
        await deferLater(self._clock, pause)

    async def _restart_at_tail(self) -> None:
        before, records = await self._client.tail(RESTART_TAIL)
        tail = Tail(before, records)
        self._flush()
        self._cursor = Cursor(tail.newest, [before, *(Position(*one[:2]) for one in records)])
        self._gap = False
        # Subscribers are told once, not as often as upstream forgets.
        if self._restarted != tail.newest:
            self._restarted = tail.newest
            self._hand_over(self._restart, tail)

    async def _follow(self) -> None:
        if self._cursor.resume is None:
            raise UnknownEventID(f"the ID of {self._cursor.last} cannot be sent")
        try:
            await self._read(self._cursor.resume)
        finally:
            self._open_now = False
        raise HistoryUnavailable("the stream has ended")

    async def _read(self, last_event_id: str) -> None:
        """
        Take what follows an event, until the stream has ended.
        """
        source = self._client.stream(last_event_id)
        try:
            async for signal in source.signals():
                self._take(signal)
        finally:
            source.close()

    def _take(self, signal: Signal) -> None:
        if isinstance(signal, Lost):
            self._open_now = False
            self._note_outage(str(signal.reason))
            if self._cursor.resume != self._cursor.last.id:
                # The client would reconnect with an ID that no server accepts.
                raise HistoryUnavailable(str(signal.reason))
        elif isinstance(signal, Comment):
            self._take_block(ServerSentEvent(comment=signal.text))
        elif isinstance(signal, Control):
            self._take_block(signal.event)
        elif not isinstance(signal, Opened):
            self._take_block(signal)

    def _take_block(self, event: ServerSentEvent) -> None:
        note: dict[str, Any] = {}
        with suppress(ValueError, RecursionError):
            note, _ = note_of(event.comment)
        if "topics" in note:
            self._take_record(event)
        elif event.event == RESET:
            raise UnknownEventID(event.data or "")
        elif event.event == OPEN:
            self._open(note)
        # Other events were pushed to connections, and have no place in the order.

    def _take_record(self, event: ServerSentEvent) -> None:
        try:
            record = without_edge_id(read_record(event))
        except ValueError as error:
            self._client.unreadable.note((event.id or "")[:100], error)
            return
        if self._cursor.take(record):
            self._restarted = None
            self._batch.append(record)
            self._flush_soon()

    def _flush_soon(self) -> None:
        if self._call is None:
            # Deliver the events of one turn together.
            self._call = self._clock.callLater(0, self._flush_in_turn)

    def _open(self, note: dict[str, Any]) -> None:
        try:
            self._cursor.open(note)
        except ValueError as error:
            raise HistoryUnavailable(f"the stream is not one for an edge: {error}") from None
        self._open_now = True
        self._outage.end("following")

    def _flush_in_turn(self) -> None:
        self._call = None
        self._flush()

    def _flush(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        batch, self._batch = self._batch, []
        if batch:
            self._hand_over(self._deliver, batch)

    def _note_outage(self, reason: str) -> None:
        self._outage.begin("following", reason.rstrip(".") or "the stream has ended")
