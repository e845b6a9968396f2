"""
Answers to `StreamClient`: errors, pages, and streams without a hub.
"""

import gzip
from collections.abc import Iterator

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.testing.stream_tests import StreamTests
from twisted_sse import EventSourceResponse, Forbidden, Grant, ServerSentEvent, Unauthorized
from twisted_sse.testing import StreamClient

__all__ = ["AnswerTests"]


class AnswerTests(StreamTests):
    """
    Answers that are not streams, and streams without a hub.
    """

    def serve(self, body: bytes, kind: str = "text/event-stream") -> StreamClient:
        """
        Make a client of a resource with *body*.
        """

        class Fixed(Resource):
            isLeaf = True

            def render_GET(self, request: Request) -> bytes:
                request.setHeader("Content-Type", kind)
                return body

        client = StreamClient(Fixed(), self.clock)
        self.addCleanup(client.close)
        return client

    def test_missing(self) -> None:
        """
        A missing path is answered with 404, and has no events.
        """
        answer = self.client.get("/else")

        self.assertEqual(answer.status, 404)
        self.assertEqual((answer.events, answer.control, answer.comments), ([], [], []))
        self.assertIn(b"No Such Resource", answer.body)
        self.assertEqual((answer.detail, answer.reconnection_time), ("", None))
        self.assertTrue(answer.ended)

    def test_broken_off(self) -> None:
        """
        A stream whose source fails is closed and has not ended.
        """

        def source() -> Iterator[str]:
            yield "half"
            raise KeyError("x")

        client = StreamClient(EventSourceResponse(source, clock=self.clock), self.clock)
        self.addCleanup(client.close)
        answer = client.get("/")

        self.assertEqual([event.data for event in answer.events], ["half"])
        self.assertEqual((answer.closed, answer.ended), (True, False))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_refused(self) -> None:
        """
        A problem has a status and a detail.
        """

        def authorize(request: Request) -> Grant:
            if request.getHeader("Authorization") is None:
                raise Unauthorized("Log in.")
            raise Forbidden("Not you.")

        client = StreamClient(self.hub.resource(authorize), self.clock)
        self.addCleanup(client.close)
        anonymous = client.get("/?topic=news")
        known = client.get("/?topic=news", headers={"Authorization": "Bearer abc"})

        self.assertEqual((anonymous.status, anonymous.detail), (401, "Log in."))
        self.assertEqual(anonymous.header("WWW-Authenticate"), "Bearer")
        self.assertEqual((known.status, known.detail), (403, "Not you."))

    def test_head_and_options(self) -> None:
        """
        HEAD and OPTIONS are answered without a stream.
        """
        head = self.client.request("HEAD", "/news")
        options = self.client.request("OPTIONS", "/news")

        self.assertEqual((head.status, head.body, head.ended), (200, b"", True))
        self.assertEqual(
            (options.status, options.header("Allow")), (204, "GET, HEAD, QUERY, OPTIONS")
        )
        self.assertEqual(len(self.hub.connections), 0)

    def test_large(self) -> None:
        """
        A body larger than the network's buffers arrives.
        """
        answer = self.serve(b"x" * 1_000_000, "text/plain").get("/")

        self.assertEqual(len(answer.body), 1_000_000)

    def test_blocks(self) -> None:
        """
        Comments of events stay with them, other comments are listed, and an ID without data
        changes the last event ID.
        """
        text = b": one\n\n: two\ndata: a\n\nretry: 1500\n\nid: 9\n\ndata: unfinished"
        stream = self.serve(text, "Text/Event-Stream; charset=utf-8").get("/")

        self.assertEqual(stream.comments, ["one"])
        self.assertEqual(stream.events, [ServerSentEvent("a", comment="two")])
        self.assertEqual((stream.last_event_id, stream.reconnection_time), ("9", 1.5))
        self.assertEqual(stream.body, text)

    def test_compressed(self) -> None:
        """
        The body is not decompressed.
        """
        answer = self.serve(gzip.compress(b"text"), "text/plain").get("/")

        self.assertEqual(gzip.decompress(answer.body), b"text")

    def test_lost(self) -> None:
        """
        If the connection is lost before the answer, the error says so.
        """

        class Cutting(Resource):
            isLeaf = True

            def render_GET(self, request: Request) -> int:
                request.channel.loseConnection()
                return NOT_DONE_YET

        client = StreamClient(Cutting(), self.clock)
        self.addCleanup(client.close)
        answer = client.get("/")

        self.assertTrue(answer.closed)
        self.assertFalse(answer.answered)
        with self.assertRaisesRegex(AssertionError, "ConnectionDone"):
            print(answer.status)

    def test_site(self) -> None:
        """
        A site is used unchanged.
        """
        client = StreamClient(Site(self.root, reactor=self.clock), self.clock)
        self.addCleanup(client.close)
        stream = client.get("/news")
        self.publish("one")

        self.assertEqual([event.data for event in stream.events], ["one"])

    def test_no_app(self) -> None:
        """
        An object that is not an application raises TypeError.
        """
        for wrong in (None, object(), "app"):
            with self.assertRaisesRegex(TypeError, "is not a resource"):
                StreamClient(wrong)  # type: ignore[arg-type]

    def test_repr(self) -> None:
        """
        The representation of an answer describes its request and its state.
        """
        stream = self.client.get("/news")
        before = repr(stream)
        stream.disconnect()

        self.assertEqual(before, "<GET /news: 200, 1 blocks, open>")
        self.assertEqual(repr(stream), "<GET /news: 200, 1 blocks, closed>")
