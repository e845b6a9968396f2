"""
The client: how it comes back, and when it does not.
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


class ReconnectingTests(SynchronousTestCase):
    """
    What these tests share: a server, and somebody who reads from it.
    """

    def setUp(self) -> None:
        """
        Start the server.
        """
        self.server = MemoryServer()

    def follow(self, **options: object) -> Reader:
        """
        Begin to read.
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


class LossTests(ReconnectingTests):
    """
    The reasons for which a stream is lost.
    """

    def test_end(self) -> None:
        """
        The end of the body is a loss, told before the wait.
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
        A connection that breaks is named as such.
        """
        reader = self.follow()
        self.server.newest.answer()

        self.server.newest.cut()

        self.assertIsInstance(reader.newest.reason, ConnectionLost)

    def test_no_answer(self) -> None:
        """
        So is one that breaks before there is an answer.
        """
        reader = self.follow()

        self.server.newest.cut()

        self.assertIsInstance(reader.newest.reason, ConnectionLost)

    def test_refused(self) -> None:
        """
        A server that is not there is asked again.
        """
        self.server.refuses = True
        reader = self.follow()
        self.assertIsInstance(reader.newest.reason, ConnectionRefusedError)

        self.server.refuses = False
        self.server.clock.advance(1.0)
        self.assertEqual(len(self.server.exchanges), 1)

    def test_silence(self) -> None:
        """
        A stream that is silent for too long is left; comments are no silence.
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

    def test_patience(self) -> None:
        """
        Without a time-out any silence is waited out.
        """
        self.follow(read_timeout=None)
        self.server.newest.answer()

        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_slow_answer(self) -> None:
        """
        An answer that does not come is given up.
        """
        reader = self.follow(connect_timeout=30.0)
        self.server.clock.advance(29.9)
        self.assertEqual(reader.got, [])

        self.server.clock.advance(0.1)
        self.assertIsInstance(reader.newest.reason, ReadTimeout)
        self.assertTrue(self.server.newest.aborted)

    def test_slow_connection(self) -> None:
        """
        So is a connection that is not made.
        """
        self.server.stalls = True
        reader = self.follow(connect_timeout=30.0)

        self.server.clock.advance(30.0)

        self.assertIsInstance(reader.newest.reason, ReadTimeout)

    def test_too_large(self) -> None:
        """
        An event that is too large ends the stream; what came before it is given.
        """
        reader = self.follow(max_event_size=20)
        self.server.newest.answer()

        self.server.newest.send(b"id: 1\ndata: a\n\n")
        self.server.newest.send(b"data: " + b"x" * 20)

        self.assertEqual(reader.data, ["a"])
        self.assertIsInstance(reader.newest.reason, EventTooLarge)
        self.assertTrue(self.server.newest.lost)


class ResumeTests(ReconnectingTests):
    """
    What the next attempt asks for.
    """

    def test_request(self) -> None:
        """
        A request has what the standard says.
        """
        self.follow()

        exchange = self.server.newest
        self.assertEqual(exchange.request_line, "GET /events HTTP/1.1")
        self.assertEqual(exchange.headers["Accept"], "text/event-stream")
        self.assertEqual(exchange.headers["Cache-Control"], "no-cache")
        self.assertNotIn("Last-Event-ID", exchange.headers)

    def test_last_event_id(self) -> None:
        """
        The next one has the ID of the last event that was complete, in UTF-8.
        """
        self.follow()
        self.server.newest.answer()
        self.server.newest.send("id: ä\ndata: a\n\nid: 2\ndata: b\n".encode())
        self.server.newest.end()

        self.server.clock.advance(1.0)

        self.assertIn("Last-Event-Id: ä\r\n".encode(), self.server.newest.value())

    def test_forgotten(self) -> None:
        """
        After an empty ID none is sent.
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
        Everything that was asked for is asked for again.
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
        The events of all streams come in one order, none twice.
        """
        reader = self.follow()
        for text in ["a", "b", "c"]:
            self.server.newest.answer()
            self.server.newest.send(f"id: {text}\ndata: {text}\n\ndata: half".encode())
            self.server.newest.cut()
            self.server.clock.advance(100.0)

        self.assertEqual(reader.data, ["a", "b", "c"])
        self.assertEqual([opened.attempt for opened in reader.of(Opened)], [1, 1, 1])


class WaitTests(ReconnectingTests):
    """
    How long it waits between two attempts.
    """

    def delays(self, reader: Reader) -> list[float]:
        """
        The waits that were told.
        """
        return [lost.delay for lost in reader.of(Lost)]

    def test_states(self) -> None:
        """
        There is one attempt at a time, and none before the wait is over.
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
        Waits grow with every loss up to the limit, also if there was a stream.
        """
        reader = self.follow()
        self.server.newest.cut()
        self.server.clock.advance(1.0)
        for wait in [2.0, 4.0, 8.0, 8.0]:
            self.lose()
            self.server.clock.advance(wait)

        self.assertEqual(self.delays(reader), [1.0, 2.0, 4.0, 8.0, 8.0])

    def test_health(self) -> None:
        """
        After a minute of a stream the waits begin anew.
        """
        reader = self.follow(read_timeout=None)
        for after in [0.0, 59.9, 60.0]:
            self.lose(after)
            self.server.clock.advance(8.0)

        self.assertEqual(self.delays(reader), [1.0, 2.0, 1.0])

    def test_retry(self) -> None:
        """
        The server's reconnection time is the least, for all further waits.
        """
        reader = self.follow()
        self.server.newest.answer()
        # The line counts, although its block is never complete.
        self.server.newest.send(b"retry: 3000\n")
        self.server.newest.end()
        for wait in [3.0, 3.0, 4.0]:
            self.server.clock.advance(wait)
            self.server.newest.cut()

        self.assertEqual(self.delays(reader), [3.0, 3.0, 4.0, 8.0])
        self.assertEqual(self.source.reconnection_time, 3.0)

    def test_absurd_retry(self) -> None:
        """
        A server leads neither to a flood nor to never.
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
        What a refusal asks for is waited, once.
        """
        reader = self.follow()
        for header in ["Retry-After: 30", "Retry-After: 99999999999", "X-None: 0"]:
            self.server.newest.answer("503 Service Unavailable", header)
            self.server.newest.end()
            self.server.clock.advance(3600.0)

        self.assertEqual(self.delays(reader), [30.0, 3600.0, 4.0])

    def test_garbled_retry_after(self) -> None:
        """
        What is no text asks for nothing.
        """
        reader = self.follow()

        self.server.newest.raw(b"HTTP/1.1 503 Later\r\nRetry-After: \xff\r\n\r\n")
        self.server.newest.cut()

        self.assertEqual(self.delays(reader), [1.0])

    def test_retry_date(self) -> None:
        """
        It may be a date; one that has passed, or that nobody understands, asks for nothing.
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
        Whoever stops waiting and asks again does not shorten the wait.
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


