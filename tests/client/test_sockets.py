"""
The client over real sockets: TCP, TLS and UNIX, on the real reactor.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IPullProducer, IReactorTime
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer

from tests.support.certificates import write_certificate
from tests.support.forwarder import Forwarder
from tests.support.waiting import PATIENCE
from twisted_sse import Hub
from twisted_sse.client import Backoff, Control, EventSource, Lost, Opened
from twisted_sse.events.event import ServerSentEvent

__all__ = ["LazyTests", "OwnClientTests", "PressureTests", "ResumeTests", "TLSTests", "UNIXTests"]

_CLOCK = cast(IReactorTime, reactor)

# With certificates of its own making.
_TWISTED_DOES_IT = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")

QUICK = Backoff(first=0.1, factor=1.0, jitter=0.0)


async def until(done: Callable[[], object]) -> None:
    """
    Let the reactor run until *done* says yes; the test's time-out bounds it.
    """
    while not done():
        await deferLater(_CLOCK, 0.01)


class SocketTests(TestCase):
    """
    What these tests share: servers that are gone, with their connections, when a test ends.
    """

    timeout = PATIENCE

    def serve(self, factory: Any, listen: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """
        Listen until the test ends.
        """
        counting = _Counting(factory)
        port = listen(*arguments[:1], counting, *arguments[1:], **more)
        self.addCleanup(self.stop, port, counting)
        return port

    def follow(self, url: str, **options: Any) -> EventSource:
        """
        A source that is closed when the test ends.
        """
        options.setdefault("backoff", QUICK)
        source = EventSource(url, **options)
        self.addCleanup(source.close)
        return source

    async def stop(self, port: Any, counting: _Counting) -> None:
        """
        Stop listening, and see that nobody has stayed.
        """
        await port.stopListening()
        await until(lambda: counting.connections == 0)


class _Counting(Factory):
    """
    Counts the connections of another factory.
    """

    def __init__(self, factory: Any) -> None:
        self._factory = factory
        self.connections = 0

    def doStart(self) -> None:
        """
        See `IProtocolFactory.doStart`.
        """
        self._factory.doStart()

    def doStop(self) -> None:
        """
        See `IProtocolFactory.doStop`.
        """
        self._factory.doStop()

    def buildProtocol(self, address: Any) -> Any:
        """
        See `IProtocolFactory.buildProtocol`.
        """
        protocol = self._factory.buildProtocol(address)
        self.connections += 1
        lose = protocol.connectionLost

        def lost(reason: Any) -> None:
            self.connections -= 1
            lose(reason)

        protocol.connectionLost = lost
        return protocol


class ResumeTests(SocketTests):
    """
    A hub, and between it and the client a network that fails.
    """

    async def test_kills(self) -> None:
        """
        However often the connection is killed, every event comes once and in order.
        """
        hub = Hub(keepalive=None, retry=100)
        listen = reactor.listenTCP  # type: ignore[attr-defined]
        port = self.serve(Site(hub.resource()), listen, 0, interface="127.0.0.1")
        between = await deferToThread(Forwarder, port.getHost().port)
        self.addCleanup(lambda: deferToThread(between.close))
        source = self.follow(f"http://127.0.0.1:{between.port}/?topic=news")
        self.addCleanup(source.close)
        got: list[str | None] = []
        signals: list[object] = []
        source.run(lambda event: got.append(event.data), signals.append)
        await until(lambda: signals)

        for number in range(100):
            await hub.publish("news", str(number))
            if number % 25 == 10:
                await deferToThread(between.cut)
            if number % 25 == 20:
                between.mend()
                await until(lambda: isinstance(signals[-1], Control))
        await until(lambda: len(got) >= 100)

        self.assertEqual(got, [str(number) for number in range(100)])
        self.assertGreaterEqual(sum(isinstance(one, Opened) for one in signals), 5)


class OwnClientTests(SocketTests):
    """
    The client that a source has by itself.
    """

    async def test_connection(self) -> None:
        """
        It keeps no connection: each is for one stream.
        """
        seen: list[str | None] = []

        class Once(Resource):
            isLeaf = True

            def render_GET(self, request: Request) -> bytes:
                seen.append(request.getHeader("connection"))
                request.setHeader("Content-Type", "text/event-stream")
                return b"data: 1\n\n"

        listen = reactor.listenTCP  # type: ignore[attr-defined]
        port = self.serve(Site(Once()), listen, 0, interface="127.0.0.1")
        source = self.follow(f"http://127.0.0.1:{port.getHost().port}/")
        events = aiter(source)

        self.assertEqual([(await anext(events)).data for _ in range(2)], ["1", "1"])
        self.assertEqual(seen, ["close", "close"])
        source.close()


class UNIXTests(SocketTests):
    """
    A UNIX socket.
    """

    async def test_path(self) -> None:
        """
        An agent says where connections go.
        """
        path = self.mktemp()
        hub = Hub(keepalive=None, retry=100)
        self.serve(Site(hub.resource()), reactor.listenUNIX, path)  # type: ignore[attr-defined]
        agent = Agent.usingEndpointFactory(reactor, _AtPath(path))
        source = self.follow("http://localhost/?topic=news", client=agent)
        signals = source.signals()

        self.assertIsInstance(await anext(signals), Opened)
        self.assertEqual(source.origin, "http://localhost")


@implementer(IAgentEndpointFactory)
class _AtPath:
    """
    Whatever is asked for is at one path.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def endpointForURI(self, uri: URI) -> UNIXClientEndpoint:
        """
        See `IAgentEndpointFactory.endpointForURI`.
        """
        return UNIXClientEndpoint(reactor, self._path)


