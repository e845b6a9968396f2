"""
Iterating over sources at the pace of a subscriber in memory.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextvars import ContextVar
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sinks import MemorySink
from twisted_sse.broker.connections.sendtimeout import SendTimeout
from twisted_sse.web.generators.pump import Pump
from twisted_sse.web.generators.source import Item, Items, iterator_of
from twisted_sse.web.generators.writer import FULL, StreamWriter

__all__ = ["CancelTests", "PaceTests"]


class Reader:
    """
    A subscriber that reads a source.

    Args:
        late: Whether `start` is called later, as asyncio does it.

    Attributes:
        ended: What the end of the source fired with: ``None`` or a failure; empty until then.
    """

    def __init__(
        self,
        source: Items,
        room: int = 1 << 40,
        send_timeout: float | None = None,
        late: bool = False,
    ) -> None:
        self.clock = Clock()
        self.sink = MemorySink(room)
        timeout = None if send_timeout is None else SendTimeout(send_timeout, self.clock)
        self.writer = StreamWriter(self.sink, self.clock, None, timeout)
        self.pump = Pump(iterator_of(source), self.writer, self.clock)
        self.ended: list[Any] = []
        if not late:
            self.start()

    def start(self) -> None:
        """
        Begin to iterate over the source.
        """
        self.pump.start().addBoth(self.ended.append)

    def begin(self) -> None:
        """
        Open the stream, and run what is due.
        """
        self.writer.open(lambda _: self.pump.cancel())
        self.clock.advance(0)

    @property
    def data(self) -> list[str | None]:
        """
        The data of the events that arrived.
        """
        return [event.data for event in self.sink.blocks]


class Watched:
    """
    An iterator that counts how often it was asked for an item, and closed.
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
        See `Generator.close`.
        """
        self.closed += 1


class PaceTests(SynchronousTestCase):
    """
    A source is asked for items only while the subscriber takes them.
    """

    def test_not_before_open(self) -> None:
        """
        Nothing is asked for before the stream is open and can be written to.
        """
        source = Watched("x", 3)
        reader = Reader(source)
        reader.clock.advance(1)
        asked = source.asked

        reader.begin()

        self.assertEqual(asked, 0)
        self.assertEqual(reader.data, ["x", "x", "x"])
        self.assertEqual(reader.ended, [None])

    def test_late_start(self) -> None:
        """
        A source that is begun after the first turn of its stream is asked as well.
        """
        reader = Reader(["x", "x"], late=True)
        reader.begin()

        reader.start()
        reader.clock.advance(0)

        self.assertEqual(reader.data, ["x", "x"])
        self.assertEqual(reader.ended, [None])

    def test_one_write_a_turn(self) -> None:
        """
        Items that are ready are written together, up to 64 KiB in a turn.
        """
        item = "x" * 1000
        source = Watched(item)
        reader = Reader(source, room=FULL // 2)
        reader.begin()

        self.assertEqual(len(reader.sink.received), FULL // 2)
        self.assertLess(len(reader.sink.received + reader.sink.spilled), FULL + 1010)

    def test_stalled(self) -> None:
        """
        While the subscriber is behind, the source is never asked.
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
        When the subscriber has taken everything, the source is asked again.
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
        A source that was waiting when the subscriber fell behind gives one more item, and waits.
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
        A source with slow items occupies the reactor for 3 ms at a time, also if all of its
        items are ``None``.
        """
        for item in ("x", None):
            with self.subTest(item=item):
                self.assertLess(self.asked_before_others(item), 10)

    def asked_before_others(self, item: Item) -> int:
        """
        How many of 20 slow items are asked for before another call that is due.
        """
        asked: list[int] = []
        others: list[int] = []
        reader = Reader(self.slow(item, lambda: reader.clock, asked))
        reader.writer.open(lambda _: reader.pump.cancel())
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
        A context variable that a source sets outlives its awaits, and is not set outside.
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
    The subscriber leaves.
    """

    def setUp(self) -> None:
        """
        Start with an empty record.
        """
        self.said: list[str] = []

    def sync(self) -> Generator[Item, None, None]:
        """
        Yield forever, and record the end.
        """
        try:
            while True:
                yield "x" * 1000
        finally:
            self.said.append("finally")

    async def waiting(self, wait: Callable[[], Deferred[None]]) -> AsyncGenerator[Item, None]:
        """
        Wait after the first item, and record how the wait ended.
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
        reader.writer.gone()
        reader.writer.gone()
        reader.clock.advance(1)

        self.assertEqual(self.said, ["finally"])
        self.assertEqual(reader.ended, [None])

    def test_at_await(self) -> None:
        """
        An async generator is cancelled at its await, together with what it awaits.
        """
        waiting: Deferred[None] = Deferred(lambda _: self.said.append("stopped"))
        reader = Reader(self.waiting(lambda: waiting))
        reader.begin()
        reader.writer.gone()

        self.assertEqual(self.said, ["stopped", "cancelled", "finally"])
        self.assertEqual(reader.ended, [None])

    def test_await_in_finally(self) -> None:
        """
        The awaits of ``finally`` are waited for.
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
        reader.writer.gone()
        before = list(self.said)
        goodbye.callback(None)

        self.assertEqual((before, self.said, reader.ended), ([], ["finally"], [None]))

    def test_never_asked(self) -> None:
        """
        A source that was never asked for an item is closed as well.
        """
        source = Watched("x")
        reader = Reader(source)
        reader.writer.open(lambda _: reader.pump.cancel())
        reader.writer.gone()
        reader.clock.advance(1)

        self.assertEqual((source.asked, source.closed, reader.ended), (0, 1, [None]))

    def test_defiant(self) -> None:
        """
        A source that yields although it was cancelled is closed at that yield.
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
        reader.writer.gone()

        self.assertEqual(self.said, ["finally"])
        self.assertEqual(reader.data, ["x"])

    def test_while_running(self) -> None:
        """
        A source may end its own stream.
        """

        def source() -> Iterator[Item]:
            try:
                yield "x"
                reader.writer.gone()
                yield "y"
                self.said.append("asked again")
            finally:
                self.said.append("finally")

        reader = Reader(source())
        reader.begin()

        self.assertEqual((self.said, reader.ended), (["finally"], [None]))

    def test_while_running_then_waiting(self) -> None:
        """
        If the source waits after that, it is cancelled.
        """

        async def source() -> AsyncIterator[Item]:
            reader.writer.gone()
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
        An error that a source raises while it is cancelled is logged.
        """

        def source() -> Iterator[Item]:
            try:
                while True:
                    yield "x" * 1000
            finally:
                raise KeyError("in finally")

        reader = Reader(source(), room=1000)
        reader.begin()
        reader.writer.gone()

        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(reader.ended, [None])

    def test_stuck(self) -> None:
        """
        If the subscriber takes nothing for the send time-out, the stream is aborted and the source
        closed.
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
        A subscriber that takes something now and then keeps its stream.
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
        If other code cancels what a source waits for, the source fails.
        """
        waiting: Deferred[None] = Deferred()
        reader = Reader(self.waiting(lambda: waiting))
        reader.begin()
        waiting.cancel()

        self.assertIsNotNone(reader.ended[0].check(CancelledError))
        self.assertEqual(self.said, ["cancelled", "finally"])
