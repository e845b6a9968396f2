"""
Sources that are asked at the reader's pace, by a reader in memory.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextvars import ContextVar
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sinks import MemorySink
from twisted_sse.broker.connections.sendtimeout import SendTimeout
from twisted_sse.errors import InvalidEvent
from twisted_sse.events.codec import encode, encode_data
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.generators.source import Item, Items, Pump, event_of, iterator_of
from twisted_sse.web.generators.writer import FULL, StreamWriter

__all__ = ["CancelTests", "DataTests", "EventOfTests", "IteratorOfTests", "PaceTests"]


class Reader:
    """
    A source, its outlet, and who reads it.

    Attributes:
        ended: What the source came to: `None`, or a failure; empty until then.
    """

    def __init__(self, source: Items, room: int = 1 << 40, send_timeout: float | None = None):
        self.clock = Clock()
        self.sink = MemorySink(room)
        patience = None if send_timeout is None else SendTimeout(send_timeout, self.clock)
        self.outlet = StreamWriter(self.sink, self.clock, None, patience)
        self.pull = Pump(iterator_of(source), self.outlet, self.clock)
        self.ended: list[Any] = []
        self.pull.start().addBoth(self.ended.append)

    def begin(self) -> None:
        """
        Open the stream, and let everything happen that can.
        """
        self.outlet.open(self.pull.cancel)
        self.clock.advance(0)

    @property
    def data(self) -> list[str | None]:
        """
        What the reader has got.
        """
        return [event.data for event in self.sink.blocks]


class Watched:
    """
    Items that know how often they were asked for, and closed.
    """

    def __init__(self, item: Item, count: int = 1 << 40) -> None:
        self._item = item
        self._left = count
        self.asked = 0
        self.closed = 0

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if not self._left:
            raise StopIteration
        self._left -= 1
        self.asked += 1
        return self._item

    def close(self) -> None:
        """
        What a generator has.
        """
        self.closed += 1


class EventOfTests(SynchronousTestCase):
    """
    `event_of`.
    """

    def test_items(self) -> None:
        """
        Text is data, a mapping is data as JSON whatever its keys are, and an event is itself.
        """
        event = ServerSentEvent("x", event="y", id="1")
        cases: list[tuple[Item, ServerSentEvent]] = [
            (event, event),
            ("a\nb", ServerSentEvent("a\nb")),
            ("", ServerSentEvent("")),
            ({"data": 1, "event": "é"}, ServerSentEvent('{"data":1,"event":"é"}')),
        ]
        for item, expected in cases:
            self.assertEqual(event_of(item), expected)

    def test_others(self) -> None:
        """
        What else is yielded is named in the error.
        """
        items: list[tuple[Any, str]] = [(b"x", "bytes"), (1, "int"), ([], "list")]
        for item, kind in items:
            error = self.assertRaises(InvalidEvent, event_of, item)

            self.assertIn(f"yielded a {kind}", str(error))


class Shout(str):
    """
    Text that writes itself differently.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class DataTests(SynchronousTestCase):
    """
    Text that is sent without an event.
    """

    @given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\0\u2028")))
    def test_same(self, text: str) -> None:
        """
        It leaves as the event with this data would.
        """
        self.assertEqual(encode_data(text), encode(ServerSentEvent(text)))

    def test_subclass(self) -> None:
        """
        That is true of a subclass too, whatever it makes of itself.
        """
        self.assertEqual(encode_data(Shout("a\nb")), encode(ServerSentEvent(Shout("a\nb"))))

    def test_refused(self) -> None:
        """
        What UTF-8 cannot express is refused as it is for an event.
        """
        for text in ("a\ud800", "\r\udfff"):
            error = self.assertRaises(InvalidEvent, encode_data, text)

            self.assertIn("surrogate", str(error))


class IteratorOfTests(SynchronousTestCase):
    """
    `iterator_of`.
    """

    def test_refused(self) -> None:
        """
        Single values are no sources, although Python iterates over them.
        """
        values: list[object] = [
            "text",
            b"bytes",
            {"a": 1},
            ServerSentEvent("x"),
            Deferred(),
            5,
            None,
        ]
        for value in values:
            self.assertRaises(TypeError, iterator_of, value)


