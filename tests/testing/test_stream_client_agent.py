"""
Programs that are clients themselves, with an application in memory.
"""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import AccumulatingProtocol
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface.verify import verifyObject

from twisted_sse import Hub
from twisted_sse.client import EventSource, Lost, Opened, Publisher, ReadyState
from twisted_sse.errors import UnexpectedStatus
from twisted_sse.events.publication import Publication
from twisted_sse.server.site import HubSite, hub_tree
from twisted_sse.testing import StreamClient
from twisted_sse.web.cors import CORS
from twisted_sse.web.resource import everybody

__all__ = ["AgentTests", "EventSourceTests", "PublisherTests", "TreqTests"]

URL = "http://hub.example/events?topic=news"


class MemoryTests(SynchronousTestCase):
    """
    A complete site of a hub, in memory.
    """

    def setUp(self) -> None:
        """
        Make the hub, its site and a client.
        """
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)
        tree = hub_tree(
            self.hub.broker, authorize=everybody, cors=CORS(), max_topics=10, max_body=1024 * 1024
        )
        site = HubSite(tree, 1024 * 1024, reactor=self.clock)
        self.client = StreamClient(site, self.clock)
        self.addCleanup(self.client.close)


class AgentTests(MemoryTests):
    """
    `StreamClient.agent`.
    """

    def test_interface(self) -> None:
        """
        The agent provides `IAgent`.
        """
        self.assertTrue(verifyObject(IAgent, self.client.agent))

    def test_answer(self) -> None:
        """
        An answer arrives when the clock is advanced by 0.
        """
        requesting = self.client.agent.request(b"GET", b"http://hub.example/healthz")
        self.assertNoResult(requesting)

        self.clock.advance(0)

        self.assertEqual(self.successResultOf(requesting).code, 200)

    def test_stream(self) -> None:
        """
        The body of a stream arrives in parts, whenever the clock is advanced.
        """
        requesting = self.client.agent.request(b"GET", URL.encode(), Headers())
        self.clock.advance(0)
        reader = AccumulatingProtocol()
        self.successResultOf(requesting).deliverBody(reader)
        self.clock.advance(0)
        reader.data = b""

        self.hub.publish("news", "one", id="1")
        self.clock.advance(0)

        self.assertEqual(reader.data, b"id: 1\ndata: one\n\n")

    def test_cancelled(self) -> None:
        """
        Cancelling a request closes its connection.
        """
        requesting = self.client.agent.request(b"GET", URL.encode())
        requesting.addErrback(lambda _: None)

        requesting.cancel()
        self.clock.advance(0)

        self.assertEqual(len(self.hub.connections), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TreqTests(MemoryTests):
    """
    `StreamClient.treq`.
    """

    def test_get(self) -> None:
        """
        It reads the application's answer.
        """
        treq = self.client.treq
        reading = treq.get("http://hub.example/healthz").addCallback(lambda got: got.text())

        self.client.advance(0)

        self.assertIn("ok", self.successResultOf(reading))

    def test_post(self) -> None:
        """
        It sends bodies of several kinds without the global reactor.
        """
        url = "http://hub.example/events"
        sent = [
            self.client.treq.post(url, json={"topic": "news", "data": "one"}),
            self.client.treq.post(url, data={"topic": "news", "data": "two"}),
        ]

        self.client.advance(0)

        self.assertEqual([self.successResultOf(each).code for each in sent], [401, 401])


class EventSourceTests(MemoryTests):
    """
    An `EventSource` that reads a stream.
    """

    def setUp(self) -> None:
        """
        Make a source of ``news``.
        """
        super().setUp()
        self.source = EventSource(URL, client=self.client.agent, reactor=self.clock)
        self.addCleanup(self.source.close)
        self.seen: list[str | None] = []
        self.signals: list[object] = []

    def follow(self) -> Deferred[None]:
        """
        Record the data of all events, and all signals.
        """
        running = self.source.run(lambda event: self.seen.append(event.data), self.signals.append)
        self.client.advance(0)
        return running

    def test_events(self) -> None:
        """
        It receives the published events.
        """
        self.follow()
        self.hub.publish("news", "one")
        self.hub.publish("news", "two")
        self.clock.advance(0)

        self.assertEqual(self.seen, ["one", "two"])
        self.assertEqual(self.source.ready_state, ReadyState.OPEN)

    def test_reconnection(self) -> None:
        """
        When the stream is closed, it reconnects later and receives the missed events.
        """
        self.follow()
        (connection,) = self.hub.connections
        connection.close()
        self.client.advance(0)
        self.hub.publish("news", "meanwhile")
        before = len(self.hub.connections)

        self.client.advance(60)

        self.assertEqual((before, len(self.hub.connections)), (0, 1))
        self.assertEqual(self.seen, ["meanwhile"])
        kinds = [kind for kind in map(type, self.signals) if kind in (Opened, Lost)]
        self.assertEqual(kinds, [Opened, Lost, Opened])

    def test_close(self) -> None:
        """
        When it is closed, there are no connections and no delayed calls.
        """
        running = self.follow()

        self.source.close()
        self.client.advance(0)

        self.assertIsNone(self.successResultOf(running))
        self.assertEqual(len(self.hub.connections), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """
        A final status raises UnexpectedStatus.
        """
        source = EventSource("http://a/else", client=self.client.agent, reactor=self.clock)
        running = source.run(lambda event: None)

        self.client.advance(0)

        self.assertEqual(self.failureResultOf(running, UnexpectedStatus).value.status, 404)

    def test_slow_consumer(self) -> None:
        """
        While an event is being handled, the hub's connection is paused.
        """
        handling: Deferred[None] = Deferred()
        running = self.source.run(lambda event: handling)
        self.client.advance(0)
        (connection,) = self.hub.connections
        for number in range(300):
            self.hub.publish("news", f"{number:0100}")
            self.clock.advance(0)
        live = connection.live

        handling.callback(None)
        self.client.advance(0)

        self.assertFalse(live)
        self.assertTrue(connection.live)
        self.source.close()
        self.successResultOf(running)

    def test_client_closed(self) -> None:
        """
        When the client is closed, the source notices that the connection is lost.
        """
        self.follow()

        self.client.close()

        self.assertIsInstance(self.signals[-1], Lost)
        self.assertEqual(len(self.hub.connections), 0)


class PublisherTests(MemoryTests):
    """
    A `Publisher`.
    """

    def test_refused(self) -> None:
        """
        Its requests are answered by the application.
        """
        publisher = Publisher(
            "http://hub.example/events", client=self.client.agent, reactor=self.clock
        )
        publishing = Deferred.fromCoroutine(publisher.publish([Publication.of("news", "one")]))

        self.client.advance(0)

        self.assertEqual(self.failureResultOf(publishing, UnexpectedStatus).value.status, 401)
