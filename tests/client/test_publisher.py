"""
`Publisher`, with a hub in memory.
"""

from collections.abc import Callable
from typing import Any

from treq.testing import StubTreq
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectingCancelledError, ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived
from twisted.web.iweb import IAgent, IResponse
from twisted.web.resource import Resource
from twisted.web.server import Request
from zope.interface import implementer

from tests.support.history import SlowHistory
from tests.support.hubs import make_hub
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.client import Publisher
from twisted_sse.errors import (
    InvalidEvent,
    NotSent,
    OutcomeUnknown,
    UnexpectedContentType,
    UnexpectedStatus,
)
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Receipt
from twisted_sse.history import MemoryHistory
from twisted_sse.hub import Hub
from twisted_sse.server.site import hub_tree
from twisted_sse.topics import Selection
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS
from twisted_sse.web.resource import Authorize

__all__ = ["HubTests", "NetworkTests", "NotAHubTests"]

URL = "http://hub.example/events"


class HubTests(SynchronousTestCase):
    """
    A hub that answers.
    """

    def setUp(self) -> None:
        """
        Make a hub that knows one token.
        """
        self.serve(*make_hub())

    def serve(self, hub: Hub, clock: Clock, authorize: Authorize | None = None) -> None:
        """
        Let *hub* answer all requests.
        """
        self.hub, self.clock = hub, clock
        self.stub = StubTreq(
            hub_tree(
                hub.broker,
                authorize=authorize or BearerTokens(["a-token"]),
                cors=CORS(),
                max_topics=100,
                max_body=65536,
            )
        )

    def turn(self) -> None:
        """
        Deliver all pending data.
        """
        for _ in range(5):
            self.stub.flush()
            self.clock.advance(0.01)

    def publisher(self, token: str | None = "a-token") -> Publisher:
        """
        Make a publisher for the hub.
        """
        return Publisher(URL, token=token, client=self.stub, reactor=self.clock)

    def result(self, steps: Any) -> Any:
        """
        Return the result of *steps*.
        """
        deferred = Deferred.fromCoroutine(steps)
        self.turn()
        return self.successResultOf(deferred)

    def failure(self, steps: Any, kind: type[Exception]) -> Any:
        """
        Return the error of *steps*.
        """
        deferred = Deferred.fromCoroutine(steps)
        self.turn()
        return self.failureResultOf(deferred, kind).value

    def test_publish(self) -> None:
        """
        Publications are kept unchanged and in order, and each has a receipt.
        """
        event = ServerSentEvent("é\n\u2028", event="greeting", id="x1", retry=5)
        publications = [Publication(("a", "b"), event, private=True), Publication.of("a", {"x": 1})]

        receipts = self.result(self.publisher().publish(publications))

        kept = self.hub.history.since(None, Selection.of("*"), 10)
        self.assertEqual(receipts, [Receipt(one.id, 0) for one in kept])
        self.assertEqual([one.publication for one in kept], publications)

    def test_refused(self) -> None:
        """
        A refusal is reported in the hub's own words.
        """
        error = self.failure(
            self.publisher(None).publish([Publication.of("a", "x")]), UnexpectedStatus
        )

        self.assertEqual(error.status, 401)
        self.assertEqual(error.detail, "Publishing needs a token: Authorization: Bearer TOKEN.")
        self.assertIn(error.detail, str(error))

    def test_retry_after(self) -> None:
        """
        A hub that is stopping says when to try again.
        """
        self.hub.broker.stop_accepting()

        error = self.failure(self.publisher().publish([Publication.of("a", "x")]), UnexpectedStatus)

        self.assertEqual((error.status, error.retry_after), (503, 5.0))

    def test_unwritable(self) -> None:
        """
        An event that cannot be posted raises InvalidEvent.
        """
        for event in (ServerSentEvent("x", comment="y"), ServerSentEvent(id="x")):
            self.failure(self.publisher().publish([Publication(("a",), event)]), InvalidEvent)

    def test_was_kept(self) -> None:
        """
        An ID that the hub has kept is known; another one is not.
        """
        self.result(self.publisher().publish([Publication.of("a", "x", id="ä1")]))

        self.assertIs(self.result(self.publisher().was_kept("ä1", ["a"])), True)
        self.assertIs(self.result(self.publisher().was_kept("ä2", ["a"])), False)
        self.assertEqual(len(self.hub.connections), 0)

    def test_pending(self) -> None:
        """
        While the hub is keeping something, `was_kept` waits.
        """
        history = SlowHistory(MemoryHistory())
        self.serve(*make_hub(history))
        publishing = Deferred.fromCoroutine(
            self.publisher().publish([Publication.of("a", "x", id="mine")])
        )
        asking = Deferred.fromCoroutine(self.publisher().was_kept("mine", ["a"]))
        self.turn()
        self.assertNoResult(asking)
        while history.waiting:
            history.answer_next()
            self.turn()

        self.assertIs(self.successResultOf(asking), True)
        self.assertEqual(len(self.successResultOf(publishing)), 1)

    def test_some_topics(self) -> None:
        """
        With a token for some topics, `was_kept` resumes a stream after the ID.
        """
        grant = Grant("ada", subscribe=["a"], publish=["a"])
        self.serve(*make_hub(), lambda _: grant)
        publisher = self.publisher(None)
        self.result(publisher.publish([Publication.of("a", "x", id="mine")]))

        self.assertIs(self.result(publisher.was_kept("mine", ["a"])), True)
        self.assertIs(self.result(publisher.was_kept("other", ["a"])), False)

    def test_may_not_ask(self) -> None:
        """
        With an unknown token, `was_kept` fails with 401.
        """
        error = self.failure(self.publisher("another").was_kept("x", ["a"]), UnexpectedStatus)

        self.assertEqual(error.status, 401)


