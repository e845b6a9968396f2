"""
The client: reconnecting, and when it stops.
"""

from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone

from tests.client.memory import MemoryServer, Reader
from twisted_sse.client import Backoff, Lost, Opened, ReadyState
from twisted_sse.errors import (
    EventTooLarge,
    ReadTimeout,
    TooManyAttempts,
    UnexpectedContentType,
    UnexpectedStatus,
)

__all__ = ["LimitTests", "LossTests", "RefusalTests", "ResumeTests", "WaitTests"]

STEADY = Backoff(first=1.0, factor=2.0, limit=8.0, jitter=0.0)


class ReconnectingTestCase(SynchronousTestCase):
    """
    A test case with a server and its reader.
    """

    def setUp(self) -> None:
        """
        Start the server.
        """
        self.server = MemoryServer()

    def follow(self, **options: object) -> Reader:
        """
        Start reading.
        """
        options.setdefault("backoff", STEADY)
        self.source = self.server.source(**options)
        return Reader(self.source.signals())

    def lose(self, after: float = 0.0) -> None:
        """
        Open a stream and lose it.
        """
        self.server.newest.answer()
        self.server.clock.advance(after)
        self.server.newest.cut()


class LossTests(ReconnectingTestCase):
    """
    The ways to lose a stream.
    """

    def test_end(self) -> None:
        """
        The end of the body is a loss, reported before the delay.
        """
        reader = self.follow()
        self.server.newest.answer()
        self.server.newest.send(b"data: a\n\ndata: half")

        self.server.newest.end()

        self.assertIsInstance(reader.newest, Lost)
        self.assertIsInstance(reader.newest.reason, ResponseDone)
        self.assertEqual(reader.newest.delay, 1.0)
        self.assertEqual(reader.data, ["a"])
        self.assertIs(self.source.ready_state, ReadyState.CONNECTING)

    def test_cut(self) -> None:
        """
        A connection that breaks is reported as such.
        """
        reader = self.follow()
        self.server.newest.answer()

        self.server.newest.cut()

        self.assertIsInstance(reader.newest.reason, ConnectionLost)

    def test_no_answer(self) -> None:
        """
        A connection that breaks before the response is a loss.
        """
        reader = self.follow()

        self.server.newest.cut()

        self.assertIsInstance(reader.newest.reason, ConnectionLost)

    def test_refused(self) -> None:
        """
        A server that refuses connections is tried again.
        """
        self.server.refuses = True
        reader = self.follow()
        self.assertIsInstance(reader.newest.reason, ConnectionRefusedError)

        self.server.refuses = False
        self.server.clock.advance(1.0)
        self.assertEqual(len(self.server.exchanges), 1)

    def test_silence(self) -> None:
        """
        A stream that is silent for too long is closed; comments are not silence.
        """
        reader = self.follow(read_timeout=60.0)
        self.server.newest.answer()
        self.server.clock.advance(59.0)
        self.server.newest.send(b":\n\n")
        self.server.clock.advance(59.9)
        self.assertIs(self.source.ready_state, ReadyState.OPEN)

        self.server.clock.advance(0.1)
        self.assertIsInstance(reader.newest.reason, ReadTimeout)
        self.assertTrue(self.server.newest.lost)

    def test_no_timeout(self) -> None:
        """
        Without a read timeout, silence has no limit.
        """
        self.follow(read_timeout=None)
        self.server.newest.answer()

        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_slow_answer(self) -> None:
        """
        A response that does not come in time is a loss.
        """
        reader = self.follow(connect_timeout=30.0)
        self.server.clock.advance(29.9)
        self.assertEqual(reader.got, [])

        self.server.clock.advance(0.1)
        self.assertIsInstance(reader.newest.reason, ReadTimeout)
        self.assertTrue(self.server.newest.aborted)

    def test_slow_connection(self) -> None:
        """
        A connection that is not made in time is a loss.
        """
        self.server.stalls = True
        reader = self.follow(connect_timeout=30.0)

        self.server.clock.advance(30.0)

        self.assertIsInstance(reader.newest.reason, ReadTimeout)

    def test_too_large(self) -> None:
        """
        An event that is too large ends the stream, after the events before it.
        """
        reader = self.follow(max_event_size=20)
        self.server.newest.answer()

        self.server.newest.send(b"id: 1\ndata: a\n\n")
        self.server.newest.send(b"data: " + b"x" * 20)

        self.assertEqual(reader.data, ["a"])
        self.assertIsInstance(reader.newest.reason, EventTooLarge)
        self.assertTrue(self.server.newest.lost)


