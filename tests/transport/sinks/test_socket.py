"""
The sink that writes to a socket directly.
"""

import socket
from typing import Any

from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from zope.interface.verify import verifyObject

from tests.transport.sinks.directrules import DirectSinkRules
from tests.transport.sinks.wired import GET, LARGE, SinkTestCase
from twisted_sse.transport.framing import chunked
from twisted_sse.transport.sinks.direct import DirectSink
from twisted_sse.transport.sinks.socket import SocketSink

__all__ = ["SocketSinkTests"]


class SocketSinkTests(DirectSinkRules, SinkTestCase):
    """
    `SocketSink`.
    """

    def begin(self, head: bytes = GET) -> None:
        """
        See `DirectSinkRules.begin`.
        """
        self.start(head, small=True)
        self.sink = self.make()

    def make(self) -> DirectSink:
        """
        See `DirectSinkRules.make`.
        """
        return SocketSink(self.request, self.wire.transport)

    def test_reactor(self) -> None:
        """
        The reactor of these tests provides what transports need.
        """
        self.assertTrue(verifyObject(IReactorFDSet, self.clock))
        self.assertTrue(verifyObject(IReactorTime, self.clock))

    def test_replaces_the_channel(self) -> None:
        """
        The sink replaces the transport's producer as a pull producer, and the request.
        """
        channel: Any = self.request.channel
        self.open(self.sink)

        self.assertIs(self.wire.transport.producer, self.sink)
        self.assertFalse(self.wire.transport.streamingProducer)
        self.assertEqual(channel.requests, [self.sink])

    def test_full(self) -> None:
        """
        A full socket raises OSError, and nothing was written.
        """
        self.open(self.sink)
        sent = self.sink.send(LARGE)

        with self.assertRaises(OSError):
            while True:
                sent += self.sink.send(LARGE)
        length = len(chunked(b"first")) + sent
        self.wire.run_until(lambda: len(self.body()) == length)

    def test_reads_again(self) -> None:
        """
        A connection that stopped reading, because it was full both ways, reads again.
        """
        # More than 16 KiB, at which the HTTP channel stops reading.
        body = b"x" * 20_000
        head = b"POST / HTTP/1.1\r\nHost: hub.example\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.wire.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        self.wire.client.sendall(head + body)
        self.wire.run_until(lambda: not self.clock.getReaders())
        self.request.write(LARGE)
        self.open(self.sink)
        self.sink.finish()
        self.wire.run_until(lambda: b"405 Method Not Allowed" in self.wire.received)
        self.ask()

        self.assertEqual(len(self.pages.requests), 2)
