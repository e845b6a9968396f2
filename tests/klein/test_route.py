"""
`event_stream`: routes that yield.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import klein
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource
from twisted.web.server import Request
from werkzeug.exceptions import NotFound

from tests.klein.served import Served
from tests.support.http import H2Caller
from twisted_sse import (
    CORS,
    EndReason,
    EventSourceResponse,
    Forbidden,
    NoContent,
    ResponseStream,
    ServerSentEvent,
)
from twisted_sse.errors import Unauthorized
from twisted_sse.klein import EventStreamRoute, StreamOptions, event_stream
from twisted_sse.transport.http.site import StreamSite

__all__ = [
    "AppTests",
    "ArgumentTests",
    "EndTests",
    "ErrorTests",
    "MethodTests",
    "OptionTests",
    "SourceTests",
]

BODY = b"data: a\n\ndata: b\n\n"


def sync(request: Request) -> Iterator[str]:
    """
    A generator.
    """
    yield "a"
    yield "b"


async def later(request: Request) -> AsyncIterator[str]:
    """
    An async generator that awaits.
    """
    yield "a"
    yield await succeed("b")


def listed(request: Request) -> list[str]:
    """
    A function that returns an iterable.
    """
    return ["a", "b"]


async def awaited(request: Request) -> AsyncIterator[str]:
    """
    A coroutine function that returns an async generator.
    """
    await succeed(None)
    return later(request)


def promised(request: Request) -> Deferred[Iterator[str]]:
    """
    A function that returns a `Deferred` of a generator.
    """
    return succeed(sync(request))


@inlineCallbacks
def called_back(request: Request) -> Any:
    """
    A function of `inlineCallbacks` that returns a generator.
    """
    yield succeed(None)
    return sync(request)


class SourceTests(SynchronousTestCase):
    """
    Functions that are decorated, and bytes that arrive.
    """

    SOURCES: tuple[Callable[[Request], Any], ...] = (
        *(sync, later, listed, awaited, promised, called_back),
    )

    def test_sources(self) -> None:
        """
        Functions of all kinds are streamed, and the stream ends with the source.
        """
        for source in self.SOURCES:
            served = Served()
            served.app.route("/")(event_stream(hub=served.hub)(source))
            answer = served.get("/")

            self.assertEqual((answer.status, answer.body, answer.ended), (200, BODY, True), source)
            self.assertEqual(answer.header("Content-Type"), "text/event-stream", source)

    def test_response(self) -> None:
        """
        A route without the decorator may return a response.
        """
        served = Served()

        @served.app.route("/")
        def own(request: Request) -> IResource:
            return EventSourceResponse(later, hub=served.hub)

        self.assertEqual(served.get("/").body, BODY)

    def test_subscribe(self) -> None:
        """
        A route may also return the stream of a hub.
        """
        served = Served()

        @served.app.route("/")
        def news(request: Request) -> IResource:
            return served.hub.subscribe("news")

        caller = served.call("GET", "/")
        served.hub.publish("news", "hello")
        served.clock.advance(0)

        self.assertEqual([one.data for one in caller.answer.events[1:]], ["hello"])

    def test_no_source(self) -> None:
        """
        A result that cannot be streamed is answered with 500 and logged.
        """
        served = Served()

        @served.app.route("/")
        @event_stream(hub=served.hub)
        def text(request: Request) -> Any:
            return "a single string"

        self.assertEqual(served.get("/").status, 500)
        (logged,) = self.flushLoggedErrors(TypeError)
        self.assertIn("A str is not a source", str(logged.value))


class ArgumentTests(SynchronousTestCase):
    """
    The arguments of the function.
    """

    def test_url(self) -> None:
        """
        Parameters of the URL are passed as by Klein.
        """
        served = Served()

        @served.app.route("/rooms/<room>/<int:floor>")
        @event_stream(hub=served.hub)
        def listen(request: Request, room: str, floor: int) -> Iterator[dict[str, Any]]:
            yield {"room": room, "floor": floor + 1}

        self.assertEqual(served.get("/rooms/lobby/1").body, b'data: {"room":"lobby","floor":2}\n\n')

    def test_last_event_id(self) -> None:
        """
        The last event ID is passed to a function that declares *last_event_id*.
        """
        served = Served()

        @served.app.route("/")
        @event_stream(hub=served.hub)
        def resume(request: Request, last_event_id: str | None) -> Iterator[str]:
            yield repr(last_event_id)

        self.assertEqual(served.get("/").body, b"data: None\n\n")
        self.assertEqual(served.get("/", {"Last-Event-ID": "7"}).body, b"data: '7'\n\n")
        self.assertEqual(served.get("/?lastEventID=%FF").status, 400)

    def test_own_name(self) -> None:
        """
        A parameter of the URL takes precedence over an offered argument of the same name.
        """
        served = Served()

        @served.app.route("/<draining>")
        @event_stream(hub=served.hub)
        def echo(request: Request, draining: str) -> Iterator[str]:
            yield draining

        self.assertEqual(served.get("/x").body, b"data: x\n\n")

    def test_stream(self) -> None:
        """
        The function is offered the stream that the hub knows.
        """
        served = Served()

        @served.app.route("/")
        @event_stream(hub=served.hub)
        async def wait(request: Request, stream: ResponseStream) -> AsyncIterator[str]:
            stream.state["user"] = "ann"
            try:
                yield "x"
                await Deferred()
            finally:
                reasons.append(stream.reason)

        reasons: list[EndReason | None] = []
        caller = served.call("GET", "/")
        (stream,) = served.hub.responses
        stream.close(ServerSentEvent("bye"))

        self.assertEqual((stream.state, reasons), ({"user": "ann"}, [EndReason.CLOSED]))
        self.assertEqual(
            (caller.answer.body, caller.answer.ended), (b"data: x\n\ndata: bye\n\n", True)
        )

    def test_required(self) -> None:
        """
        A `klein.Requirer` does not pass the request: the error says what to return.
        """
        served = Served()
        requirer = klein.Requirer()
        required = requirer.require(served.app.route("/wrong"), url=klein.RequestURL())
        required(event_stream(hub=served.hub)(lambda url: [url.to_text()]))

        @requirer.require(served.app.route("/right"), url=klein.RequestURL())
        def right(url: Any) -> IResource:
            return EventSourceResponse([url.to_text()], hub=served.hub)

        self.assertEqual(served.get("/wrong").status, 500)
        (logged,) = self.flushLoggedErrors(TypeError)
        self.assertIn("return an EventSourceResponse", str(logged.value))
        self.assertEqual(served.get("/right").body, b"data: http://hub.example/right\n\n")

    def test_another_route(self) -> None:
        """
        A route may return the result of another one.
        """
        served = Served()
        stream = event_stream(hub=served.hub)(later)

        @served.app.route("/")
        def other(request: Request) -> Deferred[IResource]:
            return stream(request)

        self.assertEqual(served.get("/").body, BODY)


class AppTests(SynchronousTestCase):
    """
    The ways to write a Klein app.
    """

    def test_object(self) -> None:
        """
        The app of a class passes the object to its routes.
        """
        clock = Clock()

        class Counters:
            app = klein.Klein()

            def __init__(self, first: int) -> None:
                self.first = first

            @app.route("/")
            @event_stream(clock=clock)
            async def count(self, request: Request) -> AsyncIterator[dict[str, int]]:
                yield {"number": self.first}

            @app.route("/again")
            def again(self, request: Request) -> Deferred[IResource]:
                return self.count(request)

        for first in (1, 2):
            served = Served(Counters(first).app)
            served.clock = clock

            self.assertEqual(served.get("/").body, b'data: {"number":%d}\n\n' % first)
            self.assertEqual(served.get("/again").body, b'data: {"number":%d}\n\n' % first)

    def test_branch(self) -> None:
        """
        A branch route streams at every URL below it.
        """
        served = Served()
        served.app.route("/under", branch=True)(event_stream(hub=served.hub)(sync))

        for target in ("/under", "/under/a", "/under/a/b/"):
            self.assertEqual(served.get(target).body, BODY, target)

    def test_subroute(self) -> None:
        """
        Routes of a subroute can be streams.
        """
        served = Served()
        with served.app.subroute("/api/v1") as app:
            app.route("/words")(event_stream(hub=served.hub)(sync))

        self.assertEqual(served.get("/api/v1/words").body, BODY)

    def test_url_for(self) -> None:
        """
        The name for ``url_for`` is that of the function.
        """
        served = Served()
        served.app.route("/words")(event_stream(hub=served.hub)(sync))

        @served.app.route("/where")
        def where(request: Request) -> str:
            return served.app.url_for(request, "sync")

        self.assertEqual(served.get("/where").body, b"/words")

    def test_without_arguments(self) -> None:
        """
        The decorator needs no parentheses, and keeps the function's name and docstring.
        """
        route = event_stream(sync)

        self.assertIsInstance(route, EventStreamRoute)
        self.assertEqual(inspect.getdoc(route), "A generator.")
        self.assertEqual(vars(route)["__name__"], "sync")


class MethodTests(SynchronousTestCase):
    """
    Methods other than ``GET``.
    """

    def setUp(self) -> None:
        """
        Make routes that record the calls of their function.
        """
        self.served = Served()
        self.called: list[bytes] = []

        def words(request: Request) -> list[str]:
            self.called.append(request.method)
            content: Any = request.content
            return [word.decode("ascii") for word in content.read().split()]

        stream = event_stream(hub=self.served.hub, cors=CORS(["https://page.example"]))(words)
        self.served.app.route("/any")(stream)
        self.served.app.route("/get", endpoint="get", methods=["GET"])(stream)
        self.served.app.route("/post", endpoint="post", methods=["POST", "OPTIONS"])(stream)

    def test_post(self) -> None:
        """
        The answer to ``POST`` is streamed.
        """
        caller = self.served.call("POST", "/post", body=b"say it")

        self.assertEqual(caller.answer.body, b"data: say\n\ndata: it\n\n")

    def test_head(self) -> None:
        """
        ``HEAD`` has the headers of ``GET``, and does not call the function.
        """
        for target in ("/any", "/get"):
            answer = self.served.call("HEAD", target).answer

            self.assertEqual((answer.status, answer.ended), (200, True))
            self.assertEqual(answer.header("Content-Type"), "text/event-stream")
        self.assertEqual(self.called, [])

    def test_options(self) -> None:
        """
        ``OPTIONS`` is answered if the route allows it, and does not call the function.
        """
        origin = {"Origin": "https://page.example"}
        answer = self.served.call("OPTIONS", "/post", origin).answer
        refused = self.served.call("OPTIONS", "/get", origin).answer

        self.assertEqual((answer.status, refused.status), (204, 405))
        self.assertEqual(answer.header("Access-Control-Allow-Methods"), "GET, POST, HEAD, OPTIONS")
        self.assertEqual(self.called, [])

    def test_not_allowed(self) -> None:
        """
        Other methods are refused, by Klein or by the stream, and do not call the function.
        """
        for target in ("/any", "/get", "/post"):
            self.assertEqual(self.served.call("DELETE", target).answer.status, 405, target)
        self.assertEqual(self.called, [])

    def test_methods(self) -> None:
        """
        The option *methods* replaces the default.
        """
        stream = event_stream(hub=self.served.hub, methods=iter(["PUT"]))(sync)
        self.served.app.route("/put", endpoint="put")(stream)

        self.assertEqual(self.served.call("PUT", "/put").answer.body, BODY)
        self.assertEqual(self.served.call("GET", "/put").answer.status, 405)


class OptionTests(SynchronousTestCase):
    """
    The options of the decorator.
    """

    def test_names(self) -> None:
        """
        The options are those of `EventSourceResponse`, without the source.
        """
        theirs = inspect.signature(EventSourceResponse).parameters.keys()

        self.assertEqual(theirs - StreamOptions.__annotations__.keys(), {"source"})
        self.assertEqual(StreamOptions.__annotations__.keys() - theirs, set())

    def test_obeyed(self) -> None:
        """
        The options apply to the stream.
        """
        served = Served()
        decorate = event_stream(
            hub=served.hub,
            retry=9,
            status=201,
            headers={"X-Model": "m1"},
            farewell=ServerSentEvent(event="done", data=""),
            keepalive=5,
        )

        @served.app.route("/")
        @decorate
        async def wait(request: Request, draining: Deferred[None]) -> AsyncIterator[str]:
            yield "a"
            await draining

        caller = served.call("GET", "/")
        served.clock.advance(5)
        before = caller.answer.body
        served.hub.service(grace=1.0, spread=0.0).stopService()
        served.clock.pump([0.1] * 20)

        self.assertEqual((caller.answer.status, caller.answer.header("X-Model")), (201, "m1"))
        self.assertEqual(before, b"retry: 9\n\ndata: a\n\n:\n\n")
        self.assertEqual(caller.answer.body, before + b"event: done\ndata: \n\n")

    def test_wrong(self) -> None:
        """
        Invalid options raise an error when the route is made.
        """
        wrong: dict[str, Any] = {"color": "red"}
        with self.assertRaises(ValueError):
            event_stream(status=204)(sync)
        with self.assertRaises(TypeError):
            event_stream(**wrong)(sync)


class ErrorTests(SynchronousTestCase):
    """
    Errors before the stream begins, and in it.
    """

    def setUp(self) -> None:
        """
        Make an app with a handler for one error.
        """
        self.served = Served()

        @self.served.app.handle_errors(KeyError)
        def unknown(request: Request, failure: Failure) -> str:
            request.setResponseCode(422)
            return f"unknown: {failure.value.args[0]}"

    def raising(self, error: Exception) -> dict[str, Callable[[Request], Any]]:
        """
        Functions that raise *error* instead of returning a source.
        """

        def at_once(request: Request) -> Iterator[str]:
            raise error

        async def after_a_wait(request: Request) -> AsyncIterator[str]:
            await succeed(None)
            raise error

        return {"/at-once": at_once, "/after-a-wait": after_a_wait}

    def statuses(self, error: Exception) -> list[int]:
        """
        The statuses of requests whose functions raise *error*.
        """
        served = self.served
        for target, function in self.raising(error).items():
            served.app.route(target)(event_stream(hub=served.hub)(function))
        return [served.get(target).status for target in ("/at-once", "/after-a-wait")]

    def test_handled(self) -> None:
        """
        An error of a function goes to the app's error handler.
        """
        for target, function in self.raising(KeyError("room")).items():
            self.served.app.route(target)(event_stream(hub=self.served.hub)(function))
            answer = self.served.get(target)

            self.assertEqual((answer.status, answer.body), (422, b"unknown: room"))

    def test_werkzeug(self) -> None:
        """
        Werkzeug's exceptions are answered as in every route.
        """
        self.assertEqual(self.statuses(NotFound()), [404, 404])

    def test_unforeseen(self) -> None:
        """
        An unhandled error is answered with 500 and logged.
        """
        self.assertEqual(self.statuses(ZeroDivisionError()), [500, 500])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_refusals(self) -> None:
        """
        This package's own errors are answered as by a hub, whatever handlers the app has.
        """

        @self.served.app.handle_errors
        def everything(request: Request, failure: Failure) -> str:
            raise AssertionError("not to be asked")

        for error, status in ((Unauthorized("a"), 401), (Forbidden("b"), 403), (NoContent(), 204)):
            self.assertEqual(self.statuses(error), [status, status])

    def test_generator(self) -> None:
        """
        A generator runs only after its stream has begun, so an error breaks the stream off, or
        ends it with the event that was asked for.
        """
        for error, last in ((None, b""), (True, b'event: stream-error\ndata: {"reason":')):
            served = Served()

            @served.app.route("/")
            @event_stream(hub=served.hub, error=error)
            async def broken(request: Request) -> AsyncIterator[str]:
                raise ZeroDivisionError
                yield ""

            answer = served.get("/")

            self.assertEqual((answer.status, answer.ended), (200, error is True))
            self.assertTrue(answer.body.startswith(last))
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class EndTests(SynchronousTestCase):
    """
    How streams end.
    """

    def setUp(self) -> None:
        """
        Make functions that wait.
        """
        self.served = Served()
        self.said: list[str] = []
        self.asked: Deferred[None] = Deferred()

        async def wait(request: Request, draining: Deferred[None]) -> AsyncIterator[str]:
            try:
                yield "x"
                await draining
                self.said.append("told")
            except CancelledError:
                self.said.append("cancelled")
                raise
            finally:
                await succeed(None)
                self.said.append("finally")

        async def ask(request: Request) -> AsyncIterator[str]:
            try:
                await self.asked
            except CancelledError:
                self.said.append("cancelled")
            return wait(request, Deferred())

        self.wait: Callable[..., AsyncIterator[str]] = wait
        self.ask: Callable[..., Awaitable[AsyncIterator[str]]] = ask

    def test_reader_leaves(self) -> None:
        """
        The source is cancelled, its ``finally`` runs once, and the hub forgets the stream.
        """
        self.served.app.route("/")(event_stream(hub=self.served.hub)(self.wait))
        caller = self.served.call("GET", "/")
        open_before = len(self.served.hub.responses)
        caller.leave()
        self.served.clock.advance(100)

        self.assertEqual(self.said, ["cancelled", "finally"])
        self.assertEqual((open_before, len(self.served.hub.responses)), (1, 0))

    def test_http_2(self) -> None:
        """
        The same for an HTTP/2 stream that is reset.
        """
        self.served.app.route("/")(event_stream(hub=self.served.hub)(self.wait))
        site = StreamSite(self.served.app.resource(), reactor=self.served.clock)
        caller = H2Caller(site, self.served.clock)
        stream = caller.ask("GET", "/")
        body = caller.answer(stream).body
        caller.cancel(stream)

        self.assertEqual((body, self.said), (b"data: x\n\n", ["cancelled", "finally"]))
        self.assertEqual(len(self.served.hub.responses), 0)

    def test_reader_leaves_early(self) -> None:
        """
        A function that waits before the stream is cancelled, and its source never begins.
        """
        self.served.app.route("/")(event_stream(hub=self.served.hub)(self.ask))
        caller = self.served.call("GET", "/")
        caller.leave()
        self.served.clock.advance(100)

        self.assertEqual(self.said, ["cancelled"])
        self.assertEqual((caller.answers, len(self.served.hub.responses)), ([], 0))

    def test_waits(self) -> None:
        """
        Nothing is sent before a function that waits has returned.
        """
        self.served.app.route("/")(event_stream(hub=self.served.hub)(self.ask))
        caller = self.served.call("GET", "/")
        before = caller.answers
        self.asked.callback(None)
        self.served.clock.advance(0)

        self.assertEqual((before, caller.answer.body), ([], b"data: x\n\n"))

    def test_hub_stops(self) -> None:
        """
        With a hub the source is told that the hub's service stops, and the stream ends.
        """
        self.served.app.route("/")(event_stream(hub=self.served.hub)(self.wait))
        caller = self.served.call("GET", "/")
        self.served.hub.service().stopService()
        self.served.clock.pump([0.1] * 20)

        self.assertEqual((self.said, caller.answer.ended), (["told", "finally"], True))
        self.assertEqual(self.served.get("/").status, 503)

    def test_drain(self) -> None:
        """
        Without a hub the route itself is drained.
        """
        route = event_stream(clock=self.served.clock)(self.wait)
        self.served.app.route("/")(route)
        caller = self.served.call("GET", "/")
        draining = route.drain(grace=5)
        self.served.clock.pump([0.1] * 20)

        self.assertIsNone(self.successResultOf(draining))
        self.assertEqual((self.said, caller.answer.ended), (["told", "finally"], True))
