"""
One open stream of a response, as its source and its application see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.errors import HubClosed
from twisted_sse.events import codec
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.generators.writer import StreamWriter

__all__ = ["LastEvents", "ResponseStream"]

#: Makes the last events of a stream from its outcome, and from the failure if it has
#: failed or is interrupted; ``None`` breaks the response off.
LastEvents = Callable[[Outcome, Failure | None], Iterable[ServerSentEvent] | None]


class ResponseStream:
    """
    A stream that a source or a handler fills.

    Source functions get it as *stream*, and iterating over ``hub.responses`` finds it.

    Attributes:
        reason: Why the stream ends: ``None`` until something other than its source
            ends it; `EndReason.DRAINED` as soon as the server begins to stop.  Once
            the source is closed it is never ``None``: `EndReason.CLOSED` if the
            source ended, `EndReason.FAILED` if it failed.

        draining: Fires with ``None`` when the server begins to stop.
    """

    _log = Logger()

    __slots__ = (
        "__weakref__",
        "_last_events",
        "_on_end",
        "_state",
        "_writer",
        "draining",
        "reason",
    )

    # What a dialect is told if the application closes the stream.
    _closed_as: Outcome = "cancelled"

    def __init__(self) -> None:
        self.reason: EndReason | None = None
        self.draining: Deferred[None] = Deferred()
        self._state: dict[str, Any] | None = None
        self._writer: StreamWriter | None = None
        self._last_events: LastEvents = _no_events
        self._on_end: Callable[[], None] = _nothing

    @property
    def state(self) -> dict[str, Any]:
        """
        What the application wants to remember of the stream.
        """
        if self._state is None:
            self._state = {}
        return self._state

    @property
    def closed(self) -> bool:
        """
        Whether nothing is sent to the reader any more.
        """
        if self._writer is None:
            return self.reason is EndReason.CLOSED
        return self._writer.closed

    def close(self, final: ServerSentEvent | None = None) -> None:
        """
        End the stream in good order, after the event *final*; cancel its source.

        A stream that has ended stays as it is.
        """
        if not self.closed:
            self.reason = EndReason.CLOSED
            self._finish(self._closed_as, None, final)
            self._lost(EndReason.CLOSED)

    def begin(
        self, writer: StreamWriter, on_end: Callable[[], None], last_events: LastEvents
    ) -> None:
        """
        Let the stream write to *writer*, once the response has begun.

        Args:
            on_end: Called when something other than the source ends the stream.
        """
        # The source function may have closed the stream.
        was_closed = self.closed
        self._writer = writer
        self._last_events = last_events
        self._on_end = on_end
        writer.open(self._lost)
        if was_closed:
            self.close()

    def tell(self) -> None:
        """
        Tell the source that the server begins to stop.
        """
        if self.reason is None:
            self.reason = EndReason.DRAINED
        if not self.draining.called:
            self.draining.callback(None)

    def cut(self) -> None:
        """
        End the stream because the server stops, without waiting for its source: it is
        not complete.
        """
        if not self.closed:
            self.reason = EndReason.DRAINED
            self._finish("interrupted", Failure(HubClosed("The server is stopping.")))
            self._lost(EndReason.DRAINED)

    def finish(self) -> None:
        """
        End the stream in good order, because its source has ended.
        """
        if self.reason is None:
            self.reason = EndReason.CLOSED
        self._finish("done")

    def fail(self, failure: Failure) -> None:
        """
        End the stream because what fills it has failed: it is not complete.
        """
        if self.reason is None:
            self.reason = EndReason.FAILED
        self._finish("failed", failure)

    def _finish(
        self,
        outcome: Outcome,
        failure: Failure | None = None,
        final: ServerSentEvent | None = None,
    ) -> None:
        writer = self._writer
        if writer is None or writer.closed:
            return
        frames = [] if final is None else [codec.encode(final)]
        try:
            last = self._last_events(outcome, failure)
            frames += [] if last is None else map(codec.encode, last)
        except Exception:
            self._log.failure("The last events of a stream could not be made")
            last = None
        if last is None:
            self._truncate(writer, frames)
        else:
            self._complete(writer, frames)

    def _complete(self, writer: StreamWriter, frames: Iterable[bytes]) -> None:
        writer.finish(*frames)

    def _truncate(self, writer: StreamWriter, frames: Iterable[bytes]) -> None:
        writer.truncate(*frames)

    def _lost(self, reason: EndReason) -> None:
        self.reason = reason
        on_end, self._on_end = self._on_end, _nothing
        on_end()


def _nothing() -> None:
    pass


def _no_events(outcome: Outcome, failure: Failure | None) -> Iterable[ServerSentEvent]:
    return ()
