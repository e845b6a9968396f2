"""
Mistakes in a program, on a command line and in a form: what is written, and what is answered, at
once and in one sentence.
"""

import io
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Answer, Served
from tests.support.hubs import Subscriber, make_hub
from twisted_sse import (
    CORS,
    BearerTokens,
    EventSourceResponse,
    Hub,
    MemoryHistory,
    Presence,
    ServerSentEvent,
    SQLiteHistory,
)
from twisted_sse.events.publication import Publication
from twisted_sse.klein import event_stream
from twisted_sse.server.tap import Options
from twisted_sse.web.dialects import AISDK, AnthropicMessages, OpenAIResponses, TanStackAI

__all__ = ["AuthorizeTests", "CommandLineTests", "FormTests", "MistakeTests", "StringTests"]

NAN = float("nan")

WRONG: Any = 5


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


def tokens(*arguments: Any, **options: Any) -> object:
    """
    Tokens, of a type that takes anything.
    """
    return BearerTokens(*arguments, **options)


def dialect(**options: Any) -> object:
    """
    A dialect, of a type that takes anything.
    """
    return AISDK(**options)


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
        # Dialects
        (lambda: dialect(text="yes"), "text is 'yes': give True or False"),
        (lambda: dialect(error=None), "error is None: give text"),
        (lambda: dialect(replay=None), "replay is None: give True or False"),
        (lambda: OpenAIResponses(model=WRONG), "model is 5: give text"),
        (lambda: AnthropicMessages(model=WRONG), "model is 5: give text"),
        (lambda: TanStackAI(text=WRONG), "text is 5: give True or False"),
        (lambda: response(dialect=AISDK), "give one of twisted_sse.web.dialects, AISDK()"),
        (lambda: response(dialect="ai"), "dialect is 'ai': give one of"),
        (lambda: response(dialect=AISDK(), error=True), "leave out farewell and error"),
        (
            lambda: response(dialect=AISDK(), farewell=ServerSentEvent("x")),
            "leave out farewell and error",
        ),
        (lambda: response(dialect=AISDK(), retry=5), "do not know retry: leave it out"),
        (lambda: response(error="x"), "error is 'x': give True for an event"),
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
        (lambda: make(presence="yes"), "presence is 'yes': give True, False or Presence(grace=10)"),
        (lambda: make(presence=1), "presence is 1"),
        (lambda: Presence(grace=-1), "grace is -1: give seconds, at least 0"),
        (lambda: Presence(most=0), "most is 0: give a whole number, at least 1"),
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
        (lambda: make(encoder="json"), "encoder is 'json': give a function"),
        (lambda: make(encoder=json.JSONEncoder), "give its method, JSONEncoder().default"),
        (lambda: make(keep_alive=3), "did you mean keepalive?"),
        (lambda: make(send_time_out=3), "did you mean send_timeout?"),
        (lambda: make(colour=3), "Hub() has no argument colour"),
        # Histories
        (lambda: MemoryHistory(events=0), "events must be greater than 0"),
        (lambda: MemoryHistory(bytes=-1), "bytes must be greater than 0"),
        (lambda: MemoryHistory(age=0), "age must be greater than 0"),
        # Publishing
        (lambda: hub().publish("a", object()), "publish() got a object, which cannot be written"),
        (lambda: hub().publish("a", b"x"), "so make it text, as in value.decode()"),
        (lambda: hub().publish("a", {"a": {1}}), "so make it a list, as in sorted(value)"),
        (lambda: hub().publish("a", NAN), "publish() got a float, which cannot be written as JSON"),
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
        (lambda: hub().publish(None, "x"), "The topic is None: give a str, or a list of them"),
        (lambda: hub().publish(5, "x"), "The topic is 5: give a str, or a list of them"),
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
        (lambda: hub().publishing("secret"), "authorize is 'secret': give a function"),
        (lambda: tokens([]), "tokens is empty: give at least one token"),
        (lambda: tokens(""), "A token is empty"),
        (lambda: tokens(None), "tokens is a NoneType: give a list of str"),
        (lambda: tokens(b"secret"), "tokens is a bytes: give a list of str"),
        (lambda: tokens([b"secret"]), "A token is a bytes: give a str"),
        (lambda: tokens("a", anonymous="no"), "anonymous is 'no': give True or False"),
        (lambda: tokens("a", anonymus=False), "did you mean anonymous?"),
        (lambda: BearerTokens.from_file("/nowhere"), "/nowhere cannot be read: No such file"),
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
        (lambda: response(encoder=5), "encoder is 5: give a function"),
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


