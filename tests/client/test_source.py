"""
The client: the signals and forms of an `EventSource`, and its end.
"""

import gc

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.client.memory import URL, MemoryServer, Reader
from twisted_sse.client import CONTROL_EVENTS, Comment, Control, EventSource, Opened, ReadyState
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import OPEN, RESET

__all__ = ["ArgumentTests", "EndTests", "FormTests", "RunTests", "SignalTests"]


class ArgumentTests(SynchronousTestCase):
    """
    The arguments of an `EventSource`.
    """

    WRONG = [
        ({"url": "ftp://example.com/"}, "not an HTTP URL"),
        ({"url": "/events"}, "not an HTTP URL"),
        ({"url": "http://"}, "not an HTTP URL"),
        ({"url": "http://example.com:x/"}, "[Pp]ort"),
        ({"url": "http://ann:secret@example.com/"}, "Authorization"),
        ({"headers": {"last-event-id": "1"}}, "last_event_id"),
        ({"last_event_id": "1\n2"}, "line break"),
        ({"last_event_id": "\ud800"}, "surrogates"),
        ({"read_timeout": 0}, "read_timeout must be greater than 0"),
        ({"connect_timeout": -1.0}, "connect_timeout must be greater than 0"),
        ({"max_event_size": 0}, "max_event_size must be greater than 0"),
        ({"max_attempts": 0}, "max_attempts must be greater than 0"),
    ]

    def test_wrong(self) -> None:
        """
        Invalid arguments raise ValueError at once.
        """
        for arguments, sentence in self.WRONG:
            with self.subTest(sentence):
                options = {"url": URL, **arguments}
                with self.assertRaisesRegex(ValueError, sentence):
                    EventSource(**options)  # type: ignore[arg-type]

    def test_initial_state(self) -> None:
        """
        A new source does nothing until it is asked for a signal.
        """
        server = MemoryServer()
        source = server.source(last_event_id="7")

        self.assertEqual(server.exchanges, [])
        self.assertIs(source.ready_state, ReadyState.CONNECTING)
        self.assertEqual((source.url, source.last_event_id, source.origin), (URL, "7", ""))
        self.assertEqual(source.reconnection_time, 1.0)


class SignalTests(SynchronousTestCase):
    """
    The signals of one stream.
    """

    def setUp(self) -> None:
        """
        Open a stream.
        """
        self.server = MemoryServer()
        self.source = self.server.source()
        self.reader = Reader(self.source.signals())
        self.server.newest.answer("200 OK", "X-Test: yes")

    def test_opened(self) -> None:
        """
        The response is a signal, and the source is open.
        """
        (opened,) = self.reader.got

        self.assertIsInstance(opened, Opened)
        self.assertEqual((opened.status, opened.attempt), (200, 1))
        self.assertEqual(opened.headers.getRawHeaders("x-test"), ["yes"])
        self.assertIs(self.source.ready_state, ReadyState.OPEN)
        self.assertEqual(self.source.origin, "http://example.com")

    def test_event(self) -> None:
        """
        An event is delivered as soon as its blank line arrives, with all its fields.
        """
        self.server.newest.send(b": c\nid: 1\nevent: e\ndata: d\n")
        self.assertEqual(self.reader.of(ServerSentEvent), [])

        self.server.newest.send(b"\n")
        self.assertEqual(self.reader.newest, ServerSentEvent("d", event="e", id="1", comment="c"))

    def test_comment(self) -> None:
        """
        A comment outside of an event is a signal.
        """
        self.server.newest.send(b":\n\n: two\n: lines\n\n")

        self.assertEqual(self.reader.got[1:], [Comment(""), Comment("two\nlines")])

    def test_comment_line(self) -> None:
        """
        A comment is a signal when its line ends; the event after many of them is not lost.
        """
        self.server.newest.send(b": ping\n")
        self.assertEqual(self.reader.newest, Comment("ping"))

        for _ in range(300):
            self.server.newest.send(b": ping\n" * 1000)
        self.server.newest.send(b"data: x\n\n")

        self.assertEqual(self.reader.newest, ServerSentEvent("x"))
        self.assertFalse(self.server.newest.lost)

    def test_held_comment(self) -> None:
        """
        On request a comment waits for its event.
        """
        reader = Reader(self.server.source(hold_comments=True).signals())
        self.server.newest.answer()
        self.server.newest.send(b": c\n")
        self.server.newest.send(b"data: x\n\n")

        self.assertEqual(reader.got[1:], [ServerSentEvent("x", comment="c")])

    def test_long_id(self) -> None:
        """
        An event ID that fits into no header does not become the position.
        """
        self.server.newest.send(b"id: 1\ndata: x\n\nid: " + b"i" * 900_000 + b"\ndata: y\n\n")

        self.assertEqual(self.reader.newest.data, "y")
        self.assertEqual(self.source.last_event_id, "1")

    def test_control(self) -> None:
        """
        A control event of a hub is not an event.
        """
        self.server.newest.send(b'event: stream-open\nid: 5\ndata: {"resumed":false}\n\n')

        self.assertIsInstance(self.reader.newest, Control)
        self.assertEqual(self.reader.newest.event.json(), {"resumed": False})
        self.assertEqual(self.source.last_event_id, "5")

    def test_control_types(self) -> None:
        """
        The types of control events are those that a hub sends.
        """
        expected = {OPEN, RESET, "stream-error", "stream-heartbeat", "stream-topics"}
        expected |= {"topic-begin", "topic-end"}
        self.assertEqual(CONTROL_EVENTS, expected)

    def test_nothing(self) -> None:
        """
        A block without data and comment is not a signal, but its ID and retry count.
        """
        self.server.newest.send(b"id: 8\n\nevent: e\n\nretry: 5000\n\n")

        self.assertEqual(len(self.reader.got), 1)
        self.assertEqual(self.source.last_event_id, "8")
        self.assertEqual(self.source.reconnection_time, 5.0)

    def test_last_event_id(self) -> None:
        """
        An event without an ID keeps the last event ID; an empty ID clears it.
        """
        self.server.newest.send(b"id: 1\ndata: a\n\ndata: b\n\n")
        self.assertEqual(self.source.last_event_id, "1")

        self.server.newest.send(b"id\ndata: c\n\n")
        self.assertEqual(self.source.last_event_id, "")

    def test_mark(self) -> None:
        """
        A BOM is ignored at the start of the stream, and is text elsewhere.
        """
        self.server.newest.send(
            b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\ndata: \xef\xbb\xbf\n\n"
        )

        self.assertEqual(self.reader.data, ["a", "\ufeff"])

    def test_text(self) -> None:
        """
        UTF-8 is decoded across reads; invalid UTF-8 is replaced.
        """
        for byte in "data: \u20ac\n\n".encode():
            self.server.newest.send(bytes([byte]))
        self.server.newest.send(b"data: \xff\n\n")

        self.assertEqual(self.reader.data, ["\u20ac", "\ufffd"])


