"""
History in memory: the contract, bounds, and whose IDs it knows.
"""

from collections.abc import Callable, Sequence
from sys import getsizeof
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history import MemoryHistory
from twisted_sse.testing import HistoryProviderContract
from twisted_sse.topics import Selection

__all__ = ["BoundTests", "ContractTests", "IDTests", "NewestTests", "SliceTests"]

ALL = Selection.of(["*"])
MANY = 1 << 20


def publication(data: str, topic: str = "a", event_id: str | None = None) -> Publication:
    """
    Make a publication.
    """
    return Publication((topic,), ServerSentEvent(data, id=event_id))


def fill(history: MemoryHistory, *data: str) -> list[Record]:
    """
    Append each of *data* by itself.
    """
    return [history.append([publication(one)])[0] for one in data]


def data_of(records: object) -> list[str | None]:
    """
    Return the data of *records*.
    """
    assert isinstance(records, list)
    return [one.publication.event.data for one in records]


class ContractTests(HistoryProviderContract, TestCase):
    """
    The contract of every provider.
    """

    def setUp(self) -> None:
        """
        A clock of its own.
        """
        self.clock = Clock()

    def make_history(self, **bounds: Any) -> MemoryHistory:
        """
        See `Hooks`.
        """
        return MemoryHistory(**bounds, clock=self.clock)

    def pass_time(self, seconds: float) -> None:
        """
        See `Hooks`.
        """
        self.clock.advance(seconds)


class IDTests(SynchronousTestCase):
    """
    Which IDs are known.
    """

    def setUp(self) -> None:
        """
        A history with seven events.
        """
        self.clock = Clock()
        self.history = MemoryHistory(clock=self.clock, events=7)
        self.kept = fill(self.history, *"0123456")
        self.epoch, _, self.sequence = self.kept[-1].id.rpartition("-")

    def _since(self, event_id: str) -> list[str | None]:
        return data_of(self.history.since(event_id, ALL, MANY))

    def test_shape(self) -> None:
        """
        An ID is an epoch and a sequence number, and the epoch is another one each time.
        """
        other = fill(MemoryHistory(clock=self.clock), "x")[0].id

        self.assertEqual(self.sequence, "7")
        self.assertNotEqual(other.rpartition("-")[0], self.epoch)

    def test_foreign(self) -> None:
        """
        An ID that this history has not assigned is unknown, however similar it looks.
        """
        epoch = self.epoch
        cases = ["", "-", "7", f"{epoch}", f"{epoch}-", f"{epoch}-8", f"{epoch}-007", f"{epoch}--1"]
        cases += [f"{epoch}- 7", f"{epoch}-7 ", f"{epoch}-+7", f"{epoch}-7_0", f"{epoch}-\u0667"]
        cases += [f"{epoch}-²", f"{epoch}-7\n", f"{epoch.upper()}x-7", f"deadbeef-{7}", "earliest"]
        cases += [f"{epoch}-{'9' * digits}" for digits in (19, 20, 5000)]
        for event_id in cases:
            with self.subTest(event_id=event_id[:40]):
                self.assertRaises(UnknownEventID, self.history.since, event_id, ALL, MANY)

    def test_evicted(self) -> None:
        """
        A subscriber can resume from the event right before the oldest, but not from older ones.
        """
        fill(self.history, "7", "8")

        self.assertEqual(self._since(self.kept[1].id), list("2345678"))
        self.assertRaises(UnknownEventID, self.history.since, self.kept[0].id, ALL, MANY)

    def test_publishers(self) -> None:
        """
        A publisher's ID is kept and found, whatever it looks like.
        """
        for event_id in ("mine", "é", "a-1", "-", "00-7"):
            with self.subTest(event_id=event_id):
                (record,) = self.history.append([publication("x", event_id=event_id)])
                fill(self.history, "y")
                self.assertEqual(record.id, event_id)
                self.assertEqual(self._since(event_id), ["y"])

    def test_same_id_evicted(self) -> None:
        """
        When the oldest event with an ID is forgotten, the ID does not stand for another.
        """
        history = MemoryHistory(clock=self.clock, events=2)
        for one, event_id in zip("xyz", "121", strict=True):
            history.append([publication(one, event_id=event_id)])

        self.assertRaises(UnknownEventID, history.since, "1", ALL, MANY)
        self.assertEqual(data_of(history.since("2", ALL, MANY)), ["z"])

    def test_same_id_again(self) -> None:
        """
        When the oldest of many events with an ID is forgotten, no later one replaces it.
        """
        history = MemoryHistory(clock=self.clock, events=2)
        for one in "wxyz":
            history.append([publication(one, event_id="mine")])

        self.assertRaises(UnknownEventID, history.since, "mine", ALL, MANY)

    def test_publishers_evicted(self) -> None:
        """
        A publisher's ID is forgotten with its event, and can be used again.
        """
        history = MemoryHistory(clock=self.clock, events=1)
        history.append([publication("x", event_id="mine")])
        fill(history, "y")
        self.assertRaises(UnknownEventID, history.since, "mine", ALL, MANY)

        history.append([publication("z", event_id="mine")])
        self.assertEqual(data_of(history.since("mine", ALL, MANY)), [])