class CommandLineTests(SynchronousTestCase):
    """
    Options of ``twistd sse`` that cannot be meant.
    """

    # What is typed; and what the sentence says.
    CASES: list[tuple[list[str], str]] = [
        (["--port", "localhost:8080"], "write tcp:8080:interface=localhost"),
        (["--port", "[::1]:8080"], r"write tcp:8080:interface=\:\:1"),
        (["--port", "http://localhost:8080"], "write a port number, and --tls-cert for https"),
        (["--port", "tcp:1:iface=127.0.0.1"], "tcp has no argument 'iface', did you mean interf"),
        (["--port", "tcp:1:color=red"], "'color', use port, interface, backlog"),
        (["--port", "unix:/tmp/x:moed=600"], "unix has no argument 'moed', did you mean mode"),
        (["--port", "tcp"], "write a port number, as in tcp:8080"),
        (["--port", "tcp:many"], "write a port number, as in tcp:8080"),
        (["--port", "unix"], "write a path, as in unix:/run/sse.sock"),
        (["--port", "99999"], "the highest port number is 65535"),
        (["--port", "-1"], "--port: '-1' is not an endpoint"),
        (["8080"], "'8080' is not an option: write --port 8080"),
        (["--demo", "yes"], "'yes' is not an option: a flag such as --demo stands alone"),
        (["--demo=yes"], "option --demo must not have an argument"),
        (["events"], "'events' is not an option: every value follows its option"),
        (["--anonymous", "--workers", "2"], "--anonymous needs a value before --workers: write"),
        (["--keep-alive", "3"], "option --keep-alive not recognized"),
        (["--keepalive", "0"], "--keepalive: 0 seconds is not an interval; write 'none'"),
        (["--keepalive", "-1"], "--keepalive: '-1' is not a number of seconds"),
        (["--keepalive", "nan"], "--keepalive: 'nan' is not a number of seconds"),
        (["--retry", "-1"], "--retry: '-1' is not a whole number of milliseconds"),
        (["--retry", "3s"], "--retry: '3s' is not a whole number of milliseconds"),
        (["--send-timeout", "0"], "--send-timeout: 0 seconds is not an interval; write 'none'"),
        (["--max-connections", "0"], "'0' is not a whole number greater than 0"),
        (["--max-connections", "1,000"], "'1,000' is not a whole number greater than 0"),
        (["--max-body", "1MB"], "'1MB' is not a size such as 65536, 64KiB"),
        (["--anonymous", "true"], "--anonymous: 'true' is neither yes nor no"),
        (["--history", "sqlite"], "--history: it needs the path of a file; write sqlite:PATH"),
        (["--history", "sqlit:x.db"], "history 'sqlit' is unknown: use memory"),
        (["--history", "memory:events=0"], "--history: events: '0' is not a whole number"),
        (["--history", "memory:event=5"], "'event' is unknown: use events"),
        (["--cors-origin", "example.com"], "is not an origin: write scheme, host and port"),
        (["--cors-origin", "https://example.com/"], "is not an origin: write scheme, host"),
        (["--cors-origin", "https://*"], "a star is the first label of a host, as in"),
        (["--cors-origin", "*", "--cors-origin", "https://a.example"], "must be the only one"),
        (["--publish-token-file", "/nowhere"], "/nowhere cannot be read: No such file"),
        (["--publish-token-file", os.devnull], "/dev/null is empty; write a token into it"),
        (["--tls-key", "key.pem"], "--tls-key: "),
    ]

    def answer(self, words: list[str]) -> str:
        """
        The sentence with which a command line is refused.
        """
        with self.assertRaises(SystemExit) as caught:
            Options().parseOptions([*words, "--check-config"])
        return str(caught.exception)

    def test_answered(self) -> None:
        """
        Each is one sentence, before anything is started.
        """
        for words, sentence in self.CASES:
            with self.subTest(words=words):
                answer = self.answer(words)

                self.assertIn(sentence, answer)
                self.assertTrue(answer.startswith("twistd sse: "), answer)
                self.assertNotIn("\n", answer)

    def test_star(self) -> None:
        """
        A star for one label of an origin's host is no mistake.
        """
        self.patch(sys, "stdout", io.StringIO())

        self.assertEqual(self.answer(["--cors-origin", "https://*.example.com"]), "0")


