"""
Routes that yield without being streams.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import klein
from twisted.internet.defer import Deferred, succeed
from twisted.logger import LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException

from tests.klein.served import Served
from twisted_sse import Hub
from twisted_sse.klein import Klein, event_stream, hub_routes

__all__ = ["RefusalTests", "UpgradeTests"]


def sync(request: Request) -> Iterator[str]:
    """
    A generator.
    """
    yield "x"


async def later(request: Request) -> AsyncIterator[str]:
    """
    An async generator.
    """
    yield "x"


def returned(request: Request) -> Iterator[str]:
    """
    A function that returns a generator.
    """
    return sync(request)


async def awaited(request: Request) -> AsyncIterator[str]:
    """
    A coroutine function that returns an async generator.
    """
    await succeed(None)
    return later(request)


def fine(request: Request) -> str:
    """
    A function that answers.
    """
    return "fine"


def fine_later(request: Request) -> Deferred[str]:
    """
    A function that answers later.
    """
    return succeed("fine")


shared = klein.Klein()


def in_a_module() -> klein.Klein:
    """
    An app that is a variable of the module in which `event_stream` is used.
    """

    @shared.route("/streams")
    @event_stream
    async def streams(request: Request) -> AsyncIterator[str]:
        yield "x"

    return shared


def in_a_function() -> klein.Klein:
    """
    An app that is a variable of the function.
    """
    app = klein.Klein()

    @app.route("/streams")
    @event_stream
    async def streams(request: Request) -> AsyncIterator[str]:
        yield "x"

    return app


def with_options() -> klein.Klein:
    """
    The same, with options of `event_stream`.
    """
    app = klein.Klein()

    @app.route("/streams")
    @event_stream(keepalive=None)
    async def streams(request: Request) -> AsyncIterator[str]:
        yield "x"

    return app


def in_a_class() -> klein.Klein:
    """
    An app that is an attribute of a class.
    """

    class Counter:
        app = klein.Klein()

        @app.route("/streams")
        @event_stream
        async def streams(self, request: Request) -> AsyncIterator[str]:
            yield "x"

    return Counter.app


def with_a_hub() -> klein.Klein:
    """
    An app with a hub.
    """
    apps = [klein.Klein()]
    hub_routes(apps[0], Hub())
    return apps[0]


class RefusalTests(SynchronousTestCase):
    """
    The answers to such routes.
    """

    WRONG: tuple[Callable[[Request], Any], ...] = (sync, later, returned, awaited)

    def setUp(self) -> None:
        """
        Record the log.
        """
        self.logged: list[LogEvent] = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)

    def errors(self) -> list[str]:
        """
        The sentences of the logged errors.
        """
        return [each["sentence"] for each in self.logged if each["log_level"] is LogLevel.error]

    def test_wrong(self) -> None:
        """
        The answer is 500, and both the answer and the log say what to do.
        """
        for function in self.WRONG:
            served = Served(Klein())
            served.app.route("/")(function)
            name = function.__name__
            sentence = (
                f"The route tests.klein.test_app.{name} yields but is not a stream:"
                f" put @event_stream between @app.route and def {name}."
            )
            answer = served.get("/")

            self.assertEqual((answer.status, answer.ended), (500, True))
            self.assertIn(sentence, answer.body.decode())
            self.assertEqual(self.errors()[-1], sentence)

    def test_right(self) -> None:
        """
        Other routes are answered as by Klein.
        """
        for function in (fine, fine_later):
            served = Served(Klein())
            served.app.route("/")(function)

            self.assertEqual(served.get("/").body, b"fine")
        self.assertEqual(self.errors(), [])

    def test_branch(self) -> None:
        """
        Branch routes and routes of subroutes are answered alike.
        """
        served = Served(Klein())
        served.app.route("/under", branch=True)(later)
        with served.app.subroute("/api") as app:
            app.route("/words")(sync)

        self.assertEqual(served.get("/under/a").status, 500)
        self.assertEqual(served.get("/api/words").status, 500)

    def test_error_handler(self) -> None:
        """
        An error handler of the app may answer instead.
        """
        served = Served(Klein())
        served.app.route("/")(later)

        @served.app.handle_errors(HTTPException)
        def apologize(request: Request, failure: Failure) -> str:
            request.setResponseCode(failure.value.code)
            return "Sorry."

        answer = served.get("/")

        self.assertEqual((answer.status, answer.body), (500, b"Sorry."))
        self.assertEqual(len(self.errors()), 1)


class UpgradeTests(SynchronousTestCase):
    """
    Which apps are converted.
    """

    MAKERS = (in_a_module, in_a_function, with_options, in_a_class, with_a_hub, Klein)

    def test_upgraded(self) -> None:
        """
        Apps that are passed to `hub_routes`, or are variables where `event_stream` is used, are
        converted.  Routes added later are checked too.
        """
        for make in self.MAKERS:
            served = Served(make())
            served.app.route("/later", endpoint="later")(later)

            self.assertEqual(served.get("/later").status, 500, make.__name__)

    def test_copies(self) -> None:
        """
        The app of a class is converted for every object, and passes the object.
        """

        class Greeter:
            app = klein.Klein()
            hub_routes(app, Hub())

            @app.route("/greeting")
            def greeting(self, request: Request) -> str:
                return type(self).__name__

            @app.route("/greetings")
            async def greetings(self, request: Request) -> AsyncIterator[str]:
                yield "x"

        served = Served(Greeter().app)

        self.assertEqual(served.get("/greeting").body, b"Greeter")
        self.assertEqual(served.get("/greetings").status, 500)

    def test_own_class(self) -> None:
        """
        An app keeps the application's own class.
        """

        class Own(klein.Klein):
            pass

        app = Own()
        hub_routes(app, Hub())

        self.assertIs(type(app), Own)

    def test_others(self) -> None:
        """
        Other apps stay the same: Klein answers with an empty body.
        """
        served = Served()
        served.app.route("/")(later)
        answer = served.get("/")

        self.assertEqual((answer.status, answer.body), (200, b""))
