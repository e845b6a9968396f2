"""
Reads the body of one answer, as it comes.

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

# A generator that waits for nothing never ends in a time that stands still, and
# whoever reads it would not either.  So many events take a third of a second.
_ENOUGH = 10_000


class AnswerReader(Protocol):
    """
    Keeps what comes, and takes it apart if it is an event stream.

    Attributes:
        body: All that has come.

        blocks: The same as events, comments, reconnection times and IDs.

        decoder: What the blocks are from; ``None`` if it is no event stream.

        ended: Whether the end of the body has come.

        closed: Whether nothing more comes, for whatever reason.
    """

    def __init__(self, decoder: Decoder | None) -> None:
        self.body = bytearray()
        self.blocks: list[ServerSentEvent] = []
        self.decoder = decoder
        self.ended = False
        self.closed = False
        self._slow = False
        self._enough = _ENOUGH

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

    def look(self) -> None:
        """
        Somebody wants to see what there is: read on, unless it is a slow reader.
        """
        self._enough = len(self.blocks) + _ENOUGH
        self._regulate()

    def set_slow(self, slow: bool) -> None:
        """
        Stop reading, or go on.
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
        if self._slow or len(self.blocks) >= self._enough:
            transport.pauseProducing()
        else:
            transport.resumeProducing()
