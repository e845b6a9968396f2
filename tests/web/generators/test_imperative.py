"""
Handlers that send to a stream, in twisted.web and in Klein.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import klein
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from tests.support.http import Caller, H2Caller, call
from twisted_sse import (
    CORS,
    EndReason,
    EventStream,
    Hub,
    ServerSentEvent,
    StreamClosed,
    event_stream_for,
)
from twisted_sse.errors import InvalidEvent
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.dialects import AISDK

__all__ = ["EndTests", "KleinTests", "PaceTests", "RequestTests", "SendTests"]

Handler = Callable[[Request, EventStream], Awaitable[None]]


class Page(Resource):
    """
    Answers every request with *handler*, and records how that ended.
    """

    isLeaf = True

    def __init__(self, hub: Hub, handler: Handler, options: dict[str, Any]) -> None:
        super().__init__()
        self._hub = hub
        self._handler = handler
        self._options = options
        self.ended: list[Failure | None] = []

    def render(self, request: Request) -> int:
        """
        See `twisted.web.resource.IResource.render`.
        """
        Deferred.fromCoroutine(self._answer(request)).addBoth(self.ended.append)
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> None:
        stream = await event_stream_for(request, hub=self._hub, **self._options)
        await self._handler(request, stream)


class Served:
    """
    A site with such a page, on a clock.
    """

    def __init__(self, handler: Handler, **options: Any) -> None:
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)
        self.page = Page(self.hub, handler, options)
        self.site = StreamSite(self.page, reactor=self.clock)

    def call(self, method: str = "GET", headers: dict[str, str] | None = None) -> Caller:
        """
        Send a request over HTTP/1.1, and let it be answered.
        """
        caller = call(self.site, method, "/", headers or {})
        self.clock.advance(0)
        return caller

    @property
    def error(self) -> BaseException | None:
        """
        What the only handler raised.
        """
        (ended,) = self.page.ended
        return None if ended is None else ended.value


async def wait(request: Request, stream: EventStream) -> None:
    """
    Send an event, and wait until the stream ends.
    """
    await stream.send("x")
    await stream.draining


class SendTests(SynchronousTestCase):
    """
    What is sent, and what arrives.
    """

    ITEMS: tuple[object, ...] = (ServerSentEvent("a", event="e", id="1"), "b\nc", None, {"n": 1})

    BODY = b'event: e\nid: 1\ndata: a\n\ndata: b\ndata: c\n\ndata: {"n":1}\n\n'

    async def send_all(self, request: Request, stream: EventStream) -> None:
        """
        Send items of all kinds, and close the stream.
        """
        async with stream:
            for item in self.ITEMS:
                await stream.send(item)

    def test_http_1(self) -> None:
        """
        Items of all kinds arrive, and the stream ends with the block.
        """
        served = Served(self.send_all)
        answer = served.call().answer

        self.assertEqual((answer.status, answer.body, answer.ended), (200, self.BODY, True))
        self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertEqual((served.error, len(served.hub.responses)), (None, 0))

    def test_http_2(self) -> None:
        """
        The same over HTTP/2.
        """
        served = Served(self.send_all)
        caller = H2Caller(served.site, served.clock)
        answer = caller.answer(caller.ask("GET", "/"))

        self.assertEqual((answer.body, answer.ended), (self.BODY, True))

    def test_invalid(self) -> None:
        """
        An item that cannot be sent is an error of the call.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            async with stream:
                await stream.send(b"x")

        served = Served(handler)
        answer = served.call().answer

        self.assertIsInstance(served.error, InvalidEvent)
        self.assertEqual((answer.body, answer.ended), (b"", False))

    def test_dict_of_fields(self) -> None:
        """
        A dict of fields gets the warning that sources get.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            await stream.send({"event": "e", "data": "x"})

        with capturedLogs() as events:
            Served(handler).call()

        self.assertTrue([one for one in events if "ServerSentEvent(event=" in formatEvent(one)])

    def test_keepalive(self) -> None:
        """
        Keepalives are sent while the handler waits, and the retry comes first.
        """
        served = Served(wait, keepalive=5, retry=7)
        caller = served.call()
        served.clock.pump([0.1] * 52)

        self.assertEqual(caller.answer.body, b"retry: 7\n\ndata: x\n\n:\n\n")


class PaceTests(SynchronousTestCase):
    """
    A slow reader.
    """

    def test_waits(self) -> None:
        """
        `send` waits while the reader is behind, and everything arrives in order.
        """
        sent: list[int] = []

        async def handler(request: Request, stream: EventStream) -> None:
            async with stream:
                for number in range(300):
                    await stream.send(f"{number:01000}")
                    sent.append(number)

        served = Served(handler)
        caller = call(served.site, "GET", "/")
        caller.stop_reading()
        served.clock.advance(1)
        before = len(sent)
        caller.read_on()
        served.clock.advance(0)

        self.assertEqual(before, 0)
        self.assertEqual([int(one.data or "") for one in caller.answer.events], [*range(300)])

    def test_full(self) -> None:
        """
        Several callers may wait at once, and no more than 64 KiB are written meanwhile.
        """
        done: list[int] = []

        async def one(stream: EventStream, number: int) -> None:
            await stream.send("x" * 10000)
            done.append(number)

        async def handler(request: Request, stream: EventStream) -> None:
            for number in range(10):
                Deferred.fromCoroutine(one(stream, number))
            during.append(len(done))
            await stream.draining

        during: list[int] = []
        served = Served(handler)
        caller = served.call()

        self.assertEqual((during, len(done)), ([6], 10))
        self.assertEqual(len(caller.answer.events), 10)

    def test_too_many(self) -> None:
        """
        Calls that nobody waits for are an error before they fill the memory.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            caller.stop_reading()
            for _ in range(2000):
                stream.send("x")

        served = Served(handler)
        caller = call(served.site, "GET", "/")
        served.clock.advance(0)

        self.assertIn("await each of them", str(served.error))

    def test_stuck(self) -> None:
        """
        The stream of a reader that takes nothing for the send time-out ends.
        """
        served = Served(wait, send_timeout=10)
        caller = served.call()
        (stream,) = served.hub.responses
        caller.stop_reading()
        served.clock.pump([1.0] * 15)

        self.assertEqual((caller.transport.connected, stream.closed), (False, True))
        self.assertEqual(stream.reason, EndReason.SEND_TIMEOUT)