def self_signed(*names: str) -> PrivateCertificate:
    """
    A certificate with its key, for ``localhost`` by default.
    """
    with TemporaryDirectory() as directory:
        paths = write_certificate(Path(directory), *names)
        return PrivateCertificate.loadPEM(b"".join(path.read_bytes() for path in paths))


def trusting(*certificates: Certificate) -> Agent:
    """
    An agent that trusts nothing else.
    """
    root = trustRootFromCertificates(certificates)
    return Agent(reactor, BrowserLikePolicyForHTTPS(root))


@_TWISTED_DOES_IT
class TLSTests(SocketTests):
    """
    Certificates.
    """

    def setUp(self) -> None:
        """
        Make two certificates: the server's, and one that is somebody else's.
        """
        self.own, self.other = self_signed(), self_signed()

    def listen(self, options: Any) -> str:
        """
        Serve a hub by TLS.

        Returns:
            The URL of a stream.
        """
        site = Site(Hub(keepalive=None, retry=100).resource())
        listen = reactor.listenSSL  # type: ignore[attr-defined]
        port = self.serve(site, listen, 0, options, interface="127.0.0.1")
        return f"https://localhost:{port.getHost().port}/?topic=news"

    async def first(self, url: str, agent: Agent) -> Any:
        """
        The first signal of a stream.
        """
        source = self.follow(url, client=agent)
        signal = await anext(source.signals())
        source.close()
        return signal

    async def test_trusted(self) -> None:
        """
        The right authority is all that is needed.
        """
        url = self.listen(self.own.options())

        opened = await self.first(url, trusting(self.own))

        self.assertIsInstance(opened, Opened)

    async def test_unknown(self) -> None:
        """
        An unknown authority is refused with a reason that says so, and tried again.
        """
        url = self.listen(self.own.options())

        lost = await self.first(url, trusting(self.other))

        self.assertIsInstance(lost, Lost)
        self.assertIsInstance(lost.reason, SSL.Error)
        self.assertIn("certificate verify failed", str(lost.reason))

    async def test_default(self) -> None:
        """
        By default the machine's authorities count, and it has not heard of this one.
        """
        url = self.listen(self.own.options())
        source = self.follow(url)

        lost = await anext(source.signals())
        source.close()

        self.assertIsInstance(lost, Lost)
        self.assertIn("certificate verify failed", str(cast(Lost, lost).reason))

    async def test_wrong_name(self) -> None:
        """
        So is a certificate for another name.
        """
        wrong = self_signed("elsewhere.example")
        url = self.listen(wrong.options())

        lost = await self.first(url, trusting(wrong))

        self.assertIsInstance(lost, Lost)
        self.assertIsInstance(lost.reason, VerificationError)

    async def test_client_certificate(self) -> None:
        """
        A server that wants to see a certificate is shown one.
        """
        url = self.listen(
            CertificateOptions(
                privateKey=self.own.privateKey.original,
                certificate=self.own.original,
                trustRoot=trustRootFromCertificates([self.other]),
            )
        )
        policy = _Showing(self.other, trustRootFromCertificates([self.own]))

        opened = await self.first(url, Agent(reactor, policy))

        self.assertIsInstance(opened, Opened)

    async def test_resume(self) -> None:
        """
        A stream goes on over another connection, and the first is gone.
        """
        hub = Hub(keepalive=None, retry=100)
        listen = reactor.listenSSL  # type: ignore[attr-defined]
        site = Site(hub.resource())
        port = self.serve(site, listen, 0, self.own.options(), interface="127.0.0.1")
        url = f"https://localhost:{port.getHost().port}/?topic=news"
        source = self.follow(url, client=trusting(self.own))
        events = aiter(source)
        first = Deferred.fromCoroutine(anext(events))
        await until(lambda: len(hub.connections))
        await hub.publish("news", "one")
        await first

        for connection in list(hub.connections):
            connection.close()
        await hub.publish("news", "two")

        self.assertEqual((await anext(events)).data, "two")


