"""
A resource that streams a generator, over HTTP/1.1 and HTTP/2.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web._http2 import H2Connection as TwistedH2Connection
from twisted.web.server import Request

from tests.support.http import Answer, Caller, H2Caller, call
from tests.support.hubs import make_hub
from twisted_sse.errors import Forbidden, HubClosed, InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.cors import CORS
from twisted_sse.web.generators.response import EventSourceResponse
from twisted_sse.web.generators.source import Item, Source

__all__ = [
    "DrainTests",
    "EndTests",
    "FullTests",
    "IdleTests",
    "ItemTests",
    "LeavingTests",
    "RequestTests",
    "SourceTests",
]

ITEMS: list[Item] = [ServerSentEvent("a", event="token", id="7"), "b\nc", None, {"data": "d"}]

BODY = b'event: token\nid: 7\ndata: a\n\ndata: b\ndata: c\n\ndata: {"data":"d"}\n\n'

SECRET = "the password is hunter2"


def sync() -> Iterator[Item]:
    """
    A generator.
    """
    yield from ITEMS


async def later() -> AsyncIterator[Item]:
    """
    An async generator.
    """
    for item in ITEMS:
        yield item


def broken() -> Iterator[Item]:
    """
    A generator with a bug.
    """
    yield "before"
    raise KeyError(SECRET)


class AsyncItems:
    """
    An async iterable that is not a generator.
    """

    def __aiter__(self) -> AsyncIterator[Item]:
        return later()


class Streamed:
    """
    A site with a response as its root, on a clock.
    """

    def __init__(self, source: Source, **options: Any) -> None:
        self.clock = Clock()
        response = EventSourceResponse(source, clock=self.clock, **options)
        self.site = StreamSite(response, reactor=self.clock)

    def call(
        self, method: str = "GET", target: str = "/", *rest: Any, version: str = "HTTP/1.1"
    ) -> Caller:
        """
        Send a request over HTTP/1, and let it be answered.
        """
        caller = call(self.site, method, target, *rest, version=version)
        self.clock.advance(0)
        return caller

    def get(self) -> Answer:
        """
        Send a ``GET``, and return what has arrived of the answer.
        """
        return self.call().answer


class ItemTests(SynchronousTestCase):
    """
    Items that are yielded, and bytes that arrive.
    """

    SOURCES: tuple[Source, ...] = (sync, later, ITEMS, AsyncItems(), lambda: iter(ITEMS))

    def test_http_1(self) -> None:
        """
        Sources of all kinds are streamed over HTTP/1.1, and the stream ends with the source.
        """
        for source in self.SOURCES:
            with self.subTest(source=source):
                answer = Streamed(source).get()

                self.assertEqual((answer.status, answer.body, answer.ended), (200, BODY, True))

    def test_http_2(self) -> None:
        """
        The same over HTTP/2.
        """
        for source in self.SOURCES:
            with self.subTest(source=source):
                streamed = Streamed(source)
                caller = H2Caller(streamed.site, streamed.clock)
                answer = caller.answer(caller.ask("GET", "/"))

                self.assertEqual((answer.status, answer.body, answer.ended), (200, BODY, True))

    def test_http_1_0(self) -> None:
        """
        HTTP/1.0 has no chunked encoding: the body ends with the connection.
        """
        streamed = Streamed(sync)
        caller = call(streamed.site, "GET", "/", version="HTTP/1.0")
        streamed.clock.advance(0)

        self.assertIsNone(caller.answer.header("Transfer-Encoding"))
        self.assertEqual((caller.answer.body, caller.transport.connected), (BODY, False))

    def test_headers(self) -> None:
        """
        The headers keep caches, proxies and compressors from touching the stream.
        """
        answer = Streamed(sync).get()

        self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertEqual(answer.header("Cache-Control"), "no-store, no-transform")
        self.assertEqual(answer.header("X-Accel-Buffering"), "no")

    def test_own_headers(self) -> None:
        """
        The caller's headers and status are sent, and replace the default ones.
        """
        headers = [("X-Model", "m1"), ("x-model", "m2"), ("cache-control", "no-store")]
        answer = Streamed(sync, headers=headers, status=201, cors=CORS(["*"])).get()

        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(
            [value for name, value in answer.headers if name == "x-model"], ["m1", "m2"]
        )

    def test_retry(self) -> None:
        """
        The reconnection time comes first.
        """
        answer = Streamed(["x"], retry=5000).get()

        self.assertEqual(answer.body, b"retry: 5000\n\ndata: x\n\n")

    def test_retry_spread(self) -> None:
        """
        Each stream has its own reconnection time, also if each has a response of its own.
        """
        hub, _ = make_hub()

        def first(retry_spread: int | None) -> bytes:
            response = EventSourceResponse(["x"], retry=100, retry_spread=retry_spread, hub=hub)
            body: bytes = call(StreamSite(response), "GET", "/").answer.body
            return body.partition(b"\n")[0]

        self.assertEqual(
            [first(None) for _ in range(3)], [b"retry: 100", b"retry: 150", b"retry: 125"]
        )
        self.assertEqual([first(0) for _ in range(2)], [b"retry: 100"] * 2)

    def test_unready(self) -> None:
        """
        Items that are ready leave while the source waits for the next one.
        """
        waiting: Deferred[str] = Deferred()

        async def source() -> AsyncIterator[Item]:
            yield "at once"
            yield await waiting

        streamed = Streamed(source)
        caller = streamed.call()
        before = caller.answer
        waiting.callback("later")
        streamed.clock.advance(0)

        self.assertEqual((before.body, before.ended), (b"data: at once\n\n", False))
        self.assertEqual([event.data for event in caller.answer.events], ["at once", "later"])
        self.assertTrue(caller.answer.ended)

    def test_next_request(self) -> None:
        """
        After a stream has ended, the connection serves the next request.
        """
        streamed = Streamed(sync)
        caller = streamed.call()
        caller.ask("GET", "/")
        streamed.clock.advance(0)

        self.assertEqual([answer.body for answer in caller.answers], [BODY, BODY])


class EndTests(SynchronousTestCase):
    """
    How a stream ends.
    """

    def test_farewell(self) -> None:
        """
        The farewell follows the source's last event, but not its failure.
        """
        farewell = ServerSentEvent(event="done", data="")
        answer = Streamed(["x"], farewell=farewell).get()
        failed = Streamed(broken, farewell=farewell).get()

        self.assertEqual(answer.body, b"data: x\n\nevent: done\ndata: \n\n")
        self.assertEqual(failed.body, b"data: before\n\n")
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_failure(self) -> None:
        """
        A failure is logged, and the stream breaks off after the events before it.
        """
        streamed = Streamed(broken)
        caller = streamed.call()

        self.assertEqual(caller.answer.body, b"data: before\n\n")
        self.assertEqual((caller.answer.ended, caller.transport.connected), (False, False))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_failure_http_2(self) -> None:
        """
        Over HTTP/2 the stream is reset, and the connection goes on.
        """
        streamed = Streamed(broken)
        caller = H2Caller(streamed.site, streamed.clock)
        answers = [caller.answer(caller.ask("GET", "/")) for _ in range(2)]

        for answer in answers:
            self.assertEqual((answer.body, answer.ended), (b"data: before\n\n", False))
        self.assertEqual(caller.resets, {1: 2, 3: 2})
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 2)

    def test_failure_twisted_http_2(self) -> None:
        """
        Twisted's own HTTP/2 resets the stream with an error, too.
        """
        streamed = Streamed(broken)
        caller = H2Caller(streamed.site, streamed.clock, TwistedH2Connection)
        stream = caller.ask("GET", "/")

        self.assertFalse(caller.answer(stream).ended)
        self.assertEqual(caller.resets, {stream: 2})
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_failure_http_1_0(self) -> None:
        """
        Over HTTP/1.0 the connection is aborted: its end alone would be the end of the body.
        """
        streamed = Streamed(broken)
        caller = streamed.call(version="HTTP/1.0")

        self.assertTrue(caller.transport.disconnected)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_failure_before_the_first_event(self) -> None:
        """
        A stream without a single event does not look complete either.
        """

        def source() -> Iterator[Item]:
            raise KeyError(SECRET)
            yield

        answer = Streamed(source).get()

        self.assertEqual((answer.status, answer.body, answer.ended), (200, b"", False))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_error_event(self) -> None:
        """
        With *error*, a control event says that the source failed, without the reason.
        """
        answer = Streamed(broken, error=True).get()

        self.assertEqual(
            answer.body,
            b'data: before\n\nevent: stream-error\ndata: {"reason":"failed"}\n\n',
        )
        self.assertTrue(answer.ended)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_own_error_event(self) -> None:
        """
        The caller may make an event from a failure.
        """

        def tell(failure: Failure) -> ServerSentEvent:
            return ServerSentEvent(type(failure.value).__name__, event="oops")

        answer = Streamed(broken, error=tell).get()

        self.assertEqual(answer.body, b"data: before\n\nevent: oops\ndata: KeyError\n\n")
        self.assertTrue(answer.ended)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_no_error_event(self) -> None:
        """
        If the caller makes no event of a failure, the stream breaks off.
        """
        answer = Streamed(broken, error=lambda failure: None).get()

        self.assertEqual((answer.body, answer.ended), (b"data: before\n\n", False))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_broken_error_event(self) -> None:
        """
        If that fails too, both failures are logged and the default event is sent.
        """

        def tell(failure: Failure) -> ServerSentEvent:
            raise ZeroDivisionError

        answer = Streamed(broken, error=tell).get()

        self.assertEqual(answer.events[-1].event, "stream-error")
        self.assertEqual(len(self.flushLoggedErrors(KeyError, ZeroDivisionError)), 2)

    def test_invalid_item(self) -> None:
        """
        An invalid item ends the stream as a failure does, and the source is closed.
        """
        said: list[str] = []

        def source() -> Iterator[Any]:
            try:
                yield b"bytes"
            finally:
                said.append("finally")

        answer = Streamed(source, error=True).get()

        self.assertEqual((said, answer.ended), (["finally"], True))
        (logged,) = self.flushLoggedErrors(InvalidEvent)
        self.assertIn("yielded a bytes", str(logged.value))


class LeavingTests(SynchronousTestCase):
    """
    The subscriber leaves before the source ends.
    """

    def setUp(self) -> None:
        """
        Prepare a source that waits.
        """
        self.said: list[str] = []
        self.waiting: Deferred[None] = Deferred()
        self.goodbye: Deferred[None] = Deferred()

    async def source(self) -> AsyncIterator[Item]:
        """
        Wait forever, and then for `goodbye`.
        """
        try:
            yield "x"
            await self.waiting
        except CancelledError:
            self.said.append("cancelled")
            raise
        finally:
            await self.goodbye
            self.said.append("finally")

    def test_http_1(self) -> None:
        """
        The source is cancelled at its await, and its ``finally`` awaited, once.
        """
        streamed = Streamed(self.source, error=True)
        caller = streamed.call()
        caller.leave()
        before = list(self.said)
        self.goodbye.callback(None)
        streamed.clock.advance(100)

        self.assertEqual(before, ["cancelled"])
        self.assertEqual(self.said, ["cancelled", "finally"])
        self.assertEqual(caller.answer.body, b"data: x\n\n")

    def test_http_2(self) -> None:
        """
        The same for an HTTP/2 stream that is reset.
        """
        streamed = Streamed(self.source)
        caller = H2Caller(streamed.site, streamed.clock)
        caller.cancel(caller.ask("GET", "/"))
        self.goodbye.callback(None)
        streamed.clock.advance(100)

        self.assertEqual(self.said, ["cancelled", "finally"])

    def test_before_it_began(self) -> None:
        """
        If the subscriber leaves at once, the source is never asked and nothing is logged.
        """
        streamed = Streamed(self.source)
        call(streamed.site, "GET", "/").leave()
        streamed.clock.advance(1)

        self.assertEqual(self.said, [])

    def test_no_timers_left(self) -> None:
        """
        When all subscribers have left, no timer remains.
        """
        streamed = Streamed(self.source)
        callers = [streamed.call() for _ in range(3)]
        self.goodbye.callback(None)
        for caller in callers:
            caller.leave()
        streamed.clock.advance(20)

        self.assertEqual(streamed.clock.getDelayedCalls(), [])

    def test_slow_reader(self) -> None:
        """
        A source is not asked for items while the transport is full.
        """
        asked: list[int] = []

        def source() -> Iterator[Item]:
            for number in range(400):
                asked.append(number)
                yield "x" * 1000

        streamed = Streamed(source)
        caller = call(streamed.site, "GET", "/")
        caller.stop_reading()
        streamed.clock.advance(1)
        before = len(asked)
        caller.read_on()
        streamed.clock.advance(0)

        self.assertEqual((before, len(asked), caller.answer.ended), (0, 400, True))

    def test_stuck_reader(self) -> None:
        """
        The connection of a subscriber that takes nothing for the send time-out is aborted.
        """
        streamed = Streamed(self.source, send_timeout=10)
        caller = streamed.call()
        caller.stop_reading()
        streamed.clock.pump([1.0] * 9)
        before = caller.transport.connected
        streamed.clock.pump([1.0] * 5)

        self.assertEqual((before, caller.transport.connected), (True, False))
        self.assertEqual(self.said, ["cancelled"])


class FullTests(SynchronousTestCase):
    """
    The transport is full before the stream begins.
    """

    def setUp(self) -> None:
        """
        Ask for a stream while the answer before it is unread.
        """
        self.asked = 0
        self.streamed = Streamed(self.source, send_timeout=10)
        self.caller = self.streamed.call("HEAD")
        self.caller.stop_reading()
        self.caller.ask("GET", "/")
        self.streamed.clock.advance(1)

    def source(self) -> Iterator[Item]:
        """
        Count how often the source is asked.
        """
        for _ in range(3):
            self.asked += 1
            yield "x"

    def test_waits(self) -> None:
        """
        The source is asked when the transport can be written to, and not before.
        """
        before = self.asked
        self.caller.read_on()
        self.streamed.clock.advance(0)

        self.assertEqual((before, self.asked), (0, 3))
        self.assertEqual(self.caller.answers[-1].body, b"data: x\n\n" * 3)

    def test_stuck(self) -> None:
        """
        If the transport stays full for the send time-out, the connection is aborted.
        """
        self.streamed.clock.pump([1.0] * 13)

        self.assertFalse(self.caller.transport.connected)
        self.assertEqual((self.asked, self.streamed.clock.getDelayedCalls()), (0, []))


class DrainTests(SynchronousTestCase):
    """
    The server stops.
    """

    def setUp(self) -> None:
        """
        Prepare a response whose source can be told to end.
        """
        self.said: list[str] = []
        clock = Clock()
        self.response = EventSourceResponse(
            self.source, clock=clock, farewell=ServerSentEvent("farewell")
        )
        self.site, self.clock = StreamSite(self.response, reactor=clock), clock
        self.obedient = True
        self.hold: Deferred[None] = Deferred()

    async def source(self, draining: Deferred[None]) -> AsyncIterator[Item]:
        """
        Wait until the source is told to end.
        """
        try:
            yield "x"
            await draining
            yield "told"
            if not self.obedient:
                await Deferred()
        finally:
            if not self.obedient:
                await self.hold
            self.said.append("finally")

    def call(self) -> Caller:
        """
        Ask for the stream, and let it begin.
        """
        caller = call(self.site, "GET", "/")
        self.clock.advance(0)
        return caller

    def test_told(self) -> None:
        """
        A source that is told to end may end in good order, and then draining is over.
        """
        callers = [self.call(), self.call()]
        done: list[None] = []
        self.response.drain(10).addCallback(done.append)
        self.clock.pump([0.1] * 5)

        for caller in callers:
            self.assertTrue(caller.answer.ended)
            self.assertEqual(
                [event.data for event in caller.answer.events], ["x", "told", "farewell"]
            )
        self.assertEqual((self.said, done), (["finally"] * 2, [None]))

    def test_cut(self) -> None:
        """
        After the grace a source that goes on is cancelled, and its stream breaks off,
        whether or not its ``finally`` has finished.
        """
        self.obedient = False
        caller = self.call()
        done: list[None] = []
        self.response.drain(10).addCallback(done.append)
        self.clock.pump([0.1] * 98)
        before = caller.transport.connected
        self.clock.pump([0.1] * 5)

        self.assertEqual((before, caller.transport.connected), (True, False))
        self.assertEqual((caller.answer.ended, done), (False, [None]))
        self.assertEqual([event.data for event in caller.answer.events], ["x", "told"])
        self.hold.callback(None)
        self.assertEqual(self.said, ["finally"])

    def test_cut_at_once(self) -> None:
        """
        A source whose ``finally`` awaits nothing is sent no farewell either.
        """
        self.obedient = False
        self.hold.callback(None)
        caller = self.call()
        self.response.drain(0)
        self.clock.advance(0)

        self.assertEqual((caller.answer.ended, caller.transport.connected), (False, False))
        self.assertNotIn("farewell", [event.data for event in caller.answer.events])
        self.assertEqual(self.said, ["finally"])

    def test_cut_http_2(self) -> None:
        """
        Over HTTP/2 the stream is reset.
        """
        self.obedient = False
        caller = H2Caller(self.site, self.clock)
        stream = caller.ask("GET", "/")
        self.response.drain(0)

        self.assertFalse(caller.answer(stream).ended)
        self.assertEqual(caller.resets, {stream: 2})

    def test_cut_with_an_event(self) -> None:
        """
        With *error*, an event says that the server has stopped; a function is told by the
        error.
        """
        told: list[BaseException] = []

        def tell(failure: Failure) -> ServerSentEvent:
            told.append(failure.value)
            return ServerSentEvent("stopping")

        ends: list[tuple[bool | Callable[[Failure], ServerSentEvent], bytes]] = [
            (True, b'event: stream-error\ndata: {"reason":"stopped"}\n\n'),
            (tell, b"data: stopping\n\n"),
        ]
        for error, last in ends:
            response = EventSourceResponse(self.source, clock=self.clock, error=error)
            self.site, self.obedient = StreamSite(response, reactor=self.clock), False
            caller = self.call()
            response.drain(0)
            self.clock.advance(0)

            self.assertTrue(caller.answer.body.endswith(last))
            self.assertTrue(caller.answer.ended)
        self.assertEqual([type(error) for error in told], [HubClosed])

    def test_newcomers(self) -> None:
        """
        New requests are answered with 503 and ``Retry-After``, ``HEAD`` included.
        """
        self.response.drain()
        for method in ("GET", "HEAD"):
            answer = call(self.site, method, "/").answer

            self.assertEqual((answer.status, answer.header("Retry-After")), (503, "5"))
        self.assertEqual(self.said, [])

    def test_nobody(self) -> None:
        """
        Without subscribers draining takes no time.
        """
        self.call().leave()
        done: list[None] = []
        self.response.drain().addCallback(done.append)
        self.clock.advance(0)

        self.assertEqual(done, [None])


class IdleTests(SynchronousTestCase):
    """
    The source yields nothing for a while.
    """

    async def silent(self) -> AsyncIterator[Item]:
        """
        Yield one item and nothing more.
        """
        yield "x"
        await Deferred()

    def test_keepalive(self) -> None:
        """
        A comment follows 15 seconds of silence, and none comes earlier.
        """
        streamed = Streamed(self.silent)
        caller = streamed.call()
        streamed.clock.pump([0.1] * 149)
        early = caller.answer.body
        streamed.clock.pump([0.1] * 4)

        self.assertEqual(early, b"data: x\n\n")
        self.assertEqual(caller.answer.body, b"data: x\n\n:\n\n")

    def test_none(self) -> None:
        """
        Without keepalive there is no comment, and no timer.
        """
        streamed = Streamed(self.silent, keepalive=None)
        caller = streamed.call()
        streamed.clock.pump([1] * 60)

        self.assertEqual(caller.answer.body, b"data: x\n\n")
        self.assertEqual(streamed.clock.getDelayedCalls(), [])

    def test_one_timer(self) -> None:
        """
        All streams of a response share a timer.
        """
        streamed = Streamed(self.silent)
        for _ in range(5):
            streamed.call()

        self.assertEqual(len(streamed.clock.getDelayedCalls()), 1)


class RequestTests(SynchronousTestCase):
    """
    Methods, headers and arguments.
    """

    def test_head(self) -> None:
        """
        ``HEAD`` has the headers and does not start the source.
        """
        begun: list[str] = []

        def source() -> list[Item]:
            begun.append("begun")
            return []

        streamed = Streamed(source, headers=[("X-Own", "1")])
        answer = streamed.call("HEAD").answer

        self.assertEqual((answer.status, begun), (200, []))
        self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertEqual(answer.header("X-Own"), "1")

    def test_head_http_2(self) -> None:
        """
        The same over HTTP/2, and an iterator is not used up.
        """
        streamed = Streamed(sync())
        caller = H2Caller(streamed.site, streamed.clock)
        head = caller.answer(caller.ask("HEAD", "/"))
        answer = caller.answer(caller.ask("GET", "/"))

        self.assertEqual((head.body, head.ended), (b"", True))
        self.assertEqual(answer.body, BODY)

    def test_methods(self) -> None:
        """
        Other methods are answered with 405, ``HEAD`` too if there is no ``GET``.
        """
        streamed = Streamed(sync, methods=["POST"])

        for method in ("GET", "HEAD", "PUT"):
            answer = streamed.call(method).answer
            self.assertEqual((answer.status, answer.header("Allow")), (405, "POST, OPTIONS"))
        self.assertEqual(Streamed(sync).call("POST").answer.status, 405)

    def test_post(self) -> None:
        """
        ``POST`` streams, and the source can read the request body.
        """

        def source(request: Request) -> Iterator[Item]:
            content: Any = request.content
            yield from content.read().decode().split()

        answer = Streamed(source, methods=["POST"]).call("POST", "/", {}, b"one two").answer

        self.assertEqual([event.data for event in answer.events], ["one", "two"])
        self.assertTrue(answer.ended)

    def test_preflight(self) -> None:
        """
        Web pages of listed origins may read.
        """
        streamed = Streamed(sync, cors=CORS(["https://a.example"]), methods=["POST"])
        answer = streamed.call("OPTIONS", "/", {"Origin": "https://a.example"}).answer

        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.header("Access-Control-Allow-Origin"), "https://a.example")

    def test_last_event_id(self) -> None:
        """
        A function is told the last event ID, from the header or the query.
        """

        def source(last_event_id: str | None) -> list[Item]:
            return [repr(last_event_id)]

        streamed = Streamed(source)
        for target, headers, expected in (
            ("/", {}, "None"),
            ("/", {"Last-Event-ID": "é;7"}, "'é;7'"),
            ("/?lastEventId=8", {}, "'8'"),
            ("/?lastEventId=8", {"Last-Event-ID": "7"}, "'7'"),
        ):
            answer = streamed.call("GET", target, headers).answer
            self.assertEqual(answer.events[0].data, expected)

    def test_everything(self) -> None:
        """
        A function with ``**kwargs`` gets all arguments.
        """

        def source(**given: object) -> list[Item]:
            return [" ".join(sorted(given))]

        self.assertEqual(
            Streamed(source).get().events[0].data, "draining last_event_id request stream"
        )


class SourceTests(SynchronousTestCase):
    """
    Which sources are accepted, and how often.
    """

    def test_iterator_twice(self) -> None:
        """
        An iterator is streamed once; then the answer is 500, and the log says what to do.
        """
        for iterator in (sync(), later()):
            streamed = Streamed(iterator)
            first, second = streamed.get(), streamed.get()

            self.assertEqual((first.status, second.status), (200, 500))
            (logged,) = self.flushLoggedErrors(RuntimeError)
            self.assertIn("give a function", str(logged.value))

    def test_refused(self) -> None:
        """
        An object that is not a source raises TypeError when the response is made.
        """

        async def items() -> list[Item]:
            return []

        def other(request: object, room: str) -> list[Item]:
            return []

        wrong: list[Any] = [
            "text",
            b"",
            {},
            ServerSentEvent("x"),
            5,
            None,
            Deferred(),
            items,
            other,
        ]
        for source in wrong:
            self.assertRaises(TypeError, EventSourceResponse, source)

    def test_refused_options(self) -> None:
        """
        Options that cannot be obeyed raise ValueError.
        """
        cases: list[dict[str, Any]] = [
            {"status": 204},
            {"methods": []},
            {"methods": ["GET", "HEAD"]},
            {"headers": {"Content-Length": "5"}},
            {"headers": [("transfer-encoding", "chunked")]},
        ]
        for options in cases:
            self.assertRaises(ValueError, EventSourceResponse, sync, **options)

    def test_refused_error(self) -> None:
        """
        An *error* that makes no event raises TypeError.
        """
        wrong: Any = ServerSentEvent("failed")
        with self.assertRaises(TypeError) as raised:
            EventSourceResponse(sync, error=wrong)

        self.assertIn("give True for an event", str(raised.exception))

    def test_function_refuses(self) -> None:
        """
        An error that a function raises is answered before the stream begins.
        """

        def refuse() -> list[Item]:
            raise Forbidden("Not you.")

        answer = Streamed(refuse, headers={"X-Own": "1"}).get()

        self.assertEqual((answer.status, answer.detail), (403, "Not you."))
        self.assertEqual(answer.header("Content-Type"), "application/problem+json")
        self.assertIsNone(answer.header("X-Own"))

    def test_function_fails(self) -> None:
        """
        A bug in the function is answered with 500, and so is a result that is not a source.
        """

        def fail() -> list[Item]:
            raise KeyError(SECRET)

        wrong: list[tuple[Callable[[], Any], type[Exception]]] = [
            (fail, KeyError),
            (lambda: "text", TypeError),
        ]
        for source, error in wrong:
            answer = Streamed(source).get()

            self.assertEqual(answer.status, 500)
            self.assertNotIn(SECRET, answer.detail)
            self.assertEqual(len(self.flushLoggedErrors(error)), 1)
