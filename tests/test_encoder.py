"""
The argument `encoder`, wherever a value becomes an event.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import klein
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse import EventSourceResponse, Hub, ServerSentEvent, event_stream_for
from twisted_sse.errors import InvalidEvent
from twisted_sse.klein import event_stream
from twisted_sse.testing import StreamClient

__all__ = ["HubTests", "ResponseTests"]


def pair(value: Any) -> Any:
    """
    Write fractions as two numbers.
    """
    if isinstance(value, Fraction):
        return [value.numerator, value.denominator]
    raise TypeError(f"Not a fraction: {value!r}")


def halves(request: Request) -> Iterator[object]:
    """
    A source of one fraction.
    """
    yield Fraction(1, 2)


def strange(request: Request) -> Iterator[object]:
    """
    A source of something that JSON has no form for.
    """
    yield object()


class Sending(Resource):
    """
    Sends one value to each request by `event_stream_for`.

    Attributes:
        failed: What `send` has raised.
    """

    isLeaf = True

    def __init__(self, value: object, **options: Any) -> None:
        super().__init__()
        self._value = value
        self._options = options
        self.failed: list[InvalidEvent] = []

    def render(self, request: Request) -> int:
        """
        See `twisted.web.resource.IResource.render`.
        """
        Deferred.fromCoroutine(self._send(request))
        return NOT_DONE_YET

    async def _send(self, request: Request) -> None:
        async with await event_stream_for(request, **self._options) as stream:
            try:
                await stream.send(self._value)
            except InvalidEvent as error:
                self.failed.append(error)


def first_data(app: object, clock: Clock) -> str | None:
    """
    The data of the first event of an application's stream.
    """
    with StreamClient(app, clock) as client:  # type: ignore[arg-type]
        event: ServerSentEvent = client.get("/").events[0]
        return event.data


class HubTests(SynchronousTestCase):
    """
    `Hub(encoder=...)`.
    """

    def setUp(self) -> None:
        """
        A hub with an encoder.
        """
        self.clock = Clock()
        self.hub = Hub(encoder=pair, reactor=self.clock)

    def published(self) -> list[str | None]:
        """
        The data of the events on the topic ``a``.
        """
        with StreamClient(self.hub, self.clock) as client:
            stream = client.get("/?topic=a", last_event_id="earliest")
            return [event.data for event in stream.events]

    def test_publish(self) -> None:
        """
        `publish` and `every` use it.
        """
        self.hub.publish("a", {"n": Fraction(1, 2)})
        self.hub.every(60.0, "a", lambda: Fraction(1, 3))
        self.hub.broker.start()
        self.clock.advance(1)

        self.assertEqual(self.published()[0], '{"n":[1,2]}')

    def test_unknown(self) -> None:
        """
        What it does not know is an error where it was published, which names the function.
        """
        error = self.assertRaises(InvalidEvent, self.hub.publish, "a", object())

        self.assertIn("publish() got a object, which cannot be written as JSON: Not a", str(error))

    def test_responses(self) -> None:
        """
        The responses of the hub use it, unless they have one of their own.
        """
        hub = self.hub

        self.assertEqual(first_data(EventSourceResponse(halves, hub=hub), self.clock), "[1,2]")
        self.assertEqual(
            first_data(EventSourceResponse(halves, hub=hub, encoder=str), self.clock), '"1/2"'
        )
        self.assertEqual(first_data(Sending(Fraction(1, 2), hub=hub), self.clock), "[1,2]")


class ResponseTests(SynchronousTestCase):
    """
    Responses without a hub.
    """

    def test_response(self) -> None:
        """
        `EventSourceResponse` and `event_stream_for` take an encoder.
        """
        clock = Clock()

        response = EventSourceResponse(halves, encoder=pair, clock=clock)
        self.assertEqual(first_data(response, clock), "[1,2]")
        self.assertEqual(
            first_data(Sending(Fraction(1, 2), encoder=pair, clock=clock), clock), "[1,2]"
        )

    def test_klein(self) -> None:
        """
        So does the decorator of Klein routes.
        """
        app, clock = klein.Klein(), Clock()

        @app.route("/")
        @event_stream(encoder=pair, clock=clock)
        def route(request: Request) -> Iterator[object]:
            return halves(request)

        self.assertEqual(first_data(app, clock), "[1,2]")

    def test_source(self) -> None:
        """
        An item that cannot be written ends its stream; the log names source and type.
        """
        clock = Clock()
        with StreamClient(EventSourceResponse(strange, clock=clock), clock) as client:
            stream = client.get("/")

            self.assertTrue(stream.closed)
        (logged,) = self.flushLoggedErrors(InvalidEvent)
        self.assertIn("The source strange yielded a object, which cannot", str(logged.value))

    def test_send(self) -> None:
        """
        `send` raises, and its error names it and the type.
        """
        clock = Clock()
        sending = Sending({1}, clock=clock)
        with StreamClient(sending, clock) as client:
            client.get("/")

        (error,) = sending.failed
        self.assertIn("send() got a set, which cannot be written as JSON", str(error))