class EndTests(SynchronousTestCase):
    """
    How a stream ends.
    """

    def test_reader_leaves(self) -> None:
        """
        A call that waits returns, and the next one raises StreamClosed.
        """
        said: list[object] = []

        async def handler(request: Request, stream: EventStream) -> None:
            caller.stop_reading()
            while not stream.closed:
                await stream.send("x" * 10000)
            said.append(stream.reason)
            await stream.send("y")

        served = Served(handler)
        caller = call(served.site, "GET", "/")
        served.clock.advance(0)
        caller.leave()
        served.clock.advance(100)

        self.assertEqual(said, [EndReason.GONE])
        self.assertIsInstance(served.error, StreamClosed)
        self.assertEqual((len(served.hub.responses), served.clock.getDelayedCalls()), (0, []))

    def test_before_it_opened(self) -> None:
        """
        If the reader leaves at once, the handler gets no stream.
        """
        served = Served(wait)
        caller = call(served.site, "GET", "/")
        caller.leave()
        served.clock.advance(1)

        self.assertIsInstance(served.error, StreamClosed)

    def test_drained(self) -> None:
        """
        The handler is told that the server stops, and may send a last event.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            async with stream:
                await stream.draining
                await stream.send("last")

        served = Served(handler)
        caller = served.call()
        served.hub.service(grace=5, spread=0).stopService()
        served.clock.advance(0)

        self.assertEqual((caller.answer.body, caller.answer.ended), (b"data: last\n\n", True))

    def test_cut(self) -> None:
        """
        After the grace the stream of a handler that goes on breaks off.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            caller.stop_reading()
            while not stream.closed:
                await stream.send("x" * 1000)
            said.append(stream.reason)

        said: list[object] = []
        served = Served(handler)
        caller = call(served.site, "GET", "/")
        served.clock.advance(0)
        served.hub.service(grace=5, spread=0).stopService()
        served.clock.pump([0.5] * 12)

        self.assertEqual(said, [EndReason.DRAINED])
        self.assertFalse(caller.answer.ended)
        self.assertEqual((served.error, len(served.hub.responses)), (None, 0))

    def test_fails(self) -> None:
        """
        If the block raises, the stream breaks off, and its reason is there; with *error*, an
        event ends it in good order.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            streams.append(stream)
            async with stream:
                await stream.send("x")
                raise KeyError("secret")

        streams: list[EventStream] = []
        last = b'event: stream-error\ndata: {"reason":"failed"}\n\n'
        for options, body, ended in (({}, b"", False), ({"error": True}, last, True)):
            served = Served(handler, **options)
            answer = served.call().answer

            self.assertEqual((answer.body, answer.ended), (b"data: x\n\n" + body, ended))
            self.assertIsInstance(served.error, KeyError)
            self.assertEqual(len(served.hub.responses), 0)
        self.assertEqual([stream.reason for stream in streams], [EndReason.FAILED] * 2)

    def test_dialect(self) -> None:
        """
        In a dialect, the stream is complete when it is closed, and tells of a failure.
        """

        async def block(request: Request, stream: EventStream) -> None:
            async with stream:
                await stream.send({"type": "start"})

        async def closing(request: Request, stream: EventStream) -> None:
            await stream.send({"type": "start"})
            stream.close()

        async def failing(request: Request, stream: EventStream) -> None:
            async with stream:
                await stream.send({"type": "start"})
                raise KeyError("secret")

        error = '{"type":"error","errorText":"Sorry."}'
        for handler, rest in ((block, []), (closing, []), (failing, [error])):
            served = Served(handler, dialect=AISDK(error="Sorry."))
            answer = served.call().answer

            data = [event.data for event in answer.events]
            self.assertEqual(data, ['{"type":"start"}', *rest, "[DONE]"])
            self.assertEqual(answer.header("x-vercel-ai-ui-message-stream"), "v1")
            self.assertTrue(answer.ended)

    def test_closed_by_others(self) -> None:
        """
        Others may close the stream with a last event.
        """
        served = Served(wait)
        caller = served.call()
        (stream,) = served.hub.responses
        stream.close(ServerSentEvent("bye"))

        self.assertEqual(caller.answer.body, b"data: x\n\ndata: bye\n\n")
        self.assertEqual((caller.answer.ended, stream.reason), (True, EndReason.CLOSED))

    def test_next_request(self) -> None:
        """
        The connection serves the next request.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            await stream.send("x")
            stream.close()

        served = Served(handler)
        caller = served.call()
        caller.ask("GET", "/")
        served.clock.advance(0)

        self.assertEqual([answer.body for answer in caller.answers], [b"data: x\n\n"] * 2)

    def test_handler_gives_up(self) -> None:
        """
        If the handler does not wait for the stream to open, the stream breaks off.
        """
        served = Served(wait)
        opening: list[Deferred[EventStream]] = []

        class Impatient(Resource):
            isLeaf = True

            def render(self, request: Request) -> int:
                """
                See `IResource.render`.
                """
                opening.append(event_stream_for(request, hub=served.hub))
                return NOT_DONE_YET

        caller = call(StreamSite(Impatient(), reactor=served.clock), "GET", "/")
        opening[0].addErrback(lambda _: None)
        opening[0].cancel()
        served.clock.advance(0)

        self.assertEqual((caller.answer.ended, caller.transport.connected), (False, False))
        self.assertEqual(len(served.hub.responses), 0)