class BoundTests(SynchronousTestCase):
    """
    The bounds.
    """

    def setUp(self) -> None:
        """
        A clock.
        """
        self.clock = Clock()

    def _kept(self, history: MemoryHistory) -> list[str | None]:
        return data_of(history.since(None, ALL, MANY))

    def test_events(self) -> None:
        """
        The newest are kept, as many as were asked for.
        """
        history = MemoryHistory(events=3, clock=self.clock)
        fill(history, *"abcde")

        self.assertEqual(self._kept(history), list("cde"))

    def test_batch(self) -> None:
        """
        A batch larger than the bound is answered in full, and its newest are kept.
        """
        history = MemoryHistory(events=2, clock=self.clock)
        records = history.append([publication(one) for one in "abcd"])

        self.assertEqual(len(records), 4)
        self.assertEqual(self._kept(history), list("cd"))

    def test_bytes(self) -> None:
        """
        The memory is bounded, including that of the objects around the data.
        """
        history = MemoryHistory(bytes=100_000, clock=self.clock)
        fill(history, *["x" * 9_500] * 30)
        self.assertEqual(len(self._kept(history)), 10)

        # The objects of each count as 340 bytes; the size of a topic differs between
        # versions of Python, and an empty text costs nothing.
        fill(history, *[""] * 1000)
        self.assertEqual(len(self._kept(history)), 100_000 // (340 + getsizeof("a")))

    def test_too_large(self) -> None:
        """
        An event larger than the bound is not kept, and displaces all others.
        """
        history = MemoryHistory(bytes=10_000, clock=self.clock)
        fill(history, "a", "x" * 20_000)
        self.assertEqual(self._kept(history), [])

        fill(history, "b")
        self.assertEqual(self._kept(history), ["b"])

    def test_bytes_of_all_fields(self) -> None:
        """
        Comments, types, IDs and topics take memory as data does.
        """
        large = "x" * 9_500
        makers: list[Callable[[str], Publication]] = [
            lambda text: Publication(("a",), ServerSentEvent("", comment=text)),
            lambda text: Publication(("a",), ServerSentEvent("", event=text)),
            lambda text: Publication(("a",), ServerSentEvent("", id=text)),
            lambda text: Publication((text,), ServerSentEvent("")),
        ]
        for number, make in enumerate(makers):
            with self.subTest(number=number):
                history = MemoryHistory(bytes=100_000, clock=self.clock)
                for one in range(30):
                    history.append([make(f"{large}{one}")])
                self.assertLessEqual(len(self._kept(history)), 12)

    def test_bytes_not_characters(self) -> None:
        """
        A character that takes four bytes counts as four.
        """
        history = MemoryHistory(bytes=100_000, clock=self.clock)
        fill(history, *["😀" * 9_500] * 30)

        self.assertLessEqual(len(self._kept(history)), 4)

    def test_age(self) -> None:
        """
        An event as old as the bound is forgotten when history is read.
        """
        history = MemoryHistory(age=60, clock=self.clock)
        (first,) = fill(history, "a")
        self.clock.advance(30)
        fill(history, "b")
        self.clock.advance(29.9)
        self.assertEqual(self._kept(history), ["a", "b"])

        self.clock.advance(0.1)
        self.assertEqual(self._kept(history), ["b"])
        self.assertEqual(data_of(history.since(first.id, ALL, MANY)), ["b"])

    def test_age_at_append(self) -> None:
        """
        Events that are too old are also forgotten when something is appended.
        """
        history = MemoryHistory(age=60, clock=self.clock)
        (first,) = fill(history, "a")
        fill(history, "b")
        self.clock.advance(60)
        fill(history, "c")

        self.assertRaises(UnknownEventID, history.since, first.id, ALL, MANY)

    def test_default_clock(self) -> None:
        """
        The global reactor is the default clock.
        """
        history = MemoryHistory()
        records = fill(history, "x")

        self.assertEqual(history.since(None, ALL, 1), records)

    def test_nonsense(self) -> None:
        """
        Bounds have to be greater than 0.
        """
        for bound in ({"events": 0}, {"bytes": 0}, {"age": 0.0}, {"events": -1}):
            with self.subTest(bound=bound), self.assertRaises(ValueError) as caught:
                MemoryHistory(**bound, clock=self.clock)
            self.assertIn(next(iter(bound)), str(caught.exception))


class NewestTests(SynchronousTestCase):
    """
    The end of the order.
    """

    def setUp(self) -> None:
        """
        A history that forgets after a minute.
        """
        self.clock = Clock()
        self.history = MemoryHistory(age=60, clock=self.clock)

    def test_empty(self) -> None:
        """
        Before the first publication there is a position to resume from.
        """
        before = self.history.tail(1).newest
        (record,) = fill(self.history, "a")

        self.assertLess(before.number, record.number)
        self.assertEqual(self.history.since(before.id, ALL, MANY), [record])

    def test_newest(self) -> None:
        """
        It is the position of the last event, with the ID that subscribers have seen.
        """
        fill(self.history, "a")
        (record,) = self.history.append([publication("b", event_id="mine")])

        self.assertEqual(self.history.tail(1).newest, (record.number, "mine"))

    def test_all_forgotten(self) -> None:
        """
        When everything is forgotten, the order keeps its end, and continues there.
        """
        fill(self.history, "a")
        self.history.append([publication("b", event_id="mine")])
        self.clock.advance(60)
        self.history.since(None, ALL, MANY)
        newest = self.history.tail(1).newest
        (record,) = fill(self.history, "c")

        self.assertEqual(newest.number, 2)
        self.assertEqual(self.history.since(newest.id, ALL, MANY), [record])


class SliceTests(SynchronousTestCase):
    """
    Many publications are matched slice by slice.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.history = MemoryHistory(events=5000, clock=self.clock)
        self.history.append([publication(str(number), f"b/{number}") for number in range(5000)])

    def find(self, selector: str, limit: int = MANY) -> Deferred[Sequence[Record]]:
        """
        Ask for what *selector* selects, which takes more than one slice.
        """
        found = self.history.since(None, Selection.of(selector), limit)
        assert isinstance(found, Deferred)
        return found

    def test_slices(self) -> None:
        """
        The reactor does other work between slices, and then all is found.
        """
        turns: list[object] = []
        found = self.find("b/{x:1}{+x}99").addCallback(lambda records: turns.append(1) or records)
        self.clock.callLater(0, turns.append, 0)
        self.clock.advance(0)

        self.assertEqual(turns, [0, 1])
        expected = [str(number) for number in range(99, 5000, 100)]
        self.assertEqual(data_of(self.successResultOf(found)), expected)

    def test_limit(self) -> None:
        """
        Matching ends when enough is found.
        """
        found = self.find("b/{x:1}{+x}99", 25)
        self.clock.advance(0)

        self.assertEqual(len(self.successResultOf(found)), 25)

    def test_forgotten_meanwhile(self) -> None:
        """
        What is forgotten or kept between slices changes nothing.
        """
        found = self.find("{+x}9")
        self.history.append([publication("x", "b/9") for _ in range(5000)])
        self.clock.pump([0, 0, 0])

        self.assertEqual(len(self.successResultOf(found)), 500)

    def test_few(self) -> None:
        """
        What one slice contains is found at once.
        """
        tail = self.history.tail(2000)
        found = self.history.since(tail.before.id, Selection.of("{+x}999"), MANY)

        self.assertEqual(data_of(found), ["3999", "4999"])