class ResumeTests(ReconnectingTestCase):
    """
    The requests of later attempts.
    """

    def test_request(self) -> None:
        """
        The request has the headers of the standard.
        """
        self.follow()

        exchange = self.server.newest
        self.assertEqual(exchange.request_line, "GET /events HTTP/1.1")
        self.assertEqual(exchange.headers["Accept"], "text/event-stream")
        self.assertEqual(exchange.headers["Cache-Control"], "no-cache")
        self.assertNotIn("Last-Event-ID", exchange.headers)

    def test_last_event_id(self) -> None:
        """
        The next request has the ID of the last complete event, in UTF-8.
        """
        self.follow()
        self.server.newest.answer()
        self.server.newest.send("id: ä\ndata: a\n\nid: 2\ndata: b\n".encode())
        self.server.newest.end()

        self.server.clock.advance(1.0)

        self.assertIn("Last-Event-Id: ä\r\n".encode(), self.server.newest.value())

    def test_forgotten(self) -> None:
        """
        After an empty ID, no ID is sent.
        """
        self.follow(last_event_id="7")
        self.assertEqual(self.server.newest.headers["Last-Event-ID"], "7")
        self.server.newest.answer()
        self.server.newest.send(b"id:\ndata: a\n\n")
        self.server.newest.end()

        self.server.clock.advance(1.0)

        self.assertNotIn("Last-Event-ID", self.server.newest.headers)

    def test_again(self) -> None:
        """
        Every attempt repeats the whole request.
        """
        self.follow(
            method="post",
            body="prompt",
            params={"topic": ["a", "b"]},
            headers={"Authorization": "Bearer t", "X-Two": ["1", "2"], "Accept": "text/*"},
        )
        self.server.newest.cut()
        self.server.clock.advance(1.0)

        first, second = self.server.exchanges
        self.assertEqual(first.request_line, "POST /events?topic=a&topic=b HTTP/1.1")
        self.assertEqual(first.headers["Authorization"], "Bearer t")
        self.assertEqual(first.headers.get_all("X-Two"), ["1", "2"])
        self.assertEqual(first.headers["Accept"], "text/*")
        self.assertEqual(first.body, b"prompt")
        self.assertEqual(second.value(), first.value())

    def test_events(self) -> None:
        """
        The events of all streams come in one order, each once.
        """
        reader = self.follow()
        for text in ["a", "b", "c"]:
            self.server.newest.answer()
            self.server.newest.send(f"id: {text}\ndata: {text}\n\ndata: half".encode())
            self.server.newest.cut()
            self.server.clock.advance(100.0)

        self.assertEqual(reader.data, ["a", "b", "c"])
        self.assertEqual([opened.attempt for opened in reader.of(Opened)], [1, 1, 1])


