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

__all__ = [
    "DefaultClientTests",
    "LazyTests",
    "PressureTests",
    "ResumeTests",
    "TLSTests",
    "UNIXTests",
]

_CLOCK = cast(IReactorTime, reactor)

# Twisted passes pyOpenSSL objects to pyOpenSSL's deprecated functions.
_PASSES_PYOPENSSL = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")

QUICK = Backoff(first=0.1, factor=1.0, jitter=0.0)


async def until(done: Callable[[], object]) -> None:
    """
    Wait until *done* returns true; the test's timeout limits it.
    """
    while not done():
        await deferLater(_CLOCK, 0.01)


class SocketTestCase(TestCase):
    """
    A test case with servers, which are stopped with their connections after the test.
    """

    timeout = PATIENCE

    def serve(self, factory: Any, listen: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """
        Listen until the test ends.
        """
        counting = _CountingFactory(factory)
        port = listen(*arguments[:1], counting, *arguments[1:], **more)
        self.addCleanup(self.stop, port, counting)
        return port

    def follow(self, url: str, **options: Any) -> EventSource:
        """
        Make a source that is closed after the test.
        """
        options.setdefault("backoff", QUICK)
        source = EventSource(url, **options)
        self.addCleanup(source.close)
        return source

    async def stop(self, port: Any, counting: _CountingFactory) -> None:
        """
        Stop listening, and wait until every connection has ended.
        """
        await port.stopListening()
        await until(lambda: counting.connections == 0)


class _CountingFactory(Factory):
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


class ResumeTests(SocketTestCase):
    """
    A hub behind a network that fails.
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


class DefaultClientTests(SocketTestCase):
    """
    The default client of a source.
    """

    async def test_connection(self) -> None:
        """
        Every stream has a connection of its own.
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


class UNIXTests(SocketTestCase):
    """
    A UNIX socket.
    """

    async def test_path(self) -> None:
        """
        An agent decides where connections go.
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
    Connects every request to one path.
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
    Make a certificate with its key, for ``localhost`` by default.
    """
    with TemporaryDirectory() as directory:
        paths = write_certificate(Path(directory), *names)
        return PrivateCertificate.loadPEM(b"".join(path.read_bytes() for path in paths))


def trusting(*certificates: Certificate) -> Agent:
    """
    Make an agent that trusts only *certificates*.
    """
    root = trustRootFromCertificates(certificates)
    return Agent(reactor, BrowserLikePolicyForHTTPS(root))


@_PASSES_PYOPENSSL
class TLSTests(SocketTestCase):
    """
    Certificates.
    """

    def setUp(self) -> None:
        """
        Make the server's certificate, and another one.
        """
        self.own, self.other = self_signed(), self_signed()

    def listen(self, options: Any) -> str:
        """
        Serve a hub over TLS.

        Returns:
            The URL of a stream.
        """
        site = Site(Hub(keepalive=None, retry=100).resource())
        listen = reactor.listenSSL  # type: ignore[attr-defined]
        port = self.serve(site, listen, 0, options, interface="127.0.0.1")
        return f"https://localhost:{port.getHost().port}/?topic=news"

    async def first(self, url: str, agent: Agent) -> Any:
        """
        Return the first signal of a stream.
        """
        source = self.follow(url, client=agent)
        signal = await anext(source.signals())
        source.close()
        return signal

    async def test_trusted(self) -> None:
        """
        A certificate from a trusted authority is accepted.
        """
        url = self.listen(self.own.options())

        opened = await self.first(url, trusting(self.own))

        self.assertIsInstance(opened, Opened)

    async def test_unknown(self) -> None:
        """
        A certificate from an unknown authority is a loss, with a reason that says so.
        """
        url = self.listen(self.own.options())

        lost = await self.first(url, trusting(self.other))

        self.assertIsInstance(lost, Lost)
        self.assertIsInstance(lost.reason, SSL.Error)
        self.assertIn("certificate verify failed", str(lost.reason))

    async def test_default(self) -> None:
        """
        By default the system's authorities are trusted, and not this certificate.
        """
        url = self.listen(self.own.options())
        source = self.follow(url)

        lost = await anext(source.signals())
        source.close()

        self.assertIsInstance(lost, Lost)
        self.assertIn("certificate verify failed", str(cast(Lost, lost).reason))

    async def test_wrong_name(self) -> None:
        """
        A certificate for another name is a loss.
        """
        wrong = self_signed("elsewhere.example")
        url = self.listen(wrong.options())

        lost = await self.first(url, trusting(wrong))

        self.assertIsInstance(lost, Lost)
        self.assertIsInstance(lost.reason, VerificationError)

    async def test_client_certificate(self) -> None:
        """
        An agent can present a client certificate.
        """
        url = self.listen(
            CertificateOptions(
                privateKey=self.own.privateKey.original,
                certificate=self.own.original,
                trustRoot=trustRootFromCertificates([self.other]),
            )
        )
        policy = _ClientCertificatePolicy(self.other, trustRootFromCertificates([self.own]))

        opened = await self.first(url, Agent(reactor, policy))

        self.assertIsInstance(opened, Opened)

    async def test_resume(self) -> None:
        """
        A stream resumes over a new connection, and the first one is closed.
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
class _ClientCertificatePolicy:
    """
    Presents a client certificate.
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
    Answers every request with a stream of numbered events, as fast as they are read.

    Attributes:
        written: The number of bytes written.
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
    Make a factory of floods, and the list of those that it builds.
    """
    floods: list[_Flood] = []

    def build(address: object) -> _Flood:
        floods.append(_Flood())
        return floods[-1]

    factory = Factory()
    factory.buildProtocol = build  # type: ignore[assignment, method-assign]
    return floods, factory


@_PASSES_PYOPENSSL
class PressureTests(SocketTestCase):
    """
    A server that writes as fast as it can.
    """

    async def test_slow(self) -> None:
        """
        A consumer that takes nothing stops the server's writes, and later gets every event.
        """
        floods, factory = flooding()
        listen = reactor.listenTCP  # type: ignore[attr-defined]
        port = self.serve(factory, listen, 0, interface="127.0.0.1")
        source = self.follow(f"http://127.0.0.1:{port.getHost().port}/", max_attempts=1)
        signals = source.signals()
        await anext(signals)
        stopped = await self.stalled(floods[0])

        # The socket buffers hold some megabytes.
        self.assertLess(stopped, _FLOOD / 4)

        numbers = [int(event.data or "") async for event in self.events(signals)]
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertGreaterEqual(len(numbers) * _EVENT, _FLOOD)

    async def test_close(self) -> None:
        """
        A TLS connection that is not being read is closed nevertheless.
        """
        certificate = self_signed()
        floods, factory = flooding()
        listen = reactor.listenSSL  # type: ignore[attr-defined]
        port = self.serve(factory, listen, 0, certificate.options(), interface="127.0.0.1")
        agent = trusting(certificate)
        source = self.follow(f"https://localhost:{port.getHost().port}/", client=agent)
        await anext(source.signals())
        await self.stalled(floods[0])

        source.close()

        # The clean-up waits until the server has lost its connection.
        self.assertLess(floods[0].written, _FLOOD)

    async def stalled(self, flood: _Flood) -> int:
        """
        Wait until the flood stalls, and return the number of bytes written.
        """
        before = -1
        while before != flood.written:
            before = flood.written
            await gatherResults([deferLater(_CLOCK, 0.3)])
        return before

    async def events(self, signals: Any) -> Any:
        """
        Yield the events until the loss.
        """
        async for signal in signals:
            if isinstance(signal, Lost):
                return
            assert isinstance(signal, ServerSentEvent)
            yield signal


class LazyTests(SynchronousTestCase):
    """
    What making a source does not need.
    """

    def test_reactor(self) -> None:
        """
        Making a source does not choose a reactor.
        """
        self.assertEqual(self.printed("EventSource('http://example.com/')"), ["False"])

    def test_clock(self) -> None:
        """
        A source with a clock and a client in memory reads without choosing a reactor.
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
        Run a program, and return its output and whether it has chosen a reactor.
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
