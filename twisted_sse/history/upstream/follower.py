"""
Delivers what upstream streams, exactly once and in order, for as long as that
can be known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.client import Comment, Control, Lost, Opened, Signal
from twisted_sse.errors import HistoryUnavailable, TwistedSSEError, UnknownEventID
from twisted_sse.events.control import OPEN, RESET
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.events.replication import note_of, read_record
from twisted_sse.history.upstream.cursor import Cursor
from twisted_sse.history.upstream.edgeids import unnamed
from twisted_sse.history.upstream.hubclient import HubClient

__all__ = ["UpstreamFollower"]

# Of how many publications a restart tells.  A hub keeps as many in memory.
_TAIL = 1024

# The pause after upstream has refused something, in seconds.
_PAUSE = 1.0


class UpstreamFollower:
    """
    Runs until `stop`.

    Args:
        after, deliver, restart: See `ISharedHistoryProvider.follow`.
    """

    _log = Logger()

    def __init__(
        self,
        door: HubClient,
        clock: IReactorTime,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        self._door = door
        self._clock = clock
        self._place = Cursor(after)
        self._deliver = deliver
        self._restart = restart
        self._batch: list[Record] = []
        self._call: IDelayedCall | None = None
        self._told = ""
        self._gap = False
        self._running: Deferred[None] = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    def stop(self) -> None:
        """
        Deliver nothing any more.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._batch.clear()
        self._running.cancel()

    async def _run(self) -> None:
        while True:
            try:
                if self._gap:
                    await self._begin_anew()
                await self._follow()
            except UnknownEventID as error:
                self._log.info("The upstream hub cannot go on: {reason}", reason=str(error))
                self._gap = True
                continue
            except TwistedSSEError as error:
                self._tell(str(error))
            except CancelledError:
                raise
            except Exception:
                # Whatever it is, subscribers wait for what comes next.
                self._log.failure("The upstream hub could not be followed")
            await deferLater(self._clock, _PAUSE)

    async def _begin_anew(self) -> None:
        before, kept = await self._door.tail(_TAIL)
        tail = Tail(before, kept)
        self._flush()
        self._place = Cursor(tail.newest, [before, *(Position(*one[:2]) for one in kept)])
        self._gap = False
        self._hand_over(self._restart, tail)

    async def _follow(self) -> None:
        if self._place.resume is None:
            raise UnknownEventID(f"{self._place.last} cannot be asked for")
        source = self._door.stream(self._place.resume)
        try:
            async for signal in source.signals():
                self._take(signal)
        finally:
            source.close()
        raise HistoryUnavailable("the stream has ended for good")

    def _take(self, signal: Signal) -> None:
        if isinstance(signal, Lost):
            self._tell(str(signal.reason))
            if self._place.resume != self._place.last.id:
                # The client would come back with an ID that no server takes.
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
            self._take_kept(event)
        elif event.event == RESET:
            raise UnknownEventID(event.data or "")
        elif event.event == OPEN:
            self._open(note)
        # What else there is was pushed to connections, and is not of the order.

    def _take_kept(self, event: ServerSentEvent) -> None:
        try:
            kept = unnamed(read_record(event))
        except ValueError as error:
            raise HistoryUnavailable(f"an event cannot be read: {error}") from None
        if self._place.take(kept):
            self._batch.append(kept)
            if self._call is None:
                # What comes together is sent together.
                self._call = self._clock.callLater(0, self._flush_in_turn)

    def _open(self, note: dict[str, Any]) -> None:
        try:
            self._place.open(note)
        except ValueError as error:
            raise HistoryUnavailable(f"it does not stream as for an edge: {error}") from None
        if self._told:
            self._log.info("The upstream hub at {url} is there again", url=self._door.url)
            self._told = ""

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

    def _hand_over(self, take: Callable[[Any], None], what: object) -> None:
        try:
            take(what)
        except Exception:
            # Others still want what follows.
            self._log.failure("What upstream has delivered was not taken")

    def _tell(self, reason: str) -> None:
        if not self._told:
            self._log.warn(
                "The upstream hub at {url} is away: {reason}", url=self._door.url, reason=reason
            )
        self._told = reason or "gone"

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("Nothing is delivered any more", failure)