class WaitTests(ReconnectingTestCase):
    """
    The delays between attempts.
    """

    def delays(self, reader: Reader) -> list[float]:
        """
        Return the delays of the losses.
        """
        return [lost.delay for lost in reader.of(Lost)]

    def test_states(self) -> None:
        """
        Attempts are made one at a time, and only after the delay.
        """
        self.follow()
        self.lose()
        self.server.clock.advance(0.99)
        self.assertEqual(len(self.server.exchanges), 1)
        self.assertIs(self.source.ready_state, ReadyState.CONNECTING)

        self.server.clock.advance(0.01)
        self.assertEqual(len(self.server.exchanges), 2)
        self.assertIs(self.source.ready_state, ReadyState.CONNECTING)

        self.server.newest.answer()
        self.assertIs(self.source.ready_state, ReadyState.OPEN)
        self.assertEqual(self.server.open, 1)

    def test_growth(self) -> None:
        """
        Delays grow with every loss up to the limit, even after short streams.
        """
        reader = self.follow()
        self.server.newest.cut()
        self.server.clock.advance(1.0)
        for wait in [2.0, 4.0, 8.0, 8.0]:
            self.lose()
            self.server.clock.advance(wait)

        self.assertEqual(self.delays(reader), [1.0, 2.0, 4.0, 8.0, 8.0])

    def test_stable(self) -> None:
        """
        After a stream of a minute the delays start over.
        """
        reader = self.follow(read_timeout=None)
        for after in [0.0, 59.9, 60.0]:
            self.lose(after)
            self.server.clock.advance(8.0)

        self.assertEqual(self.delays(reader), [1.0, 2.0, 1.0])

    def test_retry(self) -> None:
        """
        The server's reconnection time is the minimum of all later delays.
        """
        reader = self.follow()
        self.server.newest.answer()
        # The retry line counts, although its block is incomplete.
        self.server.newest.send(b"retry: 3000\n")
        self.server.newest.end()
        for wait in [3.0, 3.0, 4.0]:
            self.server.clock.advance(wait)
            self.server.newest.cut()

        self.assertEqual(self.delays(reader), [3.0, 3.0, 4.0, 8.0])
        self.assertEqual(self.source.reconnection_time, 3.0)

    def test_absurd_retry(self) -> None:
        """
        An absurd reconnection time is limited in both directions.
        """
        eager = Backoff(first=0.0, limit=8.0, jitter=0.0)
        for retry, wait in [(b"0", 0.1), (b"99999999999", 3600.0)]:
            reader = self.follow(backoff=eager)
            self.server.newest.answer()
            self.server.newest.send(b"retry: %b\n\n" % retry)
            self.server.newest.end()

            self.assertEqual(self.delays(reader), [wait])
            self.assertEqual(self.source.reconnection_time, wait)
            self.source.close()

    def test_retry_after(self) -> None:
        """
        The Retry-After of a refusal is the minimum of one delay.
        """
        reader = self.follow()
        for header in ["Retry-After: 30", "Retry-After: 99999999999", "X-None: 0"]:
            self.server.newest.answer("503 Service Unavailable", header)
            self.server.newest.end()
            self.server.clock.advance(3600.0)

        self.assertEqual(self.delays(reader), [30.0, 3600.0, 4.0])

    def test_garbled_retry_after(self) -> None:
        """
        A Retry-After that is not text is ignored.
        """
        reader = self.follow()

        self.server.newest.raw(b"HTTP/1.1 503 Later\r\nRetry-After: \xff\r\n\r\n")
        self.server.newest.cut()

        self.assertEqual(self.delays(reader), [1.0])

    def test_retry_date(self) -> None:
        """
        Retry-After may be a date; a past or invalid date is ignored.
        """
        reader = self.follow()
        for date in [
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Wed, 21 Oct 99999999999999999999 07:28:00 GMT",
        ]:
            self.server.newest.answer("429 Too Many Requests", f"Retry-After: {date}")
            self.server.newest.end()
            self.server.clock.advance(3600.0)

        self.assertEqual(self.delays(reader), [3600.0, 2.0, 4.0])

    def test_cancelled(self) -> None:
        """
        A consumer that is cancelled and asks again does not shorten the delay.
        """
        source = self.server.source(backoff=STEADY)
        reader = Reader(source.signals(), greedy=False)
        reader.ask()
        self.server.newest.cut()
        reader.ask()
        assert reader.waiting is not None
        reader.waiting.cancel()

        reader.ask()
        self.server.clock.advance(0.9)
        self.assertEqual(len(self.server.exchanges), 1)

        self.server.clock.advance(0.1)
        self.assertEqual(len(self.server.exchanges), 2)