class RequestTests(SynchronousTestCase):
    """
    Requests that get no stream, and arguments.
    """

    def test_head(self) -> None:
        """
        ``HEAD`` is answered with the headers, and there is no stream for the handler.
        """
        served = Served(wait, headers={"X-Own": "1"}, status=201)
        answer = served.call("HEAD").answer

        self.assertEqual((answer.status, answer.header("X-Own")), (201, "1"))
        self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertIsInstance(served.error, StreamClosed)

    def test_preflight(self) -> None:
        """
        ``OPTIONS`` is answered too, and listed origins may read.
        """
        cors = CORS(["https://a.example"])
        for method, status in (("OPTIONS", 204), ("GET", 200)):
            served = Served(wait, cors=cors)
            answer = served.call(method, {"Origin": "https://a.example"}).answer

            self.assertEqual(answer.status, status)
            self.assertEqual(answer.header("Access-Control-Allow-Origin"), "https://a.example")

    def test_method(self) -> None:
        """
        Other methods than those listed are answered with 405.
        """
        served = Served(wait, methods=["POST"])

        self.assertEqual(served.call("GET").answer.status, 405)
        self.assertIsInstance(served.error, StreamClosed)

    def test_stopping(self) -> None:
        """
        While the hub stops, requests are answered with 503.
        """
        served = Served(wait)
        served.hub.service().stopService()

        self.assertEqual(served.call().answer.status, 503)
        self.assertIsInstance(served.error, StreamClosed)

    def test_wrong_arguments(self) -> None:
        """
        Wrong arguments are errors of the call.
        """
        cases: list[tuple[dict[str, Any], type[Exception]]] = [
            ({"keepalive": 0}, ValueError),
            ({"status": 204}, ValueError),
            ({"methods": "POST"}, TypeError),
            ({"cors": ["*"]}, TypeError),
            ({"error": "yes"}, TypeError),
        ]
        for options, error in cases:
            served = Served(wait, **options)
            served.call()

            self.assertIsInstance(served.error, error)


