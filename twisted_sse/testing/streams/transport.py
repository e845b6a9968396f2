"""
One end of a network connection in memory, with limited buffers like a socket.

Written bytes go to the buffer of the other end while it has room; the rest waits
here, and the producer is paused.  Protocols are never called from within their own
calls: `MemoryTransport.step` delivers bytes, resumes producers and reports lost
connections, as the reactor does.

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
    The transport of one protocol; `join` connects it to the other end.

    Args:
        address: The address of this end.

        room: The size of the buffer of unread bytes.

        schedule: Called when `step` has something to do.

    Attributes:
        connected: False once the protocol was told that the connection is lost.

        disconnecting: As in `twisted.internet.abstract.FileDescriptor`.
    """

    def __init__(self, address: IAddress, room: int, schedule: Callable[[], None]) -> None:
        self.connected = True
        self.disconnecting = False
        self._address = address
        self._room = room
        self._schedule = schedule
        self._arrived = bytearray()
        self._unsent = bytearray()
        self._reading = True
        self._aborting = False
        # Why the other end has closed the connection, once it has.
        self._end: Exception | None = None
        self._producer: Any = None
        self._streaming = True
        self._producer_paused = False
        # Whether a pull producer was resumed since it last wrote.
        self._pulled = True

    def join(self, other: MemoryTransport, protocol: IProtocol) -> None:
        """
        Attach *protocol* to this end, and connect it to *other*.
        """
        self._other = other
        self._protocol = protocol

    def step(self) -> None:
        """
        Send, receive, and report a lost connection, once each.
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
        self._pulled = False
        self._fill()
        self._schedule()
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
        See `ITransport.loseConnection`: waits until everything is written and the
        producer is unregistered.
        """
        if self.connected:
            self.disconnecting = True
            self._schedule()

    def abortConnection(self) -> None:
        """
        See `twisted.internet.interfaces.ITCPTransport.abortConnection`.
        """
        if self.connected:
            self.disconnecting = self._aborting = True
            self._schedule()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        See `twisted.internet.interfaces.ITCPTransport.setTcpNoDelay`: does nothing,
        because writes are never delayed.
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
            raise RuntimeError(
                f"Cannot register {producer!r}: {self._producer!r} is still registered"
            )
        if not self.connected:
            producer.stopProducing()
            return
        self._producer, self._streaming, self._producer_paused = producer, streaming, False
        if not streaming:
            self._pulled = True
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """
        See `IConsumer.unregisterProducer`.
        """
        self._producer = None
        self._streaming, self._producer_paused = True, False
        self._schedule()

    def pauseProducing(self) -> None:
        """
        See `IPushProducer.pauseProducing`: stops reading.
        """
        self._reading = False

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`: reads again.
        """
        self._reading = True
        self._schedule()

    def stopProducing(self) -> None:
        """
        See `twisted.internet.interfaces.IProducer.stopProducing`.
        """
        self.loseConnection()

    def _fill(self) -> None:
        """
        Move bytes to the other end's buffer while it has room.
        """
        other = self._other
        count = min(other._room - len(other._arrived), len(self._unsent))
        if count > 0 and other.connected:
            other._arrived += self._unsent[:count]
            del self._unsent[:count]
            self._schedule()

    def _send(self) -> None:
        if not self._other.connected and (self._unsent or self.disconnecting):
            self._lose(ConnectionLost())
            return
        self._fill()
        if self._unsent:
            return
        if self._producer_paused or not (self._streaming or self._pulled):
            self._producer_paused = False
            self._pulled = True
            self._producer.resumeProducing()
        elif self.disconnecting and self._streaming:
            self._lose(ConnectionDone())

    def _receive(self) -> None:
        if not self._reading or self.disconnecting:
            return
        if self._arrived:
            data = bytes(self._arrived)
            self._arrived.clear()
            self._schedule()
            self._protocol.dataReceived(data)
        elif self._end is not None:
            self._lose(self._end)

    def _reset(self) -> None:
        """
        The other end has aborted, which is noticed without reading.
        """
        self._arrived.clear()
        if self.connected:
            self._lose(ConnectionLost())

    def _lose(self, reason: Exception) -> None:
        self.connected = False
        self._other._end = self._other._end or ConnectionDone()
        self._arrived.clear()
        self._unsent.clear()
        self._schedule()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self._protocol.connectionLost(Failure(reason))