class FormTests(SynchronousTestCase):
    """
    ``async for`` and ``async with``.
    """

    def setUp(self) -> None:
        """
        Make a source.
        """
        self.server = MemoryServer()
        self.source = self.server.source()

    def test_events(self) -> None:
        """
        ``async for event in source`` yields only events.
        """
        reader = Reader(aiter(self.source))
        self.server.newest.answer()

        self.server.newest.send(b": c\n\ndata: a\n\nevent: stream-open\ndata: {}\n\ndata: b\n\n")

        self.assertEqual(reader.got, [ServerSentEvent("a"), ServerSentEvent("b")])

    def test_async_with(self) -> None:
        """
        ``async with`` closes the source.
        """

        async def read() -> None:
            async with self.source as source:
                async for event in source:
                    seen.append(event.data)
                    break

        seen: list[str | None] = []
        reading = Deferred.fromCoroutine(read())
        self.server.newest.answer()
        self.server.newest.send(b"data: a\n\ndata: b\n\n")

        self.assertIsNone(self.successResultOf(reading))
        self.assertEqual(seen, ["a"])
        self.assertIs(self.source.ready_state, ReadyState.CLOSED)
        self.assertEqual(self.server.open, 0)

    def test_coroutine_closed(self) -> None:
        """
        A coroutine that is closed while it waits closes the source, and is not resumed.
        """

        async def read() -> None:
            async with self.source as source:
                async for event in source:
                    seen.append(event)

        seen: list[ServerSentEvent] = []
        for answered in [False, True]:
            self.source = self.server.source()
            reading = read()
            Deferred.fromCoroutine(reading)
            if answered:
                self.server.newest.answer()

            reading.close()
            gc.collect()

            self.assertEqual(self.flushLoggedErrors(), [])
            self.assertIs(self.source.ready_state, ReadyState.CLOSED)
            self.assertEqual(self.server.open, 0)

    def test_second_loop(self) -> None:
        """
        A second loop continues where the first one stopped.
        """
        first = Reader(aiter(self.source), greedy=False)
        first.ask()
        self.server.newest.answer()
        self.server.newest.send(b"data: a\n\ndata: b\n\n")

        second = Reader(aiter(self.source))

        self.assertEqual((first.data, second.data), (["a"], ["b"]))
        self.assertEqual(len(self.server.exchanges), 1)

    def test_one_consumer(self) -> None:
        """
        A second consumer at the same time is refused; the first one continues to wait.
        """
        first = Reader(aiter(self.source))
        second = Reader(self.source.signals())
        self.assertIsInstance(second.error, RuntimeError)

        self.server.newest.answer()
        self.server.newest.send(b"data: a\n\n")
        self.assertEqual(first.data, ["a"])

    def test_cancel(self) -> None:
        """
        A consumer that is cancelled loses no events.
        """
        reader = Reader(aiter(self.source), greedy=False)
        reader.ask()
        self.server.newest.answer()
        assert reader.waiting is not None

        reader.waiting.cancel()
        self.server.newest.send(b"data: a\n\n")
        reader.ask()

        self.assertIsInstance(reader.error, CancelledError)
        self.assertEqual(reader.data, ["a"])
        self.assertEqual(len(self.server.exchanges), 1)