class KleinTests(SynchronousTestCase):
    """
    Routes of Klein.
    """

    def setUp(self) -> None:
        """
        An app, and a hub on a clock.
        """
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)
        self.app = klein.Klein()

    def call(self, method: str = "GET") -> Caller:
        """
        Send a request, and let it be answered.
        """
        resource: IResource = self.app.resource()
        caller = call(StreamSite(resource, reactor=self.clock), method, "/")
        self.clock.advance(0)
        return caller

    def route(self, handler: Handler) -> None:
        """
        Add a route with *handler*.
        """

        @self.app.route("/")
        async def answer(request: Request) -> None:
            await handler(request, await event_stream_for(request, hub=self.hub))

    def test_returns(self) -> None:
        """
        When the handler returns, the stream ends after everything that was sent.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            await stream.send("a")
            await stream.send("b")

        self.route(handler)
        answer = self.call().answer

        self.assertEqual((answer.body, answer.ended), (b"data: a\n\ndata: b\n\n", True))
        self.assertEqual(len(self.hub.responses), 0)

    def test_head(self) -> None:
        """
        ``HEAD`` is answered, and nothing is logged.
        """
        self.route(wait)

        self.assertEqual(self.call("HEAD").answer.status, 200)

    def test_reader_leaves(self) -> None:
        """
        When the reader leaves, Klein cancels the handler, and nothing is logged.
        """
        self.route(wait)
        self.call().leave()
        self.clock.advance(1)

        self.assertEqual(len(self.hub.responses), 0)

    def test_fails(self) -> None:
        """
        If a handler fails inside the block, the stream breaks off, and the error is logged.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            async with stream:
                await stream.send("a")
                raise KeyError("x")

        self.route(handler)
        answer = self.call().answer

        self.assertEqual((answer.body, answer.ended), (b"data: a\n\n", False))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(len(self.hub.responses), 0)

    def test_fails_outside(self) -> None:
        """
        The same without a block: Klein's error page does not get into the stream.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            await stream.send("a")
            raise KeyError("x")

        self.route(handler)
        answer = self.call().answer

        self.assertEqual((answer.body, answer.ended), (b"data: a\n\n", False))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(len(self.hub.responses), 0)

    def test_fails_with_an_error_handler(self) -> None:
        """
        What an error handler of the app returns does not complete the stream.
        """

        async def handler(request: Request, stream: EventStream) -> None:
            async with stream:
                await stream.send("a")
                raise KeyError("x")

        def explain(request: Request, failure: Failure) -> str:
            return "a page"

        self.route(handler)
        self.app.handle_errors(KeyError)(explain)
        caller = H2Caller(StreamSite(self.app.resource(), reactor=self.clock), self.clock)
        stream = caller.ask("GET", "/")

        self.assertEqual(caller.answer(stream).body, b"data: a\n\n")
        self.assertEqual(caller.resets, {stream: 2})
