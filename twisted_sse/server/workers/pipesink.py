"""
Writes a stream for a worker: as calls over the pipe to it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from twisted_sse.server.workers.calls import Calls
from twisted_sse.transport.framing import Framing
from twisted_sse.transport.sink import Stream

__all__ = ["PipeSink", "quoted"]

_write: Final = json.JSONEncoder(ensure_ascii=False).encode


def quoted(payload: bytes) -> bytes:
    """
    Write *payload*, which is whole frames, as a JSON string: once for all workers.
    """
    return _write(payload.decode("utf-8")).encode("utf-8")


@implementer(IPushProducer)
class PipeSink:
    """
    Implements `twisted_sse.transport.sink.Sink`.

    Args:
        calls: Reaches the worker.

        pipe: What *calls* writes to; has ``registerProducer`` and ``unregisterProducer``.

        number: Of the stream, chosen by the worker.
    """

    framing: Framing = staticmethod(quoted)

    def __init__(self, calls: Calls, pipe: Any, number: int) -> None:
        self._calls = calls
        self._pipe = pipe
        self._number = number
        self._begin = b"%d," % number
        self._stream: Stream | None = None
        self._paused = False

    @property
    def unsent(self) -> int:
        """
        See `Sink.unsent`: unknown, since the pipe carries other calls too.
        """
        return 0

    def limit(self, send_timeout: float | None) -> None:
        """
        See `Sink.limit`: the size of a pipe is a limit.
        """

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`.
        """
        self._stream = stream
        self._pipe.registerProducer(self, True)
        if not self._paused and self._stream is not None:
            stream.unblock()

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.  Accepts everything; a full pipe pauses this sink.
        """
        self._calls.tell_written("frames", self._begin + payload)
        return len(payload)

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """
        self.send(rest)

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """
        self.close()
        self._calls.tell("unfollowed", self._number)

    def truncate(self) -> None:
        """
        See `Sink.truncate`: a worker follows again, however a stream has ended.
        """
        self.finish()

    def abort(self) -> None:
        """
        See `Sink.abort`.
        """
        stream = self._stream
        self.finish()
        if stream is not None:
            stream.gone()

    def close(self) -> None:
        """
        Take no more notice of the pipe.
        """
        if self._stream is not None:
            self._stream = None
            self._pipe.unregisterProducer()

    def pauseProducing(self) -> None:
        """
        See `IPushProducer.pauseProducing`: the pipe is full.
        """
        self._paused = True
        if self._stream is not None:
            self._stream.block()

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`: the pipe has room.
        """
        self._paused = False
        if self._stream is not None:
            self._stream.unblock()

    def stopProducing(self) -> None:
        """
        See `IProducer.stopProducing`: the worker has ended.
        """
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.gone()