class _Page(Resource):
    isLeaf = True

    def __init__(self, content_type: str, body: bytes) -> None:
        super().__init__()
        self._content_type = content_type
        self._body = body

    def render(self, request: Request) -> bytes:
        """
        See `IResource.render`.
        """
        request.setHeader("Content-Type", self._content_type)
        return self._body


class NotAHubTests(SynchronousTestCase):
    """
    Servers that are not a hub.
    """

    def ask(self, page: _Page, ask: Callable[[Publisher], Any]) -> Any:
        """
        Return the error of a call of the publisher, answered by *page*.
        """
        stub, clock = StubTreq(page), Clock()
        deferred = Deferred.fromCoroutine(ask(Publisher(URL, client=stub, reactor=clock)))
        stub.flush()
        return self.failureResultOf(deferred).value

    def test_no_receipts(self) -> None:
        """
        A response without receipts is refused.
        """
        for body in (b"<p>Log in</p>", b"[]", b'{"id": "x"}', b'[{"id": 1, "subscribers": 0}]'):
            page = _Page("text/html", body)
            error = self.ask(page, lambda one: one.publish([Publication.of("a", "x")]))

            self.assertIsInstance(error, UnexpectedContentType)
            self.assertEqual((error.content_type, error.detail), ("text/html", body.decode()))

    def test_no_stream(self) -> None:
        """
        A page cannot tell whether an ID is kept.
        """
        error = self.ask(_Page("text/html", b""), lambda one: one.was_kept("x", ["a"]))

        self.assertIsInstance(error, UnexpectedContentType)

    def test_no_answer(self) -> None:
        """
        If the stream ends without telling about the ID, the outcome is unknown.
        """
        page = _Page("text/event-stream", b"data: x\n\n")

        self.assertIsInstance(self.ask(page, lambda one: one.was_kept("x", ["a"])), OutcomeUnknown)


@implementer(IAgent)
class _Agent:
    def __init__(self, answer: "Deferred[IResponse]") -> None:
        self._answer = answer

    def request(
        self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None
    ) -> "Deferred[IResponse]":
        """
        See `IAgent.request`.
        """
        return self._answer


class NetworkTests(SynchronousTestCase):
    """
    Requests without a response.
    """

    def publish(self, answer: "Deferred[IResponse]", clock: Clock) -> "Deferred[list[Receipt]]":
        """
        Publish through an agent that returns *answer*.
        """
        publisher = Publisher(URL, client=_Agent(answer), timeout=10.0, reactor=clock)
        return Deferred.fromCoroutine(publisher.publish([Publication.of("a", "x")]))

    def test_no_connection(self) -> None:
        """
        Without a connection nothing was sent.
        """
        publishing = self.publish(fail(ConnectionRefusedError()), Clock())

        error = self.failureResultOf(publishing, NotSent).value
        self.assertIsInstance(error.__cause__, ConnectionRefusedError)

    def test_lost(self) -> None:
        """
        If the connection is lost before the response, the outcome is unknown.
        """
        lost = ResponseNeverReceived([Failure(ConnectionLost())])

        self.failureResultOf(self.publish(fail(lost), Clock()), OutcomeUnknown)

    def test_too_late(self) -> None:
        """
        If no response comes in time, the outcome is unknown.
        """
        clock = Clock()
        publishing = self.publish(Deferred(), clock)
        clock.advance(9.9)
        self.assertNoResult(publishing)

        clock.advance(0.2)

        self.failureResultOf(publishing, OutcomeUnknown)

    def test_too_late_to_connect(self) -> None:
        """
        If no connection is made in time, nothing was sent.
        """
        clock = Clock()
        answer: Deferred[IResponse] = Deferred(
            lambda it: it.errback(ConnectingCancelledError(None))  # type: ignore[arg-type]
        )
        publishing = self.publish(answer, clock)

        clock.advance(10)

        self.failureResultOf(publishing, NotSent)

    def test_cancelled(self) -> None:
        """
        A caller that cancels gets CancelledError, whatever the network reports.
        """
        answers: list[Deferred[IResponse]] = [
            Deferred(),
            Deferred(lambda it: it.errback(ConnectionRefusedError())),
        ]
        for answer in answers:
            publishing = self.publish(answer, Clock())

            publishing.cancel()

            self.failureResultOf(publishing, CancelledError)
