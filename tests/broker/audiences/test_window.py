"""
The newest frames, kept in memory.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.orders import make_record
from twisted_sse.broker.audiences.window import Window
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record, Tail

__all__ = ["BoundTests", "WindowTests"]


def make_with_id(number: int, event_id: str) -> Record:
    """
    A record whose publisher chose the event ID.
    """
    event = ServerSentEvent("x", id=event_id)
    return Record(number, event_id, Publication(("a",), event))


class WindowTests(SynchronousTestCase):
    """
    What the window finds.
    """

    def setUp(self) -> None:
        """
        A window that holds three of five records, with gaps in their numbers.
        """
        self.window = Window(3, 1 << 20)
        self.window.start(Tail(Position(5, "start"), []))
        for number in (10, 20, 30, 40, 50):
            self.window.extend([make_record(number)])

    def test_head_and_floor(self) -> None:
        """
        The head is the newest record, the floor the newest that was evicted.
        """
        self.assertEqual(self.window.head, (50, "e-50"))
        self.assertEqual(self.window.floor, (20, "e-20"))
        self.assertEqual(len(self.window), 3)

    def test_covers(self) -> None:
        """
        The window covers every position from the floor on.
        """
        covered = [self.window.covers(number) for number in (5, 19, 20, 35, 50)]

        self.assertEqual(covered, [False, False, True, True, True])

    def test_following(self) -> None:
        """
        It finds the records after a number, whether or not a record has that number.
        """
        cases = {20: [30, 40, 50], 30: [40, 50], 31: [40, 50], 49: [50], 50: [], 99: []}
        for number, expected in cases.items():
            with self.subTest(number=number):
                found = [one.number for one in self.window.following(number)]
                self.assertEqual(found, expected)

    def test_number_of(self) -> None:
        """
        It knows the numbers of provider IDs that it holds.
        """
        ids = ("e-10", "e-20", "e-30", "e-50", "e-60", "")

        self.assertEqual(
            [self.window.number_of(one) for one in ids], [None, None, 30, 50, None, None]
        )

    def test_previous(self) -> None:
        """
        An entry knows the position right before its own.
        """
        self.assertEqual(
            [one.previous for one in self.window.following(20)],
            [(20, "e-20"), (30, "e-30"), (40, "e-40")],
        )

    def test_start(self) -> None:
        """
        A window that has just started covers its starting position.
        """
        window = Window(3, 1 << 20)
        window.start(Tail(Position(5, "start"), []))

        self.assertTrue(window.covers(5))
        self.assertEqual(list(window.following(5)), [])

    def test_publishers_ids(self) -> None:
        """
        Publishers' IDs are left to history, which knows whether they were used before.
        """
        window = Window(2, 1 << 20)
        for number, event_id in enumerate(["mine", "mine", "other"], 1):
            window.extend([make_with_id(number, event_id)])

        self.assertEqual([window.number_of(one) for one in ("mine", "other")], [None, None])
        self.assertEqual(window.head, (3, "other"))


class BoundTests(SynchronousTestCase):
    """
    What the window evicts.
    """

    def test_bytes(self) -> None:
        """
        The bytes of the frames are bounded.
        """
        window = Window(1000, 100_000)
        for number in range(1, 100):
            window.extend([make_record(number, data="x" * 10_000)])

        self.assertEqual(len(window), 9)

    def test_too_large(self) -> None:
        """
        A frame larger than the window is not kept, and moves the floor to the head.
        """
        window = Window(1000, 100)
        window.extend([make_record(1)])
        (entry,) = window.extend([make_record(2, data="x" * 200)])

        self.assertEqual((len(window), window.floor), (0, window.head))
        self.assertTrue(entry.frame.endswith(b"\n\n"))
        window.extend([make_record(3)])
        self.assertEqual([one.number for one in window.following(2)], [3])

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.integers(1, 40), st.lists(st.integers(1, 3), min_size=1, max_size=120))
    def test_like_a_list(self, bound: int, steps: list[int]) -> None:
        """
        It always holds the same records as the end of a list.
        """
        window = Window(bound, 1 << 30)
        numbers: list[int] = []
        for step in steps:
            numbers.append((numbers[-1] if numbers else 0) + step)
            window.extend([make_record(numbers[-1])])
            newest = numbers[-bound:]
            self.assertEqual(len(window), len(newest))
            for number in range(window.floor.number, numbers[-1] + 1):
                expected = [one for one in newest if one > number]
                self.assertEqual([one.number for one in window.following(number)], expected)
