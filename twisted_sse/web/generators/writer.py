"""
Buffers the frames of one response, and writes them together.

All frames of a reactor turn leave in one write.  The buffer holds at most `FULL`
bytes and one frame.  `StreamWriter.write` only buffers, so the subscriber's
departure is never reported to the caller in the middle of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.keepalive import Keepalive
from twisted_sse.broker.connections.sendtimeout import SendTimeout
from twisted_sse.transport.sink import Sink

__all__ = ["FULL", "StreamWriter"]

#: The size at which the buffer is full, in bytes: large enough that a write costs
#: little per event.  A stalled subscriber can hold twice as much.
FULL = 64 * 1024

# How long one stream may occupy the reactor in a turn, in seconds.
_BUDGET = 0.003


class StreamWriter:
    """
    A buffered writer that keeps to the subscriber's pace.

    Args:
        keepalive: Writes the keepalive comments; ``None`` for none.

        send_timeout: Aborts the stream of a subscriber that takes nothing;
            ``None`` waits forever.

    Attributes:
        closed: Whether the stream has ended.

        written: When something was last written, in seconds.

        due: As `Connection.due`.
    """

    _log = Logger()

    __slots__ = (
        "_blocked",
        "_clock",
        "_deadline",
        "_drained",
        "_frames",
        "_gone",
        "_keepalive",
        "_send_timeout",
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
        send_timeout: SendTimeout | None,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._keepalive = keepalive
        self._send_timeout = send_timeout
        self._blocked = True
        self._deadline = 0.0
        self._frames: list[bytes] = []
        self._gone: Callable[[EndReason], None] | None = None
        self._drained: Deferred[None] | None = None
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

    def open(self, gone: Callable[[EndReason], None]) -> None:
        """
        Begin, after the first bytes of the response were written.

        Args:
            gone: Called once with the reason, if the subscriber leaves or the stream
                is aborted.
        """
        self._gone = gone
        if self._keepalive is not None:
            self._keepalive.watch(self)
        self._sink.limit(None if self._send_timeout is None else self._send_timeout.limit)
        self._sink.open(self)
        if self._blocked:
            # The send time-out counts before the first event as well.
            self.block()

    def write(self, frame: bytes | None) -> bool:
        """
        Buffer *frame*, if it is not ``None``, to be written in this reactor turn.

        Returns:
            Whether more may be written now; if not, wait for `drained` first.
        """
        if frame is not None:
            self._frames.append(frame)
            self._size += len(frame)
        if self._turn is None:
            self._plan()
        return not self._blocked and self._size < FULL and self._clock.seconds() < self._deadline

    def drained(self) -> Deferred[None]:
        """
        Wait until more may be written, in a later turn.

        Only one caller may wait at a time.  If the subscriber leaves, the result
        never fires.
        """
        self._drained = Deferred()
        # With asyncio, a source begins when the first turn may be over.
        if self._turn is None:
            self._plan()
        return self._drained

    def finish(self, *final: bytes) -> None:
        """
        End the response in good order, after the buffered frames and *final*.
        """
        self._end_after(final, self._sink.finish)

    def truncate(self, *final: bytes) -> None:
        """
        End the response after the buffered frames and *final*, so that its reader sees
        that it is not complete.
        """
        self._end_after(final, self._sink.truncate)

    def block(self) -> None:
        """
        See `Stream.block`.
        """
        self._blocked = True
        if self._send_timeout is not None and not self.closed:
            self._send_timeout.wait_for(self)

    def unblock(self) -> None:
        """
        See `Stream.unblock`.
        """
        self._blocked = False
        if self._send_timeout is not None:
            self._send_timeout.wait_no_more(self)
        if self._turn is None and not self.closed:
            self._plan()

    def gone(self) -> None:
        """
        See `Stream.gone`.
        """
        self._end(EndReason.GONE, lambda: None)

    def abort(self, reason: EndReason) -> None:
        """
        End the stream at once, and discard what was not sent.
        """
        self._end(reason, self._sink.abort)

    def keep_alive(self, comment: bytes) -> None:
        """
        Write *comment*, unless frames are buffered or the stream is blocked.
        """
        if not (self._blocked or self._frames):
            self._write(comment)

    def _end_after(self, final: Iterable[bytes], end: Callable[[], None]) -> None:
        if self.closed:
            return
        self._close()
        payload = b"".join([*self._frames, *final])
        self._frames.clear()
        try:
            if payload:
                self._sink.spill(self._sink.framing(payload))
            end()
        except Exception:
            self._log.failure("A stream could not be ended")

    def _end(self, reason: EndReason, abort: Callable[[], None]) -> None:
        if self.closed:
            return
        gone = self._gone
        self._close()
        self._frames.clear()
        # Some sinks report that they were aborted, and others do not.
        abort()
        if gone is not None:
            gone(reason)

    def _plan(self) -> None:
        # A source may write although its stream has ended meanwhile.
        if not (self._blocked or self.closed):
            self._deadline = self._clock.seconds() + _BUDGET
            self._turn = self._clock.callLater(0, self._flush)

    def _flush(self) -> None:
        self._turn = None
        if self._frames and not self._blocked:
            payload = b"".join(self._frames)
            self._frames.clear()
            self._size = 0
            self._write(payload)
        if self._drained is not None and not (self._blocked or self.closed):
            drained, self._drained = self._drained, None
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
        if self._send_timeout is not None:
            self._send_timeout.wait_no_more(self)
