"""
The position of an edge, and how it notices that the order is another one.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.history.upstream.cursor import Cursor

__all__ = ["CursorTests"]


def record(number: int, event_id: str | None = None) -> Record:
    """
    Make a record; *event_id* is its publisher's.
    """
    publication = Publication(("a",), ServerSentEvent("x", id=event_id))
    return Record(number, event_id or f"e-{number}", publication)


def note(newest: int, number: int | None = None) -> dict[str, object]:
    """
    Make the note of upstream's `stream-open`.
    """
    known = {} if number is None else {"number": number}
    return {**known, "newest": {"number": newest, "id": f"e-{newest}"}}


class CursorTests(SynchronousTestCase):
    """
    An edge that has taken event 9.
    """

    def setUp(self) -> None:
        """
        Make its cursor.
        """
        self.cursor = Cursor(Position(9, "mine"))

    def test_goes_on(self) -> None:
        """
        Later events are new, with or without gaps between numbers.
        """
        for opening in (note(9, 9), note(12, 9), note(9), note(12)):
            cursor = Cursor(Position(9, "mine"))
            cursor.open(opening)

            self.assertEqual([cursor.take(record(number)) for number in (10, 15, 16)], [True] * 3)
            self.assertEqual(cursor.last, Position(16, "e-16"))

    def test_same_id_twice(self) -> None:
        """
        If the ID was used before, the stream begins there; known events are skipped.
        """
        for opening in (note(11, 5), note(11)):
            cursor = Cursor(Position(9, "mine"))
            cursor.open(opening)
            events = [record(6), record(7), record(8), record(9, "mine"), record(10), record(11)]

            new = [cursor.take(event) for event in events]
            self.assertEqual(new, [False] * 4 + [True] * 2)

    def test_shorter_order(self) -> None:
        """
        An order with a lower newest number is another one.
        """
        self.assertRaises(UnknownEventID, self.cursor.open, note(8, 3))

    def test_other_event(self) -> None:
        """
        An order with another event at the position is another one.
        """
        self.cursor.open(note(20, 3))
        self.assertFalse(self.cursor.take(record(8)))

        self.assertRaises(UnknownEventID, self.cursor.take, record(9))

    def test_nothing_there(self) -> None:
        """
        An order without an event at the position is another one.
        """
        for opening in (note(20, 3), note(20)):
            cursor = Cursor(Position(9, "mine"))
            cursor.open(opening)
            cursor.take(record(8))

            self.assertRaises(UnknownEventID, cursor.take, record(10))

    def test_repeated(self) -> None:
        """
        The same number never comes with another ID.
        """
        self.cursor.open(note(9, 9))
        self.assertFalse(self.cursor.take(record(9, "mine")))

        self.assertRaises(UnknownEventID, self.cursor.take, record(9, "other"))

    def test_resume(self) -> None:
        """
        The stream resumes from the newest ID that a request can hold.
        """
        self.assertEqual(self.cursor.resume, "mine")
        for number, event_id in ((10, "é"), (11, "x" * 20_000), (12, " blank"), (13, "é" * 3000)):
            self.assertTrue(self.cursor.take(record(number, event_id)))
        self.assertEqual((self.cursor.resume, self.cursor.last.number), ("é", 13))

        known = [Position(7, "e-7"), Position(8, "x" * 20_000)]
        self.assertEqual(Cursor(known[1], known).resume, "e-7")
        self.assertIsNone(Cursor(known[1]).resume)

    def test_no_note(self) -> None:
        """
        A note without the newest position is refused.
        """
        for opening in ({}, {"newest": 3}, {"number": 9}):
            self.assertRaises(ValueError, self.cursor.open, opening)
