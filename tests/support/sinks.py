"""
A sink in memory whose free space the test sets.
"""

from twisted_sse.events.codec import Decoder
from twisted_sse.events.control import CONTROL_EVENTS
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.transport.framing import Framing, raw
from twisted_sse.transport.sink import Stream

__all__ = ["MemorySink"]


class MemorySink:
    """
    Accepts bytes while it has room, like a socket whose buffer fills up.

    Attributes:
        received: The bytes that have reached the reader.

        room: How many more bytes it accepts now.
    """

    def __init__(self, room: int = 1 << 40) -> None:
        self.framing: Framing = raw
        self.received = b""
        self.room = room
        self.spilled = b""
        self.finished = False
        self.truncated = False
        self.aborted = False
        self._stream: Stream | None = None

    @property
    def events(self) -> list[ServerSentEvent]:
        """
        The published events that have reached the reader.
        """
        return [event for event in self.blocks if event.data is not None and not _control(event)]

    @property
    def blocks(self) -> list[ServerSentEvent]:
        """
        All blocks that have reached the reader.
        """
        return Decoder(max_event_size=None).feed(self.received)

    def limit(self, send_timeout: float | None) -> None:
        """
        See `Sink.limit`: there is no kernel here.
        """

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`.
        """
        self._stream = stream
        stream.unblock()

    def pause(self) -> None:
        """
        Report that the transport is full, until `make_room`.
        """
        if self._stream is not None:
            self._stream.block()

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.
        """
        if not self.room:
            raise BlockingIOError
        taken = payload[: self.room]
        self.received += taken
        self.room -= len(taken)
        return len(taken)

    @property
    def unsent(self) -> int:
        """
        See `Sink.unsent`.
        """
        return len(self.spilled)

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """
        self.spilled += rest

    def make_room(self, room: int) -> None:
        """
        Simulate a read: *room* more bytes can be written.
        """
        taken, self.spilled = self.spilled[:room], self.spilled[room:]
        self.received += taken
        self.room += room - len(taken)
        if not self.spilled and self.room and self._stream is not None:
            self._stream.unblock()

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """
        self.received += self.spilled
        self.spilled = b""
        self.finished = True
        self._stream = None

    def truncate(self) -> None:
        """
        See `Sink.truncate`.
        """
        self.received += self.spilled
        self.spilled = b""
        self.truncated = True
        self._stream = None

    def abort(self) -> None:
        """
        See `Sink.abort`.
        """
        self.aborted = True


def _control(event: ServerSentEvent) -> bool:
    return event.event in CONTROL_EVENTS
