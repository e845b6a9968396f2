"""
Mistakes in a program: what is written, and what is answered, at once and in one sentence.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Served
from tests.support.hubs import Subscriber, make_hub
from twisted_sse import (
    CORS,
    EventSourceResponse,
    Hub,
    MemoryHistory,
    ServerSentEvent,
    SQLiteHistory,
)
from twisted_sse.klein import event_stream

__all__ = ["AuthorizeTests", "MistakeTests", "StringTests"]

NAN = float("nan")


def hub() -> Any:
    """
    A hub, of a type that takes anything.
    """
    return make_hub()[0]


def response(*arguments: Any, **options: Any) -> object:
    """
    A response, of a type that takes anything.
    """
    return EventSourceResponse(*(arguments or ([],)), **options)


def connection() -> Any:
    """
    An open connection.
    """
    made, clock = make_hub()
    subscriber = Subscriber(made, "a")
    clock.advance(0)
    return subscriber.connection


def make(**options: Any) -> object:
    """
    A hub with these arguments.
    """
    return Hub(**options)


class MistakeTests(SynchronousTestCase):
    """
    Arguments that cannot be meant.
    """

    # What is written; and what the sentence says.
    CASES: list[tuple[Callable[[], object], str]] = [
        # Hub
        (lambda: make(keepalive=0), "keepalive is 0: give seconds, greater than 0, or None"),
        (lambda: make(keepalive=-1), "keepalive is -1"),
        (lambda: make(keepalive=NAN), "keepalive is nan"),
        (lambda: make(keepalive=float("inf")), "keepalive is inf"),
        (lambda: make(keepalive="15"), "keepalive is '15'"),
        (lambda: make(keepalive=True), "keepalive is True"),
        (lambda: make(retry=-1), "retry is -1: give whole milliseconds"),
        (lambda: make(retry=2.5), "retry is 2.5"),
        (lambda: make(retry="3000"), "retry is '3000'"),
        (lambda: make(retry=2**40), "retry is 1099511627776"),
        (lambda: make(send_timeout=0), "send_timeout is 0"),
        (lambda: make(max_lifetime=0), "max_lifetime is 0"),
        (lambda: make(send_timeout=-5), "send_timeout is -5"),
        (lambda: make(send_timeout=NAN), "send_timeout is nan"),
        (lambda: make(fallen_behind="drop"), "give 'resume', 'latest' or 'disconnect'"),
        (lambda: make(fallen_behind=None), "fallen_behind is None"),
        (lambda: make(window_events=0), "window_events is 0"),
        (lambda: make(window_events=1.5), "window_events is 1.5"),
        (lambda: make(window_events=None), "window_events is None"),
        (lambda: make(window_bytes=-1), "window_bytes is -1"),
        (lambda: make(window_bytes="16MiB"), "window_bytes is '16MiB'"),
        (lambda: make(max_connections=0), "max_connections is 0: give a whole number, at least 1"),
        (lambda: make(max_connections="10"), "max_connections is '10'"),
        (lambda: make(max_connections_per_address=0), "max_connections_per_address is 0"),
        (lambda: make(reactor=5), "reactor is 5: give an IReactorTime"),
        (lambda: make(history=SQLiteHistory), "give an instance, SQLiteHistory(...)"),
        (lambda: make(history=[]), "history is []: give an IHistoryProvider"),
        (lambda: make(history="sqlit:x.db"), "history 'sqlit' is unknown"),
        (lambda: make(history="memory:events=0"), "events"),
        (lambda: make(keep_alive=3), "did you mean keepalive?"),
        (lambda: make(send_time_out=3), "did you mean send_timeout?"),
        (lambda: make(colour=3), "Hub() has no argument colour"),
        # Histories
        (lambda: MemoryHistory(events=0), "events must be greater than 0"),
        (lambda: MemoryHistory(bytes=-1), "bytes must be greater than 0"),
        (lambda: MemoryHistory(age=0), "age must be greater than 0"),
        # Publishing
        (lambda: hub().publish("a", object()), "JSON"),
        (lambda: hub().publish("a", b"x"), "JSON"),
        (lambda: hub().publish("a", "x", retry=-1), "The retry is out of range"),
        (lambda: hub().publish("a", "x", retry="5"), "The retry is a str"),
        (lambda: hub().publish("a", "x", event=""), "The event type is empty"),
        (lambda: hub().publish("a", "x", event="a\nb"), "The event contains a line break"),
        (lambda: hub().publish("a", "x", event="stream-reset"), "reserved for the hub"),
        (lambda: hub().publish("a", "x", id=7), "The id is a int"),
        (lambda: hub().publish("a", "x", id=""), "leave the id out"),
        (lambda: hub().publish("a", "x", id="a" * 1025), "at most 1024 bytes"),
        (lambda: hub().publish("a", "x", private="no"), "The private is 'no': give True or False"),
        (lambda: hub().publish("a", "x", private=1), "The private is 1"),
        (lambda: hub().publish("", "x"), "The topic is empty"),
        (lambda: hub().publish([], "x"), "topic"),
        (lambda: hub().publish("*", "x"), "publish to a name"),
        (lambda: hub().publish([1], "x"), "The topic is a int"),
        (lambda: hub().push("text"), "push(ServerSentEvent('text'))"),
        (lambda: hub().push(ServerSentEvent("x", id="1")), "leave out the id"),
        (lambda: connection().push({"data": 1}), "write push(ServerSentEvent('text'))"),
        # Schedules, listeners, the service
        (lambda: hub().every(0, "a", str), "seconds is 0"),
        (lambda: hub().every(-1, "a", str), "seconds is -1"),
        (lambda: hub().every(NAN, "a", str), "seconds is nan"),
        (lambda: hub().every("1", "a", str), "seconds is '1'"),
        (lambda: hub().every(1, "", str), "The topic is empty"),
        (lambda: hub().every(1, "a", "x"), "give a function, such as lambda: 'x'"),
        (lambda: hub().on_connect("x"), "The listener is 'x': give a function"),
        (lambda: hub().on_disconnect(None), "The listener is None: give a function"),
        (lambda: hub().service(grace=-1), "grace is -1: give seconds, at least 0"),
        (lambda: hub().service(spread=None), "spread is None"),
        (lambda: hub().service(farewell="bye"), "farewell is 'bye': give ServerSentEvent('bye')"),
        # Resources
        (lambda: hub().resource("news"), "for topics, write resource(topics=['news'])"),
        (lambda: hub().resource(cors=["https://a.example"]), "give CORS(['https://example.com'])"),
        (lambda: hub().resource(cors=CORS), "cors is the class CORS: give an instance"),
        (lambda: hub().mercure(protocols=["mercure"]), "write mercure-0.x or mercure-1.0, or both"),
        (lambda: hub().mercure(path="hub"), "path is 'hub': write the path of the hub's URL"),
        (lambda: hub().mercure(public_urls=["hub"]), "'hub' is not an origin"),
        (lambda: hub().mercure(subscriptions="yes"), "subscriptions is 'yes': give True or False"),
        (lambda: hub().mercure(describe=1), "describe is 1: give True or False"),
        (lambda: hub().mercure(cookie=1), "cookie is 1: give the name of a cookie, or None"),
        (lambda: hub().mercure("token"), "authorize is 'token'"),
        (lambda: hub().resource(priming="bogus"), "give 'event', 'block' or None"),
        (lambda: hub().resource(max_topics=0), "max_topics is 0"),
        (lambda: hub().resource(topics=[]), "No selector is given"),
        (lambda: hub().resource(topics=[""]), "The selector is empty"),
        (lambda: hub().subscribe(), "No selector is given"),
        (lambda: CORS(["example.com"]), "'example.com' is not an origin"),
        (lambda: CORS(["https://a.example/"]), "write scheme, host and port"),
        (lambda: CORS(["*", "https://a.example"]), "it must be the only one"),
        # Responses
        (lambda: response(5), "source"),
        (lambda: response(keepalive=0), "keepalive is 0"),
        (lambda: response(send_timeout=-1), "send_timeout is -1"),
        (lambda: response(retry=-1), "retry is -1"),
        (lambda: response(methods="POST"), "methods is 'POST': give a list, ['POST']"),
        (lambda: response(methods=[]), "Name methods such as GET and POST"),
        (lambda: response(methods=["HEAD"]), "neither HEAD nor OPTIONS"),
        (lambda: response(status="200"), "status is '200': give an HTTP status such as 200"),
        (lambda: response(status=99), "status is 99"),
        (lambda: response(status=204), "has no body: choose another status"),
        (lambda: response(headers={"Content-Length": "1"}), "is set by the server: leave it out"),
        (lambda: response(farewell="bye"), "farewell is 'bye': give ServerSentEvent('bye')"),
        (lambda: response(cors=["https://a.example"]), "give CORS(['https://example.com'])"),
        (lambda: response(hub=hub(), clock=Clock()), "uses the clock of its hub"),
        (lambda: response(keep_alive=5), "did you mean keepalive?"),
        (lambda: event_stream(keepalive=0)(lambda request: []), "keepalive is 0"),
        # Events
        (lambda: ServerSentEvent(), "give it data, or at least a comment"),
        (lambda: ServerSentEvent(5), "use ServerSentEvent.json(...)"),  # type: ignore[arg-type]
        (lambda: ServerSentEvent(b"x"), "use ServerSentEvent.json(...)"),  # type: ignore[arg-type]
    ]

    def test_answered(self) -> None:
        """
        Each mistake is an error where it is made, in one sentence that says what to write.
        """
        for number, (mistake, sentence) in enumerate(self.CASES):
            with self.subTest(number=number, sentence=sentence):
                with self.assertRaises((TypeError, ValueError)) as caught:
                    mistake()

                self.assertIn(sentence, str(caught.exception))
                self.assertNotIn("\n", str(caught.exception))

    def test_many(self) -> None:
        """
        The table is not small.
        """
        self.assertGreaterEqual(len(self.CASES), 80)


class StringTests(SynchronousTestCase):
    """
    A history as the command line takes it.
    """

    def test_memory(self) -> None:
        """
        A string names a history and its bounds.
        """
        self.assertIsInstance(Hub("memory:events=10").history, MemoryHistory)

    def test_sqlite(self) -> None:
        """
        A file is named in the same way.
        """
        self.assertIsInstance(Hub(f"sqlite:{self.mktemp()}").history, SQLiteHistory)


class AuthorizeTests(SynchronousTestCase):
    """
    A function that does not return a grant.
    """

    def test_nothing(self) -> None:
        """
        The request fails, and the log says what the function should have returned.
        """
        for granted in (None, True, "ada"):
            served = Served(authorize=lambda request, granted=granted: granted)
            answer = served.get("/events?topic=a")

            self.assertEqual(answer.status, 500)
            (logged,) = self.flushLoggedErrors(TypeError)
            self.assertIn("return a Grant", str(logged.value))
