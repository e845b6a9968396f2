"""
Reads the body of one answer as it arrives.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone

from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["AnswerReader"]

# An endless generator that never waits would be read for ever, because the clock
# stands still.  So reading stops after this many events, a third of a second.
_PORTION = 10_000


class AnswerReader(Protocol):
    """
    Keeps the body, and decodes it if it is an event stream.

    Attributes:
        body: All bytes that have arrived.

        blocks: The body decoded as events, comments, reconnection times and IDs.

        decoder: Decodes the body; ``None`` if it is not an event stream.

        ended: Whether the body is complete.

        closed: Whether the connection is over, for any reason.
    """

    def __init__(self, decoder: Decoder | None) -> None:
        self.body = bytearray()
        self.blocks: list[ServerSentEvent] = []
        self.decoder = decoder
        self.ended = False
        self.closed = False
        self._slow = False
        self._limit = _PORTION

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        self.body += data
        if self.decoder is not None:
            self.blocks += self.decoder.feed(data)
        self._regulate()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self.closed = True
        self.ended = reason.check(ResponseDone) is not None

    def read_more(self) -> None:
        """
        Read the next portion, unless the reader is slow.
        """
        self._limit = len(self.blocks) + _PORTION
        self._regulate()

    def set_slow(self, slow: bool) -> None:
        """
        Stop reading, or read again.
        """
        self._slow = slow
        self._regulate()

    def leave(self) -> None:
        """
        Close the network connection.
        """
        transport: Any = self.transport
        transport.loseConnection()

    def _regulate(self) -> None:
        transport: Any = self.transport
        if self._slow or len(self.blocks) >= self._limit:
            transport.pauseProducing()
        else:
            transport.resumeProducing()
