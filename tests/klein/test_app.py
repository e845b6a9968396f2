"""
Routes that yield, and were to be streams.
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

__all__ = ["FoundTests", "RefusalTests"]


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
    The same of a function.
    """
    app = klein.Klein()

    @app.route("/streams")
    @event_stream
    async def streams(request: Request) -> AsyncIterator[str]:
        yield "x"

    return app


def with_options() -> klein.Klein:
    """
    The same with options.
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
    An app in which there is a hub.
    """
    made = [klein.Klein()]
    hub_routes(made[0], Hub())
    return made[0]


class RefusalTests(SynchronousTestCase):
    """
    What is answered.
    """

    WRONG: tuple[Callable[[Request], Any], ...] = (sync, later, returned, awaited)

    def setUp(self) -> None:
        """
        Hear what is logged.
        """
        self.logged: list[LogEvent] = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)

    def errors(self) -> list[str]:
        """
        The sentences that were logged as errors.
        """
        return [each["sentence"] for each in self.logged if each["log_level"] is LogLevel.error]

    def test_wrong(self) -> None:
        """
        A generator that nobody streams is answered with 500; answer and log say what to do.
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
        All other answers are Klein's.
        """
        for function in (fine, fine_later):
            served = Served(Klein())
            served.app.route("/")(function)

            self.assertEqual(served.get("/").body, b"fine")
        self.assertEqual(self.errors(), [])

    def test_branch(self) -> None:
        """
        Branch routes and those of subroutes are no different.
        """
        served = Served(Klein())
        served.app.route("/under", branch=True)(later)
        with served.app.subroute("/api") as app:
            app.route("/words")(sync)

        self.assertEqual(served.get("/under/a").status, 500)
        self.assertEqual(served.get("/api/words").status, 500)

    def test_error_handler(self) -> None:
        """
        The app's error handlers may answer instead.
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


class FoundTests(SynchronousTestCase):
    """
    Whose routes are looked at.
    """

    MAKERS = (in_a_module, in_a_function, with_options, in_a_class, with_a_hub, Klein)

    def test_found(self) -> None:
        """
        An app that was given to `hub_routes`, or has a name where `event_stream` is used; also
        what is routed later.
        """
        for make in self.MAKERS:
            served = Served(make())
            served.app.route("/later", endpoint="later")(later)

            self.assertEqual(served.get("/later").status, 500, make.__name__)

    def test_copies(self) -> None:
        """
        So are the copies that belong to objects, and have their objects.
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
        An app of the application's own class keeps it.
        """

        class Own(klein.Klein):
            pass

        app = Own()
        hub_routes(app, Hub())

        self.assertIs(type(app), Own)

    def test_nobody_elses(self) -> None:
        """
        Klein is left as it is: an app that this package was not shown answers nothing.
        """
        served = Served()
        served.app.route("/")(later)
        answer = served.get("/")

        self.assertEqual((answer.status, answer.body), (200, b""))