class PaceTests(SynchronousTestCase):
    """
    A source is asked when the reader takes, and not otherwise.
    """

    def test_not_before_open(self) -> None:
        """
        Nothing is asked before the stream is open and has room.
        """
        source = Watched("x", 3)
        reader = Reader(source)
        reader.clock.advance(1)
        asked = source.asked

        reader.begin()

        self.assertEqual(asked, 0)
        self.assertEqual(reader.data, ["x", "x", "x"])
        self.assertEqual(reader.ended, [None])

    def test_one_write_a_turn(self) -> None:
        """
        What is ready at once is written at once, up to 64 KiB in a turn.
        """
        item = "x" * 1000
        source = Watched(item)
        reader = Reader(source, room=FULL // 2)
        reader.begin()

        self.assertEqual(len(reader.sink.received), FULL // 2)
        self.assertLess(len(reader.sink.received + reader.sink.spilled), FULL + 1010)

    def test_stalled(self) -> None:
        """
        While the reader is behind the source is not asked, whatever time passes.
        """
        source = Watched("x" * 1000)
        reader = Reader(source, room=1000)
        reader.begin()
        asked = source.asked
        reader.clock.pump([1] * 100)

        self.assertEqual(source.asked, asked)
        self.assertLess(asked, 70)

    def test_reads_on(self) -> None:
        """
        When the reader has taken everything, the source is asked again.
        """
        source = Watched("x" * 1000, 200)
        reader = Reader(source, room=1000)
        reader.begin()
        while not reader.ended:
            reader.sink.make_room(FULL)
            reader.clock.advance(0)
        reader.sink.make_room(FULL)
        reader.clock.advance(0)

        self.assertEqual((len(reader.data), source.asked, source.closed), (200, 200, 1))

    def test_behind_while_it_waits(self) -> None:
        """
        A source that was waiting when the reader fell behind gives one item more, and waits.
        """
        waiting: Deferred[str] = Deferred()
        asked: list[int] = []

        async def source() -> AsyncIterator[Item]:
            yield await waiting
            for number in range(9):
                asked.append(number)
                yield str(number)

        reader = Reader(source())
        reader.begin()
        reader.sink.pause()
        waiting.callback("late")
        reader.clock.advance(1)
        before = list(asked), list(reader.data)
        reader.sink.make_room(0)
        reader.clock.advance(0)

        self.assertEqual(before, ([], []))
        self.assertEqual(reader.data, ["late", *"012345678"])

    def test_budget(self) -> None:
        """
        A source whose items take time holds the reactor for 3 ms, then others have their turn:
        if it yields nothing but ``None`` as well.
        """
        for item in ("x", None):
            with self.subTest(item=item):
                self.assertLess(self.asked_before_others(item), 10)

    def asked_before_others(self, item: Item) -> int:
        """
        How many of 20 slow items are asked for before something else that is due.
        """
        asked: list[int] = []
        others: list[int] = []
        reader = Reader(self.slow(item, lambda: reader.clock, asked))
        reader.outlet.open(reader.pull.cancel)
        reader.clock.callLater(0.002, lambda: others.append(len(asked)))
        reader.clock.advance(0)
        self.assertEqual(len(asked), 20)
        return others[0]

    def slow(self, item: Item, clock: Callable[[], Clock], asked: list[int]) -> Iterator[Item]:
        """
        Take a millisecond for each item.
        """
        for number in range(20):
            clock().rightNow += 0.001
            asked.append(number)
            yield item

    def test_context(self) -> None:
        """
        A context variable that a source sets is there after its awaits, and nowhere else.
        """
        variable: ContextVar[str] = ContextVar("variable", default="outside")
        waiting: Deferred[None] = Deferred()

        async def source() -> AsyncIterator[Item]:
            variable.set("inside")
            yield variable.get()
            await waiting
            yield variable.get()

        reader = Reader(source())
        reader.begin()
        waiting.callback(None)
        reader.clock.advance(0)

        self.assertEqual(reader.data, ["inside", "inside"])
        self.assertEqual(variable.get(), "outside")


class CancelTests(SynchronousTestCase):
    """
    A reader that leaves.
    """

    def setUp(self) -> None:
        """
        Nothing has happened.
        """
        self.said: list[str] = []

    def sync(self) -> Generator[Item, None, None]:
        """
        Yield for ever, and say when that has ended.
        """
        try:
            while True:
                yield "x" * 1000
        finally:
            self.said.append("finally")

    async def waiting(self, wait: Callable[[], Deferred[None]]) -> AsyncGenerator[Item, None]:
        """
        Wait after the first item, and say how that went.
        """
        try:
            yield "x"
            await wait()
        except CancelledError:
            self.said.append("cancelled")
            raise
        finally:
            self.said.append("finally")

    def test_sync(self) -> None:
        """
        A generator is closed at its yield, once.
        """
        reader = Reader(self.sync(), room=1000)
        reader.begin()
        reader.outlet.gone()
        reader.outlet.gone()
        reader.clock.advance(1)

        self.assertEqual(self.said, ["finally"])
        self.assertEqual(reader.ended, [None])

    def test_at_await(self) -> None:
        """
        An async generator is cancelled at its await, and so is what it waits for.
        """
        waiting: Deferred[None] = Deferred(lambda _: self.said.append("stopped"))
        reader = Reader(self.waiting(lambda: waiting))
        reader.begin()
        reader.outlet.gone()

        self.assertEqual(self.said, ["stopped", "cancelled", "finally"])
        self.assertEqual(reader.ended, [None])

    def test_await_in_finally(self) -> None:
        """
        What ``finally`` awaits is waited for.
        """
        goodbye: Deferred[None] = Deferred()

        async def source() -> AsyncIterator[Item]:
            try:
                while True:
                    yield "x" * 1000
            finally:
                await goodbye
                self.said.append("finally")

        reader = Reader(source(), room=1000)
        reader.begin()
        reader.outlet.gone()
        before = list(self.said)
        goodbye.callback(None)

        self.assertEqual((before, self.said, reader.ended), ([], ["finally"], [None]))

    def test_never_asked(self) -> None:
        """
        What was never asked is closed as well.
        """
        source = Watched("x")
        reader = Reader(source)
        reader.outlet.open(reader.pull.cancel)
        reader.outlet.gone()
        reader.clock.advance(1)

        self.assertEqual((source.asked, source.closed, reader.ended), (0, 1, [None]))

    def test_defiant(self) -> None:
        """
        A source that yields in spite of being cancelled is closed there.
        """

        async def source() -> AsyncIterator[Item]:
            try:
                try:
                    yield "x"
                    await Deferred()
                except CancelledError:
                    yield "y"
                    self.said.append("asked again")
            finally:
                self.said.append("finally")

        reader = Reader(source())
        reader.begin()
        reader.outlet.gone()

        self.assertEqual(self.said, ["finally"])
        self.assertEqual(reader.data, ["x"])

    def test_while_running(self) -> None:
        """
        A source may end its own stream.
        """

        def source() -> Iterator[Item]:
            try:
                yield "x"
                reader.outlet.gone()
                yield "y"
                self.said.append("asked again")
            finally:
                self.said.append("finally")

        reader = Reader(source())
        reader.begin()

        self.assertEqual((self.said, reader.ended), (["finally"], [None]))

    def test_while_running_then_waiting(self) -> None:
        """
        If it waits after that, it is cancelled.
        """

        async def source() -> AsyncIterator[Item]:
            reader.outlet.gone()
            try:
                await Deferred()
                yield "never"
            finally:
                self.said.append("finally")

        reader = Reader(source())
        reader.begin()

        self.assertEqual((self.said, reader.ended), (["finally"], [None]))

    def test_fails(self) -> None:
        """
        What a source raises when it is cancelled is logged.
        """

        def source() -> Iterator[Item]:
            try:
                while True:
                    yield "x" * 1000
            finally:
                raise KeyError("in finally")

        reader = Reader(source(), room=1000)
        reader.begin()
        reader.outlet.gone()

        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(reader.ended, [None])

    def test_stuck(self) -> None:
        """
        A reader that takes nothing for the send time-out is cut, and the source closed.
        """
        reader = Reader(self.sync(), room=1000, send_timeout=60.0)
        reader.begin()
        reader.clock.pump([1] * 59)
        before = list(self.said)
        reader.clock.pump([1] * 20)

        self.assertEqual((before, self.said), ([], ["finally"]))
        self.assertTrue(reader.sink.aborted)

    def test_slow(self) -> None:
        """
        A reader that takes something now and then is not cut.
        """
        reader = Reader(self.sync(), room=1000, send_timeout=60.0)
        reader.begin()
        for _ in range(10):
            reader.clock.pump([1] * 50)
            reader.sink.make_room(2 * FULL)
            reader.clock.advance(0)

        self.assertEqual((self.said, reader.sink.aborted), ([], False))

    def test_foreign_cancel(self) -> None:
        """
        If somebody else cancels what a source waits for, that is a failure.
        """
        waiting: Deferred[None] = Deferred()
        reader = Reader(self.waiting(lambda: waiting))
        reader.begin()
        waiting.cancel()

        self.assertIsNotNone(reader.ended[0].check(CancelledError))
        self.assertEqual(self.said, ["cancelled", "finally"])
