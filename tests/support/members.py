"""
Stub members of an audience, and a sink that records its payloads.
"""

from collections.abc import Callable

from tests.support.sinks import MemorySink
from twisted_sse.broker.audiences.audience import NOT_LIVE, Audience
from twisted_sse.events.publication import Position

__all__ = ["RecordingSink", "StubMember"]


class StubMember:
    """
    Records what its audience does to it.

    Attributes:
        payloads: The payloads it was sent, in order.

        room: How many bytes it takes at once.

        on_send: Called during each `send`.

        short: The arguments of each `fell_short` call: the payload, and how
            many of its bytes were sent.

        broken: Whether `send` raises BrokenPipeError.

        resumed: The number of `resume` calls.
    """

    def __init__(self, audience: Audience) -> None:
        self.audience = audience
        self.slot = NOT_LIVE
        self.position = Position(-1, "nowhere")
        self.events_alone = self.bytes_alone = 0
        self.payloads: list[bytes] = []
        self.room = 1 << 40
        self.on_send: Callable[[], None] = lambda: None
        self.short: list[tuple[bytes, int]] = []
        self.broken = False
        self.resumed = 0

    @property
    def received(self) -> bytes:
        """
        Everything it was sent.
        """
        return b"".join(self.payloads)

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.
        """
        if self.broken:
            raise BrokenPipeError
        self.payloads.append(payload)
        self.on_send()
        return min(self.room, len(payload))

    def resume(self) -> None:
        """
        See `Member.resume`.
        """
        self.resumed += 1

    def fell_short(self, payload: bytes, sent: int) -> None:
        """
        See `Member.fell_short`: leaves, as a connection does.
        """
        self.short.append((payload, sent))
        self.audience.leave(self)


class RecordingSink(MemorySink):
    """
    A sink in memory that also keeps each payload object.
    """

    def __init__(self, room: int = 1 << 40) -> None:
        super().__init__(room)
        self.payloads: list[bytes] = []
        self.on_send: Callable[[], None] = lambda: None

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.
        """
        self.payloads.append(payload)
        self.on_send()
        return super().send(payload)