class RefusalTests(ReconnectingTests):
    """
    Answers that are no stream.
    """

    def test_status(self) -> None:
        """
        A status that is no stream ends it, with the beginning of what was said.
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
        Of a problem in JSON the sentence is taken.
        """
        reader = self.follow()

        self.server.newest.answer("401 Unauthorized", kind="application/problem+json")
        self.server.newest.send(b'{"detail": "Log in."}')
        self.server.newest.end()

        assert isinstance(reader.error, UnexpectedStatus)
        self.assertEqual(reader.error.detail, "Log in.")

    def test_endless(self) -> None:
        """
        No more is read than is shown, and it is not waited for long.
        """
        reader = self.follow()
        self.server.newest.answer("500 Internal Server Error", kind="text/plain")
        self.server.newest.send(b"x" * 10000)
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
        A refusal that breaks off is one nevertheless.
        """
        reader = self.follow()
        self.server.newest.answer("403 Forbidden", kind="text/plain")

        self.server.newest.cut()

        assert isinstance(reader.error, UnexpectedStatus)
        self.assertEqual((reader.error.status, reader.error.detail), (403, ""))

    def test_retry_statuses(self) -> None:
        """
        Some statuses say: later.  Which ones, can be chosen.
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
        What is no event stream ends it.
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
        Neither is what does not say.
        """
        reader = self.follow()

        self.server.newest.answer(kind=None)
        self.server.newest.end()

        assert isinstance(reader.error, UnexpectedContentType)
        self.assertEqual(reader.error.content_type, "")

    def test_garbled_content_type(self) -> None:
        """
        Nor is one that is no text, and its connection is closed.
        """
        reader = self.follow()

        self.server.newest.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/\xff\r\n\r\n")
        self.server.newest.cut()

        assert isinstance(reader.error, UnexpectedContentType)
        self.assertEqual(reader.error.content_type, "text/\ufffd")

    def test_spellings(self) -> None:
        """
        Upper case and parameters make no difference.
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
        A client that cannot ask is no loss.
        """
        reader = self.follow(client=object())

        self.assertIsInstance(reader.error, AttributeError)


class LimitTests(ReconnectingTests):
    """
    How often it is tried.
    """

    def test_attempts(self) -> None:
        """
        After the last attempt that is allowed it fails, with the last reason.
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
        A stream makes all of them good again.
        """
        reader = self.follow(max_attempts=2)
        for _ in range(3):
            self.server.newest.cut()
            self.server.clock.advance(8.0)
            self.lose()
            self.server.clock.advance(8.0)

        self.assertIsNone(reader.error)
        self.assertEqual([opened.attempt for opened in reader.of(Opened)], [2, 2, 2])