class FormTests(SynchronousTestCase):
    """
    Forms that cannot be meant, at ``/events`` and at Mercure's path.
    """

    # What is posted, and what the answer at ``/events`` says.
    CASES: list[tuple[bytes, str]] = [
        (b"topic=a", "The form has no 'data': send data=TEXT, or data= for an empty event"),
        (b"topic=a&message=x", "The form has no 'data'"),
        (b"topic=a&dta=x", "Unknown field 'dta': did you mean 'data'?"),
        (b"topic=a&Data=x", "Unknown field 'Data': did you mean 'data'?"),
        (b"topic=a&data=x&pirvate=yes", "did you mean 'private'?"),
        (b"topic=a&data=x&private=maybe", "'private' is 'maybe': send private=yes, or leave it"),
        (b"topic=a&data=x&private=", "'private' is '': send private=yes, or leave it out"),
        (b"topics=a&data=x", "did you mean 'topic'?"),
        (b"data=x", "topic"),
        (b"topic=a&data=x&retry=3s", "'retry' must be a number of milliseconds"),
        (b"topic=a&data=x&type=stream-open", "is reserved for the hub: choose another"),
    ]

    def post(self, path: str, body: bytes) -> tuple[int, Publication | None]:
        """
        Post a form; returns the status, and what was published.
        """
        served, answer = self.served(path, body)
        kept = served.hub.history.tail(1).kept
        return answer.status, kept[0].publication if kept else None

    def served(self, path: str, body: bytes) -> tuple[Served, Answer]:
        """
        A hub that was posted a form, and the answer.
        """
        served = Served(authorize=BearerTokens("secret"))
        headers = {
            "Authorization": "Bearer secret",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return served, served.call("POST", path, headers, body).answer

    def test_answered(self) -> None:
        """
        Each is answered with 400 and a sentence, and nothing is published.
        """
        for body, sentence in self.CASES:
            with self.subTest(body=body):
                served, answer = self.served("/events", body)

                self.assertEqual(answer.status, 400)
                self.assertIn(sentence, answer.detail)
                self.assertEqual(served.hub.broker.position.number, 0)

    def test_mercure(self) -> None:
        """
        Mercure's path takes a form without data, with other fields, and with any ``private``.
        """
        for body in (b"topic=a", b"topic=a&dta=x", b"topic=a&message=x", b"topic=a&private=no"):
            with self.subTest(body=body):
                private = b"private" in body

                self.assertEqual(
                    self.post("/.well-known/mercure", body),
                    (200, Publication(("a",), ServerSentEvent(""), private)),
                )

    def test_private(self) -> None:
        """
        At ``/events``, ``private=no`` means no, and ``private=yes`` yes.
        """
        for word, private in ((b"no", False), (b"yes", True)):
            posted = self.post("/events", b"topic=a&data=x&private=" + word)

            self.assertEqual(posted, (200, Publication(("a",), ServerSentEvent("x"), private)))


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
