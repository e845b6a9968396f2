"""
One end of a network connection in memory, with the bounds that a socket has.

What is written goes into the pipe to the other end, as far as there is room;
the rest waits here, and the producer is paused for as long.  No protocol is
ever called from within a call of its own: bytes arrive, producers go on and
connections are lost in `MemoryTransport.step`, as in a turn of the reactor.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IConsumer, IProtocol, IPushProducer, ITransport
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["MemoryTransport"]


@implementer(ITransport, IConsumer, IPushProducer)
class MemoryTransport:
    """
    What a protocol writes to and reads from; `join` gives it its other end.

    Args:
        address: Its own.

        room: How many bytes the pipe to it holds that it has not read.

        stir: Called when `step` has something to do.

    Attributes:
        connected: Whether the protocol has not been told that it is lost.

        disconnecting: As `twisted.internet.abstract.FileDescriptor` has it.
    """

    def __init__(self, address: IAddress, room: int, stir: Callable[[], None]) -> None:
        self.connected = True
        self.disconnecting = False
        self._address = address
        self._room = room
        self._stir = stir
        self._arrived = bytearray()
        self._unsent = bytearray()
        self._reading = True
        self._aborting = False
        # Why there is nothing more to come, once that is so.
        self._end: Exception | None = None
        self._producer: Any = None
        self._streaming = True
        self._producer_paused = False
        # Whether a producer that wants to be asked has been, since it last wrote.
        self._asked = True

    def join(self, other: MemoryTransport, protocol: IProtocol) -> None:
        """
        Be the end of *protocol*, opposite to *other*.
        """
        self._other = other
        self._protocol = protocol

    def step(self) -> None:
        """
        Do once what can be done: send, then receive, then be lost.
        """
        if self.connected and self._aborting:
            self._other._reset()
            self._lose(ConnectionAborted())
        if self.connected:
            self._send()
        if self.connected:
            self._receive()

    def write(self, data: bytes) -> None:
        """
        See `ITransport.write`.
        """
        if not self.connected or self._aborting:
            return
        self._unsent += data
        self._asked = False
        self._fill()
        self._stir()
        full = bool(self._unsent) and self._producer is not None and self._streaming
        if full and not self._producer_paused:
            self._producer_paused = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        See `ITransport.writeSequence`.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        See `ITransport.loseConnection`: after what was written, and after the
        producer has gone.
        """
        if self.connected:
            self.disconnecting = True
            self._stir()

    def abortConnection(self) -> None:
        """
        See `twisted.internet.interfaces.ITCPTransport.abortConnection`.
        """
        if self.connected:
            self.disconnecting = self._aborting = True
            self._stir()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        See `twisted.internet.interfaces.ITCPTransport.setTcpNoDelay`: there is
        no delay.
        """

    def getHost(self) -> IAddress:
        """
        See `ITransport.getHost`.
        """
        return self._address

    def getPeer(self) -> IAddress:
        """
        See `ITransport.getPeer`.
        """
        return self._other._address

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        See `IConsumer.registerProducer`.
        """
        if self._producer is not None:
            raise RuntimeError(f"{producer!r} comes before {self._producer!r} has gone")
        if not self.connected:
            producer.stopProducing()
            return
        self._producer, self._streaming, self._producer_paused = producer, streaming, False
        if not streaming:
            self._asked = True
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """
        See `IConsumer.unregisterProducer`.
        """
        self._producer = None
        self._streaming, self._producer_paused = True, False
        self._stir()

    def pauseProducing(self) -> None:
        """
        See `IPushProducer.pauseProducing`: the protocol does not read.
        """
        self._reading = False

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`: it reads again.
        """
        self._reading = True
        self._stir()

    def stopProducing(self) -> None:
        """
        See `twisted.internet.interfaces.IProducer.stopProducing`.
        """
        self.loseConnection()

    def _fill(self) -> None:
        """
        Put into the pipe what there is room for.
        """
        other = self._other
        count = min(other._room - len(other._arrived), len(self._unsent))
        if count > 0 and other.connected:
            other._arrived += self._unsent[:count]
            del self._unsent[:count]
            self._stir()

    def _send(self) -> None:
        if not self._other.connected and (self._unsent or self.disconnecting):
            self._lose(ConnectionLost())
            return
        self._fill()
        if self._unsent:
            return
        if self._producer_paused or not (self._streaming or self._asked):
            self._producer_paused = False
            self._asked = True
            self._producer.resumeProducing()
        elif self.disconnecting and self._streaming:
            self._lose(ConnectionDone())

    def _receive(self) -> None:
        if not self._reading or self.disconnecting:
            return
        if self._arrived:
            data = bytes(self._arrived)
            self._arrived.clear()
            self._stir()
            self._protocol.dataReceived(data)
        elif self._end is not None:
            self._lose(self._end)

    def _reset(self) -> None:
        """
        The other end has aborted: that is known without reading.
        """
        self._arrived.clear()
        if self.connected:
            self._lose(ConnectionLost())

    def _lose(self, reason: Exception) -> None:
        self.connected = False
        self._other._end = self._other._end or ConnectionDone()
        self._arrived.clear()
        self._unsent.clear()
        self._stir()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self._protocol.connectionLost(Failure(reason))
