"""
Generators as streams without a hub, over real sockets, on two reactors.

`test_ends` tests how streams end over every protocol.
"""

import signal
import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import CurlStream
from tests.support.forwarder import reset
from tests.support.h2_client import H2Client
from tests.support.processes import Background
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["AsyncioTests", "EpollTests"]

# Prints one line with its ports, and one line for each end of a source.
PROGRAM = """
import asyncio, sys, time

reactor_name, directory = sys.argv[1:]
if reactor_name == "asyncio":
    from twisted.internet import asyncioreactor
    asyncioreactor.install()

from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted_sse import EventSourceResponse, event_stream_for
from twisted_sse.transport.http.site import StreamSite

def say(*words):
    print(*words, flush=True)

def endless():
    try:
        while True:
            yield "x" * 1000
    finally:
        say("closed endless")

async def waiting():
    try:
        yield "begun"
        await Deferred()
    finally:
        await deferLater(reactor, 0.01)
        say("closed waiting")

async def flowing():
    try:
        number = 0
        while True:
            yield str(number)
            number += 1
            await deferLater(reactor, 0.001)
    finally:
        await deferLater(reactor, 0.01)
        say("closed flowing")

async def asyncios():
    try:
        async with asyncio.timeout(60):
            await asyncio.sleep(0.01)
            yield "asyncio"
            await deferLater(reactor, 0.01)
            yield "Twisted"
            await asyncio.get_running_loop().run_in_executor(None, int)
            yield "thread"
            await asyncio.sleep(60)
    except asyncio.CancelledError:
        say("cancelled")
        raise
    finally:
        await asyncio.sleep(0.01)
        await deferLater(reactor, 0.01)
        say("closed asyncios")

def blocking(stream):
    try:
        while True:
            time.sleep(0.01)
            yield "blocking"
    finally:
        time.sleep(0.01)
        say("closed blocking:", stream.reason.value)

class Handler(Resource):
    def render_GET(self, request):
        Deferred.fromCoroutine(self.handle(request)).addErrback(lambda failure: say(failure))
        return NOT_DONE_YET

    async def handle(self, request):
        async with await event_stream_for(request) as stream:
            while not stream.closed:
                await stream.send("x" * 1000)
                await deferLater(reactor, 0.001)
        say("closed handler:", stream.reason.value)

def numbers():
    return map(str, range(20000))

root = Resource()
root.putChild(b"handler", Handler())
for source in (endless, waiting, flowing, asyncios, blocking, numbers):
    response = EventSourceResponse(source, send_timeout=3, thread=source is blocking)
    root.putChild(source.__name__.encode(), response)
    reactor.addSystemEventTrigger("before", "shutdown", response.drain, 0.5)
site = StreamSite(root)
specs = [f"tcp:0:interface=127.0.0.1",
         f"ssl:0:interface=127.0.0.1:privateKey={directory}/key.pem"
         f":certKey={directory}/certificate.pem"]
ports = [endpoints.serverFromString(reactor, spec).listen(site).result for spec in specs]
reactor.callWhenRunning(say, "ports", *[port.getHost().port for port in ports])
reactor.run()
"""


