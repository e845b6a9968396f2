"""
Sends the backlogs of connections whose topics have changed.

Rule: the frames of a backlog are written in order and at the reader's pace, and nothing
else is written to the connection until the last of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from twisted_sse.broker.audiences.window import Window
from twisted_sse.broker.connections.backlog import Backlog
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.replay.pages import PAGE_BYTES, PAGE_EVENTS, PAGE_SCAN
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.preamble import OLDEST, ResetReason, reset_frame
from twisted_sse.events.publication import Position, PublisherID, Record
from twisted_sse.interfaces import IHistoryProvider

__all__ = ["Backlogs"]


class Backlogs:
    """
    Args:
        unavailable: Called with a connection whose history could not be read, and why;
            it resumes the connection later.
    """

    def __init__(
        self,
        window: Window,
        history: IHistoryProvider,
        unavailable: Callable[[Connection, Failure], None],
    ) -> None:
        self._window = window
        self._history = history
        self._unavailable = unavailable

    def advance(self, connection: Connection, backlog: Backlog) -> bool:
        """
        Send *connection*, which is ready, one page of its *backlog*.

        Returns:
            Whether it can take more at once.
        """
        if backlog.first:
            self._write(connection, [backlog.first])
            backlog.first = b""
        elif backlog.done:
            connection.backlog = None
            self._write(connection, [backlog.last])
        elif self._window.covers(backlog.position.number):
            self._send_from_window(connection, backlog)
        else:
            self._read(connection, backlog)
        return connection.ready

    def _send_from_window(self, connection: Connection, backlog: Backlog) -> None:
        interest = connection.audience.interest
        entries, size, reached = [], 0, backlog.goal
        following = self._window.following(backlog.position.number)
        for scanned, entry in enumerate(following, 1):
            if entry.number > backlog.goal.number:
                break
            if backlog.wants(interest, entry.number, entry.topics, entry.private):
                entries.append(entry)
                size += len(entry.frame)
            if size >= PAGE_BYTES or scanned == PAGE_SCAN:
                reached = entry.position
                break
        self._send(connection, backlog, connection.audience.representation.frames(entries), reached)

    def _read(self, connection: Connection, backlog: Backlog) -> None:
        # Only of added topics is there anything to read.
        assert backlog.added is not None
        connection.reading = True
        since = None if backlog.position == OLDEST else backlog.position.id
        reading: Deferred[Sequence[Record]] = maybeDeferred(
            self._history.since, since, backlog.added, PAGE_EVENTS
        )
        reading.addBoth(self._take, connection, backlog)

    def _take(
        self, result: Sequence[Record] | Failure, connection: Connection, backlog: Backlog
    ) -> None:
        connection.reading = False
        if connection.backlog is not backlog or not connection.ready:
            connection.resume()
        elif not isinstance(result, Failure):
            self._send_from_history(connection, backlog, result)
            connection.resume()
        elif result.check(UnknownEventID):
            self._tell_of_gap(connection, backlog)
            connection.resume()
        else:
            self._unavailable(connection, result)

    def _send_from_history(
        self, connection: Connection, backlog: Backlog, records: Sequence[Record]
    ) -> None:
        interest = connection.audience.interest
        encode = connection.audience.representation.encode
        frames, size, reached = [], 0, backlog.goal
        for count, record in enumerate(records, 1):
            if record.number > backlog.goal.number:
                break
            publication = record.publication
            if backlog.wants(interest, record.number, publication.topics, publication.private):
                frames.append(encode(record))
                size += len(frames[-1])
            if size >= PAGE_BYTES or count == PAGE_EVENTS:
                reached = record.position
                break
        self._send(connection, backlog, frames, reached)

    def _tell_of_gap(self, connection: Connection, backlog: Backlog) -> None:
        """
        Say that history has forgotten the rest of *backlog*, and go on after it.
        """
        event_id = backlog.position.id
        known = None if isinstance(event_id, PublisherID) else event_id
        self._write(connection, [reset_frame(ResetReason.BEHIND, known)])
        backlog.position = backlog.goal

    def _send(
        self, connection: Connection, backlog: Backlog, frames: list[bytes], reached: Position
    ) -> None:
        # Before the bytes are written, because that may end the connection.
        backlog.position = reached
        connection.events_alone += len(frames)
        if frames:
            self._write(connection, frames)

    def _write(self, connection: Connection, frames: Iterable[bytes]) -> None:
        connection.write(connection.audience.framing(b"".join(frames)))