class RefusalTests(ReconnectingTestCase):
    """
    Responses that are not a stream.
    """

    def test_status(self) -> None:
        """
        An error status ends the source, with the start of the body.
        """
        reader = self.follow()

        self.server.newest.answer("404 Not Found", kind="text/plain")
        self.server.newest.send(b"There is\nnothing here.")
        self.server.newest.end()

        self.assertIsInstance(reader.error, UnexpectedStatus)
        assert isinstance(reader.error, UnexpectedStatus)
        self.assertEqual(reader.error.status, 404)
        self.assertEqual(reader.error.detail, "There is nothing here.")
        self.assertIn("404 (Not Found): There is nothing here.", str(reader.error))
        self.assertIs(self.source.ready_state, ReadyState.CLOSED)

    def test_problem(self) -> None:
        """
        Of a problem document, the detail is reported.
        """
        reader = self.follow()

        self.server.newest.answer("401 Unauthorized", kind="application/problem+json")
        self.server.newest.send(b'{"detail": "Log in."}')
        self.server.newest.end()

        assert isinstance(reader.error, UnexpectedStatus)
        self.assertEqual(reader.error.detail, "Log in.")

    def test_endless(self) -> None:
        """
        Of an endless error body, little is read, for a short time.
        """
        reader = self.follow()
        self.server.newest.answer("500 Internal Server Error", kind="text/plain")
        self.server.newest.send(b"x" * 20000)
        self.assertTrue(self.server.newest.lost)
        assert isinstance(reader.error, UnexpectedStatus)
        self.assertEqual(len(reader.error.detail), 300)

        reader = self.follow()
        self.server.newest.answer("500 Internal Server Error", kind="text/plain")
        self.server.newest.send(b"So")
        self.server.clock.advance(5.0)
        assert isinstance(reader.error, UnexpectedStatus)
        self.assertEqual(reader.error.detail, "So")
        self.assertTrue(self.server.newest.lost)

    def test_cut(self) -> None:
        """
        A refusal whose body breaks off is still a refusal.
        """
        reader = self.follow()
        self.server.newest.answer("403 Forbidden", kind="text/plain")

        self.server.newest.cut()

        assert isinstance(reader.error, UnexpectedStatus)
        self.assertEqual((reader.error.status, reader.error.detail), (403, ""))

    def test_retry_statuses(self) -> None:
        """
        After some statuses the client tries again; they can be chosen.
        """
        for status in [429, 502, 503, 504]:
            reader = self.follow()
            self.server.newest.answer(f"{status} Later")
            self.server.newest.end()
            self.assertEqual(reader.newest.reason.status, status)
            self.source.close()

        reader = self.follow(retry_statuses={404})
        self.server.newest.answer("503 Later")
        self.server.newest.end()
        self.assertIsInstance(reader.error, UnexpectedStatus)

    def test_content_type(self) -> None:
        """
        A response that is not an event stream ends the source.
        """
        reader = self.follow()

        self.server.newest.answer(kind="text/html; charset=utf-8")
        self.server.newest.send(b"<h1>Log in</h1>")
        self.server.newest.end()

        assert isinstance(reader.error, UnexpectedContentType)
        self.assertEqual(reader.error.content_type, "text/html; charset=utf-8")
        self.assertEqual(reader.error.detail, "<h1>Log in</h1>")
        self.assertTrue(self.server.newest.lost)

    def test_no_content_type(self) -> None:
        """
        A response without a Content-Type ends the source.
        """
        reader = self.follow()

        self.server.newest.answer(kind=None)
        self.server.newest.end()

        assert isinstance(reader.error, UnexpectedContentType)
        self.assertEqual(reader.error.content_type, "")

    def test_garbled_content_type(self) -> None:
        """
        A Content-Type that is not text ends the source, and its connection is closed.
        """
        reader = self.follow()

        self.server.newest.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/\xff\r\n\r\n")
        self.server.newest.cut()

        assert isinstance(reader.error, UnexpectedContentType)
        self.assertEqual(reader.error.content_type, "text/\ufffd")

    def test_spellings(self) -> None:
        """
        Upper case and parameters of the media type are ignored.
        """
        for kind in [
            "text/event-stream;charset=utf-8",
            "Text/Event-Stream",
            "text/event-stream ; x=y",
        ]:
            with self.subTest(kind):
                reader = self.follow()
                self.server.newest.answer(kind=kind)
                self.assertIsInstance(reader.newest, Opened)
                self.source.close()

    def test_broken_client(self) -> None:
        """
        An error of the HTTP client itself is raised, not retried.
        """
        reader = self.follow(client=object())

        self.assertIsInstance(reader.error, AttributeError)


class LimitTests(ReconnectingTestCase):
    """
    The number of attempts.
    """

    def test_attempts(self) -> None:
        """
        After max_attempts the source fails, with the last reason.
        """
        self.server.refuses = True
        reader = self.follow(max_attempts=3)
        self.server.clock.pump([1.0, 2.0])

        self.assertEqual([lost.delay for lost in reader.of(Lost)], [1.0, 2.0])
        self.assertIsInstance(reader.error, TooManyAttempts)
        assert reader.error is not None
        self.assertIsInstance(reader.error.__cause__, ConnectionRefusedError)
        self.assertIs(self.source.ready_state, ReadyState.CLOSED)

    def test_stream_between(self) -> None:
        """
        An open stream resets the count of attempts.
        """
        reader = self.follow(max_attempts=2)
        for _ in range(3):
            self.server.newest.cut()
            self.server.clock.advance(8.0)
            self.lose()
            self.server.clock.advance(8.0)

        self.assertIsNone(reader.error)
        self.assertEqual([opened.attempt for opened in reader.of(Opened)], [2, 2, 2])
