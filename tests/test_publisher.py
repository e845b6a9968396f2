"""
Publishing without a reactor: what is sent, when it is sent again, and what the outcome is.
"""

import json
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse import Publisher, ServerSentEvent
from twisted_sse import publisher as module
from twisted_sse.errors import (
    InvalidEvent,
    InvalidTopic,
    NotSent,
    OutcomeUnknown,
    TopicEnded,
    UnexpectedStatus,
)

__all__ = ["AnswerTests", "ArgumentTests", "RequestTests"]

RECEIPT = b'{"id": "e-1", "subscribers": 3}'

#: Answers one request, with a status, headers and a body; ``None`` closes the connection.
Answer = tuple[int, dict[str, str], bytes] | None

OK: Answer = (200, {"Content-Type": "application/json"}, RECEIPT)


class Server:
    """
    A server that answers as it is told, in a thread.

    Attributes:
        requests: The headers and the body of each request.
    """

    def __init__(self, answers: list[Answer]) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        rest = iter(answers)
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """
                Note the request, and give the next answer.
                """
                body = self.rfile.read(int(self.headers["Content-Length"]))
                requests.append((dict(self.headers), json.loads(body)))
                _answer(self, next(rest))

            def log_message(self, format: str, *args: object) -> None:
                """
                Log nothing.
                """

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """
        Stop the thread, and close the port.
        """
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _answer(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    if answer is None:
        handler.close_connection = True
        return
    status, headers, body = answer
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class ServerTestCase(SynchronousTestCase):
    """
    Pauses take no time, and are noted.
    """

    def setUp(self) -> None:
        """
        Replace the time that pauses take.
        """
        self.pauses: list[float] = []
        self.now = 0.0
        self.patch(module, "time", self)

    def sleep(self, seconds: float) -> None:
        """
        See `time.sleep`.
        """
        self.pauses.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        """
        See `time.monotonic`.
        """
        return self.now

    def serve(self, *answers: Answer) -> Server:
        """
        Start a server that gives these answers.
        """
        server = Server(list(answers))
        self.addCleanup(server.stop)
        return server


class RequestTests(ServerTestCase):
    """
    What is sent.
    """

    def test_fields(self) -> None:
        """
        An event is sent as JSON, with the token, and its receipt is returned.
        """
        server = self.serve(OK)
        publisher = Publisher(server.url, token="secret")
        receipt = publisher.publish(["a", "b"], {"n": 1}, event="e", id="i", retry=5, private=True)

        self.assertEqual(receipt, ("e-1", 3))
        ((headers, body),) = server.requests
        self.assertEqual(headers["Authorization"], "Bearer secret")
        self.assertEqual(body.pop("data"), '{"n":1}')
        expected = {"topic": ["a", "b"], "event": "e", "id": "i", "retry": 5, "private": True}
        self.assertEqual(body, expected)

    def test_key(self) -> None:
        """
        Attempts of one call have one idempotency key, and each call has its own.
        """
        server = self.serve(None, OK, OK)
        publisher = Publisher(server.url)
        publisher.publish("a", "1")
        publisher.publish("a", "1")

        first, again, second = [headers["Idempotency-Key"] for headers, _ in server.requests]
        self.assertEqual(first, again)
        self.assertNotEqual(first, second)

    def test_encoder(self) -> None:
        """
        A value that JSON has no form for goes through the encoder.
        """
        server = self.serve(OK)
        Publisher(server.url, encoder=str).publish("a", [Fraction(1, 2)])

        self.assertEqual(server.requests[0][1]["data"], '["1/2"]')

    def test_event(self) -> None:
        """
        An event object is sent as it is.
        """
        server = self.serve(OK)
        Publisher(server.url).publish("a", ServerSentEvent("x", event="e"))

        self.assertEqual(server.requests[0][1], {"topic": ["a"], "data": "x", "event": "e"})


class AnswerTests(ServerTestCase):
    """
    What becomes of the answers.
    """

    def problem(self, status: int, **headers: str) -> Answer:
        """
        A problem document.
        """
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return status, given, b'{"detail": "Because."}'

    def test_again(self) -> None:
        """
        What may pass is tried again, with pauses that grow.
        """
        passing = [self.problem(status) for status in (503, 502, 429, 504, 408)]
        server = self.serve(*passing, OK)
        Publisher(server.url).publish("a", "1")

        self.assertEqual(len(server.requests), 6)
        for number, pause in enumerate(self.pauses):
            self.assertTrue(0.05 * 2**number <= pause <= 0.1 * 2**number, pause)

    def test_retry_after(self) -> None:
        """
        No attempt comes sooner than the server asks.
        """
        server = self.serve(self.problem(503, Retry_After="7"), OK)
        Publisher(server.url).publish("a", "1")

        self.assertEqual(self.pauses, [7.0])

    def test_retry_after_date(self) -> None:
        """
        What the server asks for may be a date, as in the client.
        """
        later = formatdate(time() + 30.0, usegmt=True)
        server = self.serve(self.problem(429, Retry_After=later), OK)
        Publisher(server.url, give_up_after=60.0).publish("a", "1")

        (pause,) = self.pauses
        self.assertTrue(20.0 < pause <= 30.0, pause)

    def test_words(self) -> None:
        """
        The words of the server are shown as one line that a terminal can print.
        """
        server = self.serve((400, {}, b"no\x1b[2J\nline"))
        error = self.assertRaises(UnexpectedStatus, Publisher(server.url).publish, "a", "1")

        self.assertEqual(str(error), "The server answered 400 (Bad Request): no\ufffd[2J line")

    def test_broken_words(self) -> None:
        """
        A refusal whose body cannot be read is a refusal all the same.
        """
        server = self.serve((403, {"Transfer-Encoding": "chunked"}, b"no chunk\r\n"))
        error = self.assertRaises(UnexpectedStatus, Publisher(server.url).publish, "a", "1")

        self.assertEqual(str(error), "The server answered 403 (Forbidden).")

    def test_refused(self) -> None:
        """
        A refusal is an error at once, with the reason of the server.
        """
        for status in (400, 401, 403, 413, 302):
            server = self.serve(self.problem(status, Location="/elsewhere"))
            with self.assertRaises(UnexpectedStatus) as caught:
                Publisher(server.url).publish("a", "1")

            self.assertEqual(
                (caught.exception.status, caught.exception.detail), (status, "Because.")
            )
            self.assertEqual(len(server.requests), 1)

    def test_end(self) -> None:
        """
        `end` posts the outcome, and the last event if there is one.
        """
        server = self.serve(OK, OK)
        publisher = Publisher(server.url)
        receipt = publisher.end("a")
        publisher.end(["a", "b"], "failed", ServerSentEvent("bye", event="t"), private=True)

        self.assertTrue(receipt.id)
        self.assertEqual(
            [body for _, body in server.requests],
            [
                {"topic": ["a"], "end": "done"},
                {
                    **{"topic": ["a", "b"], "data": "bye", "event": "t"},
                    **{"end": "failed", "private": True},
                },
            ],
        )

    def test_ended(self) -> None:
        """
        If a topic has ended, the error says so at once.
        """
        body = b'{"detail": "It has ended.", "ended": ["a"]}'
        server = self.serve((409, {}, body), (409, {}, b'{"ended": "a"}'))
        error = self.assertRaises(TopicEnded, Publisher(server.url).publish, "a", "1")
        self.assertRaises(UnexpectedStatus, Publisher(server.url).publish, "a", "1")

        self.assertEqual(error.topics, ("a",))
        self.assertEqual(self.pauses, [])

    def test_ended_perhaps_kept(self) -> None:
        """
        After an attempt without an answer, it is not known whether the event was kept.
        """
        server = self.serve(None, (409, {}, b'{"ended": ["a"]}'))

        self.assertRaises(OutcomeUnknown, Publisher(server.url).publish, "a", "1")

    def test_given_up(self) -> None:
        """
        After the time that was given, the last error is raised.
        """
        server = self.serve(*[self.problem(503)] * 100)
        with self.assertRaises(UnexpectedStatus):
            Publisher(server.url, give_up_after=3.0).publish("a", "1")

        self.assertLessEqual(self.now, 3.0)
        self.assertGreater(len(server.requests), 3)

    def test_once(self) -> None:
        """
        With no time to try again, there is one attempt.
        """
        server = self.serve(self.problem(503))
        with self.assertRaises(UnexpectedStatus):
            Publisher(server.url, give_up_after=0).publish("a", "1")

        self.assertEqual((len(server.requests), self.pauses), (1, []))

    def test_unknown(self) -> None:
        """
        The outcome is unknown if an attempt got no answer, or one that says so, whatever
        the last answer is.
        """
        unknown = self.problem(503, Publication_Kept="unknown")
        answers: list[list[Answer]] = [[None, self.problem(400)], [unknown, self.problem(403)]]
        answers.append([(200, {}, b"<html>"), self.problem(401)])
        for given in answers:
            server = self.serve(*given)
            with self.assertRaises(OutcomeUnknown):
                Publisher(server.url).publish("a", "1")
            self.assertEqual(len(server.requests), 2)

    def test_nobody(self) -> None:
        """
        If no attempt has reached a server, nothing was kept.
        """
        server = self.serve()
        server.stop()
        self.patch(server, "stop", lambda: None)
        with self.assertRaises(NotSent):
            Publisher(server.url, give_up_after=1.0).publish("a", "1")

        self.assertGreater(len(self.pauses), 1)


class ArgumentTests(SynchronousTestCase):
    """
    Mistakes of the caller.
    """

    def cases(self) -> Iterator[tuple[Callable[[], object], str]]:
        """
        Mistakes, and what the error names.
        """
        url = "http://localhost:1/events"
        for wrong in ("", "localhost:8080", "ftp://x/", "http:///events"):
            yield lambda wrong=wrong: Publisher(wrong), "url"
        for wrong in ("", "two words", "line\n", "é"):
            yield lambda wrong=wrong: Publisher(url, token=wrong), "token"
        for value in (0, -1, float("nan"), float("inf"), "5", None, True):
            yield lambda value=value: Publisher(url, timeout=value), "timeout"
        for value in (-1, float("inf"), "5"):
            yield lambda value=value: Publisher(url, give_up_after=value), "give_up_after"
        yield lambda: Publisher(url, encoder=5), "encoder"

    def test_constructor(self) -> None:
        """
        A wrong argument is an error that names it, at once.
        """
        for make, name in self.cases():
            with self.assertRaises((TypeError, ValueError)) as caught:
                make()
            self.assertIn(name, str(caught.exception))

    def test_seconds(self) -> None:
        """
        The sentence about seconds is that of every other argument.
        """
        url = "http://localhost:1/events"
        error = self.assertRaises(TypeError, Publisher, url, timeout="5")

        self.assertEqual(str(error), "timeout is '5': give seconds, greater than 0")

    def test_event(self) -> None:
        """
        What cannot be published is an error before anything is sent.
        """
        publisher = Publisher("http://localhost:1/events")

        self.assertRaises(InvalidTopic, publisher.publish, "", "x")
        self.assertRaises(InvalidEvent, publisher.publish, "a", "x", id="\0")
        self.assertRaises(InvalidEvent, publisher.publish, "a", ServerSentEvent(comment="x"))
