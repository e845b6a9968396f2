"""
Streams inside Twisted's ``EncodingResourceWrapper``.
"""

import zlib
from collections.abc import Iterator

import klein
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import EncodingResourceWrapper, IResource, Resource
from twisted.web.server import GzipEncoderFactory, Request, Site

from tests.support.http import Caller, call
from twisted_sse import EventSourceResponse, Grant, Hub
from twisted_sse.klein import event_stream, hub_routes
from twisted_sse.web.events import EventsResource

__all__ = ["GzipTests"]

GZIP = {"Accept-Encoding": "gzip"}


class Plain(Resource):
    """
    A page of the application's own.
    """

    def render_GET(self, request: Request) -> bytes:
        """
        Answer ``GET``.
        """
        return b"plain" * 100


def everything(request: Request) -> Grant:
    """
    Grant everything.
    """
    return Grant("ada", publish=["*"], public=True)


def two() -> Iterator[str]:
    """
    The items of a stream.
    """
    yield "one"
    yield "two"


class GzipTests(SynchronousTestCase):
    """
    Each stream flows, and says that it is not encoded.
    """

    def setUp(self) -> None:
        """
        Make a hub.
        """
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)

    def call(
        self, resource: IResource, method: str, target: str, body: bytes = b"", **headers: str
    ) -> Caller:
        """
        Send a request to *resource* inside the wrapper.
        """
        site = Site(EncodingResourceWrapper(resource, [GzipEncoderFactory()]), reactor=self.clock)
        caller = call(site, method, target, {**GZIP, **headers}, body)
        self.clock.advance(0)
        return caller

    def assert_flows(self, caller: Caller, *data: str) -> None:
        """
        Check that events arrive as they are sent.
        """
        answer = caller.answer
        self.assertEqual(answer.status, 200)
        self.assertIsNone(answer.header("Content-Encoding"))
        self.assertEqual(
            [event.data for event in answer.events if event.event is None and event.data], [*data]
        )

    def test_hub(self) -> None:
        """
        The start of a hub's stream arrives, and its events follow.
        """
        for resource in (self.hub.resource(), EventsResource(self.hub.broker)):
            with self.subTest(resource=resource):
                caller = self.call(resource, "GET", "/?topic=a")

                self.assertIn(b"stream-open", caller.answer.body)

                self.hub.publish("a", "hello")
                self.clock.advance(0)

                self.assert_flows(caller, "hello")

    def test_response(self) -> None:
        """
        The items of a generator arrive, and the end.
        """
        response = EventSourceResponse(two, clock=self.clock)
        caller = self.call(response, "GET", "/")
        self.clock.advance(0)

        self.assert_flows(caller, "one", "two")
        self.assertTrue(caller.answer.ended)

    def test_head(self) -> None:
        """
        ``HEAD`` is answered with the headers of ``GET``.
        """
        answer = self.call(self.hub.resource(), "HEAD", "/?topic=a").answer

        self.assertEqual((answer.status, answer.header("Content-Encoding")), (200, None))

    def test_problem(self) -> None:
        """
        An error can be read, and its length is right.
        """
        answer = self.call(self.hub.resource(), "GET", "/").answer

        self.assertEqual(answer.status, 400)
        self.assertIsNone(answer.header("Content-Encoding"))
        self.assertEqual(answer.header("Content-Length"), str(len(answer.body)))
        self.assertIn("topic", answer.detail)

    def test_receipt(self) -> None:
        """
        A receipt can be read.
        """
        resource = EventsResource(self.hub.broker, authorize=everything)
        caller = self.call(
            resource, "POST", "/", b'{"topic": "a"}', **{"Content-Type": "application/json"}
        )

        self.assertEqual(caller.answer.json["subscribers"], 0)

    def test_klein(self) -> None:
        """
        Streams of a Klein app flow; its other routes are encoded as before.
        """
        app = klein.Klein()
        hub_routes(app, self.hub)

        @app.route("/two")
        @event_stream(hub=self.hub)
        def stream(request: Request) -> Iterator[str]:
            yield from two()

        @app.route("/plain")
        def plain(request: Request) -> bytes:
            return b"plain" * 100

        caller = self.call(app.resource(), "GET", "/events?topic=a")
        self.hub.publish("a", "hello")
        self.clock.advance(0)
        other = self.call(app.resource(), "GET", "/two")
        self.clock.advance(0)
        page = self.call(app.resource(), "GET", "/plain").answer

        self.assert_flows(caller, "hello")
        self.assert_flows(other, "one", "two")
        self.assertEqual(page.header("Content-Encoding"), "gzip")
        self.assertEqual(zlib.decompress(page.body, 31), b"plain" * 100)

    def test_other_encoders(self) -> None:
        """
        An encoder of another kind is left too.
        """

        class Rot13:
            def encode(self, data: bytes) -> bytes:
                return data[::-1]

            def finish(self) -> bytes:
                return b"!"

        class Factory:
            def encoderForRequest(self, request: Request) -> Rot13:
                request.responseHeaders.setRawHeaders(b"Content-Encoding", [b"x-rot13"])
                return Rot13()

        site = Site(EncodingResourceWrapper(self.hub.resource(), [Factory()]), reactor=self.clock)
        caller = call(site, "GET", "/?topic=a")
        self.clock.advance(0)
        self.hub.publish("a", "hello")
        self.clock.advance(0)

        self.assert_flows(caller, "hello")

    def test_below_a_tree(self) -> None:
        """
        A tree may have a wrapped stream beside a wrapped page.
        """
        root = Resource()
        for name, resource in ((b"events", self.hub.resource()), (b"page", Plain())):
            wrapped = EncodingResourceWrapper(resource, [GzipEncoderFactory()])
            root.putChild(name, wrapped)
        site = Site(root, reactor=self.clock)
        stream = call(site, "GET", "/events?topic=a", GZIP)
        page = call(site, "GET", "/page", GZIP).answer
        self.clock.advance(0)

        self.assert_flows(stream)
        self.assertEqual(page.header("Content-Encoding"), "gzip")