class EndTests(SynchronousTestCase):
    """
    The end of a source.
    """

    def setUp(self) -> None:
        """
        Start reading.
        """
        self.server = MemoryServer()
        self.source = self.server.source()
        self.reader = Reader(self.source.signals())

    def assert_over(self) -> None:
        """
        Check that the source has ended, and that nothing is left of it.
        """
        self.assertTrue(self.reader.ended)
        self.assertIsNone(self.reader.error)
        self.assertIs(self.source.ready_state, ReadyState.CLOSED)
        self.assertEqual(self.server.open, 0)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_no_content(self) -> None:
        """
        After 204 nothing more is requested.
        """
        self.server.newest.answer("204 No Content")

        self.assert_over()
        self.assertEqual(len(self.server.exchanges), 1)

    def test_close_while_connecting(self) -> None:
        """
        Closing aborts a pending request.
        """
        self.source.close()

        self.assert_over()
        self.assertTrue(self.server.newest.aborted)

    def test_close_while_waiting(self) -> None:
        """
        Closing ends a silent stream.
        """
        self.server.newest.answer()

        self.source.close()

        self.assert_over()

    def test_close_before_retry(self) -> None:
        """
        Closing cancels the wait for the next attempt.
        """
        self.server.newest.cut()
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)

        self.source.close()

        self.assert_over()

    def test_close_from_within(self) -> None:
        """
        A consumer may close the source while events are waiting.
        """
        source = self.server.source()
        done = source.run(lambda event: source.close())
        self.server.newest.answer()

        self.server.newest.send(b"data: a\n\ndata: b\n\n")

        self.assertIsNone(self.successResultOf(done))
        self.assertTrue(self.server.newest.lost)

    def test_close_again(self) -> None:
        """
        Closing twice does nothing; a closed source yields nothing.
        """
        self.source.close()
        self.source.close()

        again = Reader(self.source.signals())

        self.assertTrue(again.ended)
        self.assertEqual(len(self.server.exchanges), 1)


class RunTests(SynchronousTestCase):
    """
    `EventSource.run`.
    """

    def setUp(self) -> None:
        """
        Make a source.
        """
        self.server = MemoryServer()
        self.source = self.server.source()

    def test_functions(self) -> None:
        """
        Events go to one function, all other signals to the other.
        """
        events: list[object] = []
        signals: list[object] = []
        done = self.source.run(events.append, signals.append)
        self.server.newest.answer()

        self.server.newest.send(b"data: a\n\n: c\n\n")

        self.assertNoResult(done)
        self.assertEqual(events, [ServerSentEvent("a")])
        self.assertEqual(signals[1:], [Comment("c")])

    def test_wait(self) -> None:
        """
        The next event waits for the Deferred that the function returns.
        """
        first: Deferred[None] = Deferred()
        seen: list[object] = []

        def take(event: ServerSentEvent) -> Deferred[None]:
            seen.append(event.data)
            return first

        self.source.run(take)
        self.server.newest.answer()
        self.server.newest.send(b"data: a\n\ndata: b\n\n")
        self.assertEqual(seen, ["a"])

        first.callback(None)
        self.assertEqual(seen, ["a", "b"])

    def test_coroutine(self) -> None:
        """
        The function may be a coroutine function.
        """
        seen: list[object] = []

        async def take(event: ServerSentEvent) -> None:
            seen.append(event.data)

        done = self.source.run(take)
        self.server.newest.answer()
        self.server.newest.send(b"data: a\n\n")
        self.source.close()

        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(seen, ["a"])

    def test_error(self) -> None:
        """
        An error of the function ends the source.
        """

        def take(event: ServerSentEvent) -> None:
            raise ZeroDivisionError

        done = self.source.run(take)
        self.server.newest.answer()
        self.server.newest.send(b"data: a\n\n")

        self.failureResultOf(done, ZeroDivisionError)
        self.assertTrue(self.server.newest.lost)

    def test_cancel(self) -> None:
        """
        Cancelling the Deferred closes the source.
        """
        done = self.source.run(lambda event: None)

        done.cancel()

        self.failureResultOf(done, CancelledError)
        self.assertIs(self.source.ready_state, ReadyState.CLOSED)
        self.assertEqual(self.server.open, 0)
