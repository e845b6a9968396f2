"""
Streams that are open although history cannot tell yet where they start.

A browser gives up for good after an error response, so during an outage it gets the
headers and keepalive comments, and the rest when history is back.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.errors import HistoryUnavailable, HubClosed, NoContent
from twisted_sse.events.preamble import StreamStart

__all__ = ["PendingStarts"]

# The time until history is asked again after it was unavailable, in seconds.
_RETRY_INTERVAL = 1.0

# How many connections are placed before others get their turn: about 3 ms.
_SLICE = 64

# Marks a connection that has ended meanwhile; ``None`` is a last event ID.
_GONE = object()

Find = Callable[[Connection, "str | None"], "Deferred[StreamStart]"]
Place = Callable[[Connection, StreamStart], None]


class PendingStarts:
    """
    Asks history where connections start, one after the other, until it answers.

    ``len()`` is the number of connections that wait.

    Args:
        find: Finds where a connection starts, from its last event ID.

        place: Called with a connection when that is found.
    """

    _log = Logger()

    def __init__(self, find: Find, place: Place, clock: IReactorTime) -> None:
        self._find = find
        self._place = place
        self._clock = clock
        self._pending: dict[Connection, str | None] = {}
        self._running: Deferred[None] | None = None

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, connection: Connection, last_event_id: str | None) -> None:
        """
        Find the start of *connection*, which is open, as soon as history answers.
        """
        self._pending[connection] = last_event_id
        if self._running is None:
            self._running = Deferred.fromCoroutine(self._run()).addErrback(self._failed)

    def forget(self, connection: Connection) -> None:
        """
        Note that *connection* has ended; it may be unknown.
        """
        self._pending.pop(connection, None)

    def stop(self) -> None:
        """
        Ask no more.
        """
        self._pending.clear()
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> None:
        try:
            while self._pending:
                await deferLater(self._clock, _RETRY_INTERVAL)
                await self._find_all()
        finally:
            self._running = None

    async def _find_all(self) -> None:
        """
        Find the starts of all, until history does not answer.
        """
        for count, connection in enumerate(list(self._pending), 1):
            if connection not in self._pending:
                continue
            last_event_id = self._pending[connection]
            try:
                start = await self._find(connection, last_event_id)
            except HistoryUnavailable:
                # If only this one cannot be found, the others are not to wait for it.
                if self._pending.pop(connection, _GONE) is not _GONE:
                    self._pending[connection] = last_event_id
                return
            except CancelledError:
                raise
            except Exception as error:
                over = isinstance(error, NoContent)
                if not (over or isinstance(error, HubClosed)):
                    self._log.failure("The start of a stream could not be found")
                connection.end(EndReason.ENDED if over else EndReason.FAILED)
                continue
            if self._pending.pop(connection, _GONE) is not _GONE:
                self._place(connection, start)
            if count % _SLICE == 0:
                await deferLater(self._clock, 0)

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("Streams that wait for history could not be continued", failure)