@implementer(IPolicyForHTTPS)
class _Showing:
    """
    Shows a certificate of its own.
    """

    def __init__(self, certificate: PrivateCertificate, root: Any) -> None:
        self._certificate = certificate
        self._root = root

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """
        See `IPolicyForHTTPS.creatorForNetloc`.
        """
        return optionsForClientTLS(
            str(hostname, "ascii"), self._root, clientCertificate=self._certificate
        )


_EVENT = 1000  # bytes of each event of a flood
_FLOOD = 64 * 1024 * 1024


@implementer(IPullProducer)
class _Flood(Protocol):
    """
    Answers anything with a stream of numbered events, as fast as they are taken.

    Attributes:
        written: How many bytes the transport has asked for.
    """

    written = 0

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        cast(Any, self.transport).write(head)
        cast(Any, self.transport).registerProducer(self, False)

    def resumeProducing(self) -> None:
        """
        See `IPullProducer.resumeProducing`.
        """
        transport = cast(Any, self.transport)
        if self.written >= _FLOOD:
            transport.unregisterProducer()
            transport.loseConnection()
            return
        first = self.written // _EVENT
        numbers = range(first, first + 64)
        frames = [b"data: %d" % number for number in numbers]
        transport.write(b"".join(frame.ljust(_EVENT - 2) + b"\n\n" for frame in frames))
        self.written += _EVENT * len(frames)

    def stopProducing(self) -> None:
        """
        See `IPullProducer.stopProducing`.
        """


def flooding() -> tuple[list[_Flood], Factory]:
    """
    A factory of floods, and those that it has built.
    """
    floods: list[_Flood] = []

    def build(address: object) -> _Flood:
        floods.append(_Flood())
        return floods[-1]

    factory = Factory()
    factory.buildProtocol = build  # type: ignore[assignment, method-assign]
    return floods, factory


@_TWISTED_DOES_IT
class PressureTests(SocketTests):
    """
    A server that writes as fast as it can.
    """

    async def test_slow(self) -> None:
        """
        A consumer that takes nothing stops the server's writes, and then gets everything.
        """
        floods, factory = flooding()
        listen = reactor.listenTCP  # type: ignore[attr-defined]
        port = self.serve(factory, listen, 0, interface="127.0.0.1")
        source = self.follow(f"http://127.0.0.1:{port.getHost().port}/", max_attempts=1)
        signals = source.signals()
        await anext(signals)
        stopped = await self.settled(floods[0])

        # The sockets' buffers hold some megabytes of it.
        self.assertLess(stopped, _FLOOD / 4)

        numbers = [int(event.data or "") async for event in self.events(signals)]
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertGreaterEqual(len(numbers) * _EVENT, _FLOOD)

    async def test_close(self) -> None:
        """
        A connection of TLS that nobody reads is closed all the same.
        """
        certificate = self_signed()
        floods, factory = flooding()
        listen = reactor.listenSSL  # type: ignore[attr-defined]
        port = self.serve(factory, listen, 0, certificate.options(), interface="127.0.0.1")
        agent = trusting(certificate)
        source = self.follow(f"https://localhost:{port.getHost().port}/", client=agent)
        await anext(source.signals())
        await self.settled(floods[0])

        source.close()

        # Cleaning up waits until the server has lost its connection.
        self.assertLess(floods[0].written, _FLOOD)

    async def settled(self, flood: _Flood) -> int:
        """
        How much was written when for a while nothing more was.
        """
        before = -1
        while before != flood.written:
            before = flood.written
            await gatherResults([deferLater(_CLOCK, 0.3)])
        return before

    async def events(self, signals: Any) -> Any:
        """
        Those up to the loss.
        """
        async for signal in signals:
            if isinstance(signal, Lost):
                return
            assert isinstance(signal, ServerSentEvent)
            yield signal


class LazyTests(SynchronousTestCase):
    """
    What a source does not need before it is used.
    """

    def test_reactor(self) -> None:
        """
        Making one has chosen no reactor.
        """
        self.assertEqual(self.printed("EventSource('http://example.com/')"), ["False"])

    def test_clock(self) -> None:
        """
        Nor has one with a clock and a client in memory, whatever it reads.
        """
        printed = self.printed(
            "from treq.testing import StubTreq",
            "from twisted.internet.task import Clock",
            "from twisted.web.static import Data",
            "root = Data(b'data: 1\\n\\n', 'text/event-stream')",
            "root.isLeaf = True",
            "client = StubTreq(root)",
            "source = EventSource('http://example.com/', client=client, reactor=Clock())",
            "source.run(lambda event: print(event.data))",
            "client.flush()",
        )

        self.assertEqual(printed, ["1", "False"])

    def printed(self, *statements: str) -> list[str]:
        """
        What a program says, and whether it has a reactor.
        """
        program = [
            "import sys",
            "from twisted_sse.client import EventSource",
            *statements,
            "print('twisted.internet.reactor' in sys.modules)",
        ]
        command = [sys.executable, "-c", "\n".join(program)]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        return done.stdout.split()
