"""
The client: what its consumer is given, in which form, and how it ends.
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
    What an `EventSource` is made of.
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
        What cannot be obeyed is refused at once.
        """
        for arguments, sentence in self.WRONG:
            with self.subTest(sentence):
                options = {"url": URL, **arguments}
                with self.assertRaisesRegex(ValueError, sentence):
                    EventSource(**options)  # type: ignore[arg-type]

    def test_beginning(self) -> None:
        """
        One that nobody has asked for anything has done nothing.
        """
        server = MemoryServer()
        source = server.source(last_event_id="7")

        self.assertEqual(server.exchanges, [])
        self.assertIs(source.ready_state, ReadyState.CONNECTING)
        self.assertEqual((source.url, source.last_event_id, source.origin), (URL, "7", ""))
        self.assertEqual(source.reconnection_time, 1.0)


class SignalTests(SynchronousTestCase):
    """
    What comes from one stream.
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
        The answer is a signal, and the source is open.
        """
        (opened,) = self.reader.got

        self.assertIsInstance(opened, Opened)
        self.assertEqual((opened.status, opened.attempt), (200, 1))
        self.assertEqual(opened.headers.getRawHeaders("x-test"), ["yes"])
        self.assertIs(self.source.ready_state, ReadyState.OPEN)
        self.assertEqual(self.source.origin, "http://example.com")

    def test_event(self) -> None:
        """
        An event comes as soon as its blank line does, with all that it has.
        """
        self.server.newest.send(b": c\nid: 1\nevent: e\ndata: d\n")
        self.assertEqual(self.reader.of(ServerSentEvent), [])

        self.server.newest.send(b"\n")
        self.assertEqual(self.reader.newest, ServerSentEvent("d", event="e", id="1", comment="c"))

    def test_comment(self) -> None:
        """
        A comment that stands for itself is a signal.
        """
        self.server.newest.send(b":\n\n: two\n: lines\n\n")

        self.assertEqual(self.reader.got[1:], [Comment(""), Comment("two\nlines")])

    def test_control(self) -> None:
        """
        What a hub says of the stream is no event.
        """
        self.server.newest.send(b'event: stream-open\nid: 5\ndata: {"resumed":false}\n\n')

        self.assertIsInstance(self.reader.newest, Control)
        self.assertEqual(self.reader.newest.event.json(), {"resumed": False})
        self.assertEqual(self.source.last_event_id, "5")

    def test_control_types(self) -> None:
        """
        They are those that a hub sends.
        """
        self.assertEqual(CONTROL_EVENTS, {OPEN, RESET, "stream-error"})

    def test_nothing(self) -> None:
        """
        A block without data or comment is no signal; its ID and its time count.
        """
        self.server.newest.send(b"id: 8\n\nevent: e\n\nretry: 5000\n\n")

        self.assertEqual(len(self.reader.got), 1)
        self.assertEqual(self.source.last_event_id, "8")
        self.assertEqual(self.source.reconnection_time, 5.0)

    def test_last_event_id(self) -> None:
        """
        An event without an ID leaves the last one, and an empty one takes it away.
        """
        self.server.newest.send(b"id: 1\ndata: a\n\ndata: b\n\n")
        self.assertEqual(self.source.last_event_id, "1")

        self.server.newest.send(b"id\ndata: c\n\n")
        self.assertEqual(self.source.last_event_id, "")

    def test_mark(self) -> None:
        """
        A BOM counts as nothing at the start, and as text anywhere else.
        """
        self.server.newest.send(
            b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\ndata: \xef\xbb\xbf\n\n"
        )

        self.assertEqual(self.reader.data, ["a", "\ufeff"])

    def test_text(self) -> None:
        """
        UTF-8 is decoded across reads; what is not UTF-8 is replaced.
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
        ``async for event in source`` gives events and nothing else.
        """
        reader = Reader(aiter(self.source))
        self.server.newest.answer()

        self.server.newest.send(b": c\n\ndata: a\n\nevent: stream-open\ndata: {}\n\ndata: b\n\n")

        self.assertEqual(reader.got, [ServerSentEvent("a"), ServerSentEvent("b")])

    def test_with(self) -> None:
        """
        ``async with`` closes it.
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

    def test_thrown_away(self) -> None:
        """
        A consumer that Python throws away while it waits closes it, and is not woken.
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

    def test_go_on(self) -> None:
        """
        A second loop goes on where the first was left.
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
        Whoever asks while somebody waits is refused, and the other goes on waiting.
        """
        first = Reader(aiter(self.source))
        second = Reader(self.source.signals())
        self.assertIsInstance(second.error, RuntimeError)

        self.server.newest.answer()
        self.server.newest.send(b"data: a\n\n")
        self.assertEqual(first.data, ["a"])

    def test_cancel(self) -> None:
        """
        Whoever stops waiting loses nothing.
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
    How it ends for good.
    """

    def setUp(self) -> None:
        """
        Begin to read.
        """
        self.server = MemoryServer()
        self.source = self.server.source()
        self.reader = Reader(self.source.signals())

    def assert_over(self) -> None:
        """
        See that there is nothing left.
        """
        self.assertTrue(self.reader.ended)
        self.assertIsNone(self.reader.error)
        self.assertIs(self.source.ready_state, ReadyState.CLOSED)
        self.assertEqual(self.server.open, 0)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_no_content(self) -> None:
        """
        After 204 there is no other request.
        """
        self.server.newest.answer("204 No Content")

        self.assert_over()
        self.assertEqual(len(self.server.exchanges), 1)

    def test_close_while_connecting(self) -> None:
        """
        A request on its way is given up.
        """
        self.source.close()

        self.assert_over()
        self.assertTrue(self.server.newest.aborted)

    def test_close_while_waiting(self) -> None:
        """
        A stream that says nothing is left.
        """
        self.server.newest.answer()

        self.source.close()

        self.assert_over()

    def test_close_while_resting(self) -> None:
        """
        The next attempt is not waited for.
        """
        self.server.newest.cut()
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)

        self.source.close()

        self.assert_over()

    def test_close_from_within(self) -> None:
        """
        A consumer may close it, whatever else has come.
        """
        source = self.server.source()
        done = source.run(lambda event: source.close())
        self.server.newest.answer()

        self.server.newest.send(b"data: a\n\ndata: b\n\n")

        self.assertIsNone(self.successResultOf(done))
        self.assertTrue(self.server.newest.lost)

    def test_close_again(self) -> None:
        """
        Closing it again does nothing, nor does asking it again.
        """
        self.source.close()
        self.source.close()

        again = Reader(self.source.signals())

        self.assertTrue(again.ended)
        self.assertEqual(len(self.server.exchanges), 1)


class RunTests(SynchronousTestCase):
    """
    The form with functions.
    """

    def setUp(self) -> None:
        """
        Make a source.
        """
        self.server = MemoryServer()
        self.source = self.server.source()

    def test_functions(self) -> None:
        """
        Events go to one function, and all else to the other.
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
        The next event waits for what the function returns.
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
        What the function raises ends it.
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
        Cancelling closes it, at whatever point it is.
        """
        done = self.source.run(lambda event: None)

        done.cancel()

        self.failureResultOf(done, CancelledError)
        self.assertIs(self.source.ready_state, ReadyState.CLOSED)
        self.assertEqual(self.server.open, 0)
