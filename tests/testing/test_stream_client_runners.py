"""
`StreamClient` in trial and in pytest, and with the global reactor.
"""

import sys
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.support.processes import Background
from tests.testing.stream_tests import Echo
from twisted_sse import EventSourceResponse, Hub
from twisted_sse.testing import StreamClient
from twisted_sse.testing.streams.body import MemoryBody
from twisted_sse.transport.http.site import StreamSite

__all__ = ["AsynchronousTests", "GlobalReactorTests", "PytestTests"]


class Unwilling(MemoryBody):
    """
    A body that is never sent.
    """

    def __init__(self) -> None:
        super().__init__(b"never")

    def startProducing(self, consumer: object) -> Deferred[None]:
        """
        See `twisted.web.iweb.IBodyProducer.startProducing`.
        """
        return Deferred()


class GlobalReactorTests(SynchronousTestCase):
    """
    Applications that were made without the clock.
    """

    def test_hub(self) -> None:
        """
        A hub without the clock raises RuntimeError, and its delayed calls are cancelled.
        """
        from twisted.internet import reactor

        hub = Hub()
        client = StreamClient(hub)
        before = reactor.getDelayedCalls()

        with self.assertRaisesRegex(RuntimeError, "reactor=clock"):
            client.get("/?topic=news")

        self.assertEqual(len(hub.connections), 0)
        self.assertEqual(reactor.getDelayedCalls(), before)

    def test_generator(self) -> None:
        """
        A generator's stream without the clock raises RuntimeError.
        """
        client = StreamClient(EventSourceResponse(lambda: iter(["a"])))

        with self.assertRaisesRegex(RuntimeError, "clock=clock"):
            client.get("/")

    def test_keepalive(self) -> None:
        """
        A stream without the clock raises RuntimeError even if only a keepalive is scheduled.
        """

        async def silence() -> object:
            await Deferred()
            yield "never"

        client = StreamClient(EventSourceResponse(silence))

        with self.assertRaisesRegex(RuntimeError, "clock=clock"):
            client.get("/")

    def test_idle_time(self) -> None:
        """
        The timeout for a request body, of a site without the clock, is allowed.
        """
        client = StreamClient(StreamSite(Echo()))
        self.addCleanup(client.close)
        sending = client.agent.request(b"POST", b"http://a/", None, Unwilling())
        sending.addErrback(lambda _: None)

        self.assertEqual(client.get("/").status, 200)

    def test_site(self) -> None:
        """
        A site without the clock is allowed.
        """
        clock = Clock()
        client = StreamClient(Site(Hub(reactor=clock).subscribe("news")), clock)
        self.addCleanup(client.close)

        self.assertEqual(client.get("/").status, 200)


class AsynchronousTests(TestCase):
    """
    The client in a test that waits for the global reactor.
    """

    async def test_deferreds(self) -> None:
        """
        Calls of the application on the global reactor run while the test waits.
        """
        from twisted.internet import reactor

        class Later(Resource):
            isLeaf = True

            def render_GET(self, request: Request) -> int:
                done.addCallback(lambda _: (request.write(b"done"), request.finish()))
                return NOT_DONE_YET

        done: Deferred[None] = deferLater(reactor, 0)
        client = StreamClient(Later())
        self.addCleanup(client.close)
        answer = client.get("/")
        before = answer.answered

        await done

        self.assertFalse(before)
        self.assertEqual(answer.body, b"done")

    def test_firing(self) -> Deferred[None]:
        """
        A test may return a Deferred.
        """
        clock = Clock()
        hub = Hub(reactor=clock)
        client = StreamClient(hub.subscribe("news"), clock)
        self.addCleanup(client.close)
        stream = client.get("/")
        publishing = hub.publish("news", "one")
        client.advance(0)

        return publishing.addCallback(
            lambda receipt: self.assertEqual(stream.last_event_id, receipt.id)
        )


class PytestTests(SynchronousTestCase):
    """
    The client in pytest, without trial.
    """

    TESTS = """
import pytest
from twisted_sse import Hub
from twisted_sse.testing import StreamClient
from twisted.internet.task import Clock

hubs = []

@pytest.fixture
def client():
    clock = Clock()
    hubs.append(Hub(reactor=clock))
    with StreamClient(hubs[0].subscribe("news"), clock) as client:
        yield client

def test_news(client):
    stream = client.get("/")
    hubs[0].publish("news", "hello")
    assert [event.data for event in stream.events] == ["hello"]

def test_after():
    assert len(hubs[0].connections) == 0
"""

    def test_fixture(self) -> None:
        """
        A fixture makes the client, and closes it after the test.
        """
        path = Path(self.mktemp()).resolve()
        path.mkdir()
        path.joinpath("test_news.py").write_text(self.TESTS, "utf-8")
        runner = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
        program = Background([*runner, str(path)])
        self.addCleanup(program.end)

        self.assertEqual(program.wait(), 0, program.output())
        self.assertIn("2 passed", program.output())
