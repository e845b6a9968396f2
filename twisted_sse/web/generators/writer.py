"""
Where the frames of one response gather, until they leave together.

All frames of a turn leave in one write, and never more than `FULL` bytes wait
here and one frame.  Nothing is written from within `StreamWriter.write`: whoever gives
frames is never told in the middle of it that the reader has left.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.keepalive import Keepalive
from twisted_sse.broker.connections.sendtimeout import SendTimeout
from twisted_sse.transport.sinks.sink import Sink

__all__ = ["FULL", "StreamWriter"]

#: How many bytes are written at once, if there are as many: enough for a write
#: to cost little for each event, and what a stalled reader may hold twice.
FULL = 64 * 1024

# How long one stream may hold the reactor in a turn, in seconds.
_BUDGET = 0.003


class StreamWriter:
    """
    Takes frames, and writes them at the reader's pace.

    Args:
        keepalive: Has a comment written now and then; ``None``: nobody does.

        patience: Cuts a reader that takes nothing; ``None``: nobody does.

    Attributes:
        closed: Whether nothing can be written any more.

        written: When something was last written, in seconds.

        due: As `Connection.due`.
    """

    _log = Logger()

    __slots__ = (
        "_blocked",
        "_clock",
        "_deadline",
        "_frames",
        "_gone",
        "_keepalive",
        "_patience",
        "_room",
        "_sink",
        "_size",
        "_turn",
        "closed",
        "due",
        "written",
    )

    def __init__(
        self,
        sink: Sink,
        clock: IReactorTime,
        keepalive: Keepalive | None,
        patience: SendTimeout | None,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._keepalive = keepalive
        self._patience = patience
        self._blocked = True
        self._deadline = 0.0
        self._frames: list[bytes] = []
        self._gone: Callable[[], None] | None = None
        self._room: Deferred[None] | None = None
        self._size = 0
        self._turn: IDelayedCall | None = None
        self.closed = False
        self.due: int | None = None
        self.written = clock.seconds()

    @property
    def silent_since(self) -> float:
        """
        When something was last written, in seconds.
        """
        return self.written

    @property
    def unsent(self) -> int:
        """
        See `Sink.unsent`.
        """
        return self._sink.unsent

    def open(self, gone: Callable[[], None]) -> None:
        """
        Begin; the response's first bytes have been written.

        Args:
            gone: Called once, if the reader leaves or is cut.
        """
        self._gone = gone
        if self._keepalive is not None:
            self._keepalive.watch(self)
        self._sink.limit(None if self._patience is None else self._patience.limit)
        self._sink.open(self)
        if self._blocked:
            # Who never has room for the first event is waited for as well.
            self.block()

    def write(self, frame: bytes | None) -> bool:
        """
        Have *frame*, if there is one, leave in this turn.

        Returns:
            Whether more is welcome; if not, wait for `drained`.
        """
        if frame is not None:
            self._frames.append(frame)
            self._size += len(frame)
        if self._turn is None:
            self._plan()
        return not self._blocked and self._size < FULL and self._clock.seconds() < self._deadline

    def drained(self) -> Deferred[None]:
        """
        Wait until the reader takes more, in a later turn.

        One may wait at a time.  It fires never if the reader leaves before.
        """
        self._room = Deferred()
        return self._room

    def finish(self, *final: bytes) -> None:
        """
        End the response in good order, after all that was taken and *final*.
        """
        if self.closed:
            return
        self._close()
        payload = b"".join([*self._frames, *final])
        self._frames.clear()
        try:
            if payload:
                self._sink.spill(self._sink.framing(payload))
            self._sink.finish()
        except Exception:
            self._log.failure("A stream could not be ended in good order")

    def block(self) -> None:
        """
        See `Stream.block`.
        """
        self._blocked = True
        if self._patience is not None and not self.closed:
            self._patience.wait_for(self)

    def unblock(self) -> None:
        """
        See `Stream.unblock`.
        """
        self._blocked = False
        if self._patience is not None:
            self._patience.wait_no_more(self)
        if self._turn is None and not self.closed:
            self._plan()

    def gone(self) -> None:
        """
        See `Stream.gone`.
        """
        if not self.closed:
            gone = self._gone
            self._close()
            self._frames.clear()
            if gone is not None:
                gone()

    def abort(self, reason: EndReason) -> None:
        """
        End the stream without waiting: what was not sent stays unsent.
        """
        self._sink.abort()
        # An HTTP/2 stream that is aborted may say nothing.
        self.gone()

    def keep_alive(self, comment: bytes) -> None:
        """
        Write *comment*, unless there is something to be written already.
        """
        if not (self._blocked or self._frames):
            self._write(comment)

    def _plan(self) -> None:
        if not self._blocked:
            self._deadline = self._clock.seconds() + _BUDGET
            self._turn = self._clock.callLater(0, self._flush)

    def _flush(self) -> None:
        self._turn = None
        if self._frames and not self._blocked:
            payload = b"".join(self._frames)
            self._frames.clear()
            self._size = 0
            self._write(payload)
        if self._room is not None and not (self._blocked or self.closed):
            drained, self._room = self._room, None
            self._deadline = self._clock.seconds() + _BUDGET
            drained.callback(None)

    def _write(self, payload: bytes) -> None:
        self.written = self._clock.seconds()
        framed = self._sink.framing(payload)
        try:
            sent = self._sink.send(framed)
        except OSError:
            sent = 0
        if sent != len(framed):
            self.block()
            self._sink.spill(framed[sent:])

    def _close(self) -> None:
        self.closed = True
        self._gone = None
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self._keepalive is not None:
            self._keepalive.forget(self)
        if self._patience is not None:
            self._patience.wait_no_more(self)