class Program(SynchronousTestCase):
    """
    Tests of the program on one reactor.
    """

    reactor: str

    def setUp(self) -> None:
        """
        Start it.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        write_certificate(Path(directory.name))
        self.program = Background([sys.executable, "-c", PROGRAM, self.reactor, directory.name])
        self.addCleanup(self.program.end)
        self.wait_for("ports")
        words = self.program.output().splitlines()[0].split()
        self.port, self.tls_port = int(words[1]), int(words[2])

    def wait_for(self, text: str, count: int = 1) -> None:
        """
        Wait until the program has printed *text* *count* times, and assert that it was not more.
        """
        eventually(
            lambda: self.program.output().count(text) >= count or not self.program.running(),
            f"{text!r} was not printed",
        )
        self.assertEqual(self.program.output().count(text), count, self.program.output())

    def open(self, path: str) -> RawStream:
        """
        Read a stream until the test ends.
        """
        stream = RawStream(self.port, path)
        self.addCleanup(stream.close)
        return stream

    def fetch(self, path: str) -> str:
        """
        Fetch a whole response.
        """
        with urlopen(f"http://127.0.0.1:{self.port}{path}", None, PATIENCE) as response:
            return str(response.read(), "utf-8")

    def assert_threads_and_handlers(self) -> None:
        """
        Assert that sources in threads and handlers learn that their readers have left.
        """
        for path in ("/blocking", "/handler"):
            self.assert_closed_once(path)
        self.assertEqual(self.program.output().count("closed blocking: gone"), 2)
        self.assertEqual(self.program.output().count("closed handler: gone"), 2)

    def assert_clean(self) -> None:
        """
        Assert that the program runs, and has logged no traceback and no warning.
        """
        self.assertTrue(self.program.running())
        self.assertNotIn("Traceback", self.program.output())
        self.assertNotIn("Warning", self.program.output())

    def assert_closed_once(self, path: str) -> None:
        """
        Assert that a source is closed once when its reader closes the connection, and once
        when its reader resets it.
        """
        name = path.removeprefix("/")
        first, second = self.open(path), self.open(path)
        first.next()
        second.next()
        first.close()
        self.wait_for(f"closed {name}")
        reset(second.socket)
        self.wait_for(f"closed {name}", 2)
        self.fetch("/numbers")
        self.wait_for(f"closed {name}", 2)
        self.assert_clean()


class EpollTests(Program):
    """
    Twisted's default reactor on Linux.
    """

    reactor = "epoll"

    def test_whole(self) -> None:
        """
        Everything arrives in order, and the stream ends.
        """
        text = self.fetch("/numbers")

        self.assertEqual(text, "".join(f"data: {number}\n\n" for number in range(20000)))
        self.assert_clean()

    def test_http_2_whole(self) -> None:
        """
        Everything arrives over HTTP/2 too.
        """
        url = f"https://127.0.0.1:{self.tls_port}/numbers"
        stream = CurlStream("--insecure", "--http2", url)
        self.addCleanup(stream.close)

        self.assertEqual(stream.wait(), 0)
        _, _, body = stream.output().partition("\n\n")
        self.assertEqual(body, "".join(f"data: {number}\n\n" for number in range(20000)))
        self.assert_clean()

    def test_stalled_http_2(self) -> None:
        """
        A client whose flow-control window is used up is disconnected after the send timeout.
        """
        client = H2Client(self.tls_port)
        self.addCleanup(client.close)
        client.open("/endless")

        self.wait_for("closed endless")
        self.assert_clean()

    def test_stop(self) -> None:
        """
        When the server stops, the streams of sources that go on are not complete, and the
        sources run their ``finally``.
        """
        streams = [self.open("/flowing"), self.open("/waiting")]
        for stream in streams:
            stream.next()
        self.program.send_signal(signal.SIGTERM)

        for stream in streams:
            stream.rest()
            self.assertFalse(stream.complete)
        self.assertEqual(self.program.wait(), 0)
        self.wait_for("closed flowing")
        self.wait_for("closed waiting")

    def test_asyncio(self) -> None:
        """
        If a source awaits asyncio, the log says what to install.
        """
        self.open("/asyncios").rest()

        self.wait_for("asyncioreactor.install()")

    def test_threads_and_handlers(self) -> None:
        """
        Sources in threads and handlers learn that their readers have left.
        """
        self.assert_threads_and_handlers()


class AsyncioTests(Program):
    """
    The reactor that runs asyncio's event loop.
    """

    reactor = "asyncio"

    def test_whole(self) -> None:
        """
        Everything arrives in order, and the stream ends.
        """
        text = self.fetch("/numbers")

        self.assertEqual(text, "".join(f"data: {number}\n\n" for number in range(20000)))
        self.assert_clean()

    def test_both(self) -> None:
        """
        A source may await asyncio's and Twisted's awaitables, and is cancelled at its await.
        """
        stream = self.open("/asyncios")

        self.assertEqual(stream.data(3), ["asyncio", "Twisted", "thread"])
        stream.close()
        self.wait_for("closed asyncios")
        self.wait_for("cancelled")
        self.assert_clean()

    def test_reader_leaves(self) -> None:
        """
        A source that waits, yields or is paused is closed once when its reader leaves.
        """
        for path in ("/waiting", "/flowing", "/endless"):
            self.assert_closed_once(path)

    def test_threads_and_handlers(self) -> None:
        """
        Sources in threads and handlers learn that their readers have left.
        """
        self.assert_threads_and_handlers()
