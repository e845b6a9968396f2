"""
Kept publications as lines of JSON.
"""

import json

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.batches import NumberedLine
from twisted_sse.cli.history.lines import as_line, from_line, utc
from twisted_sse.cli.lineparser import BadLine
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.holdings import StoredRecord
from twisted_sse.events.publication import Publication, Record
from twisted_sse.events.runrecord import beginning

__all__ = ["BadLineTests", "LineTests"]


class LineTests(SynchronousTestCase):
    """
    Lines that are written and read.
    """

    PUBLICATIONS = [
        Publication(("a",), ServerSentEvent("x")),
        Publication(("a", "é"), ServerSentEvent("")),
        Publication(("a",), ServerSentEvent('a\nb\0\u2028"\U0001f600'), private=True),
        Publication(("a",), ServerSentEvent(None, comment="")),
        Publication.ending(["a", "b"], "failed", private=True),
        Publication.ending("a", "done", ServerSentEvent("bye", id="own")),
        beginning("a", True),
        Publication(("a",), ServerSentEvent("null", event="t", id="own", retry=0, comment="b")),
    ]

    def test_round_trip(self) -> None:
        """
        A publication is read as it was written, without the ID that history has made.
        """
        for one in self.PUBLICATIONS:
            with self.subTest(publication=one):
                line = as_line(StoredRecord(Record(7, one.event.id or "e-7", one), 1.5))
                self.assertEqual(from_line(NumberedLine(1, line.encode())), one)

    def test_written(self) -> None:
        """
        A line has what is known, and what is not the default.
        """
        publication = Publication(("a",), ServerSentEvent("x", id="own"), private=True)

        self.assertEqual(
            json.loads(as_line(StoredRecord(Record(7, "own", publication), 1.5))),
            {
                **{"topic": ["a"], "data": "x", "id": "own", "private": True},
                **{"event_id": "own", "time": "1970-01-01T00:00:01.500Z"},
            },
        )
        self.assertEqual(
            json.loads(as_line(StoredRecord(Record(1, "e-1", self.PUBLICATIONS[0])))),
            {"topic": ["a"], "data": "x", "event_id": "e-1"},
        )

    def test_published(self) -> None:
        """
        What publishers send is read as well: one topic as a string, and data that is JSON.
        """
        self.assertEqual(
            from_line(NumberedLine(1, b'{"topic": "a", "data": {"n": 1}, "event": "t"}')),
            Publication(("a",), ServerSentEvent('{"n": 1}', event="t")),
        )
        self.assertIsNone(from_line(NumberedLine(1, b"  ")))

    def test_dates(self) -> None:
        """
        A date that no calendar has is unknown.
        """
        self.assertEqual(utc(0.0), "1970-01-01T00:00:00.000Z")
        for seconds in (None, float("inf"), float("nan"), 1e18):
            self.assertIsNone(utc(seconds))


class BadLineTests(SynchronousTestCase):
    """
    Lines that cannot be read.
    """

    CASES = [
        (b"\xff", "it is not UTF-8."),
        (b"{", "it is not JSON: "),
        (b"[" * 100_000, "this JSON is nested too deeply."),
        (b"[1]", "Write an object such as"),
        (b'{"topic": ["a"], "dta": "x"}', "Unknown key 'dta'; the known keys are comment, data"),
        (b'{"data": "x"}', "topic"),
        (b'{"topic": 7, "data": "x"}', "'topic' must be a string or an array of strings."),
        (b'{"topic": ["a", 7], "data": "x"}', "'topic' must be a string or an array of strings."),
        (b'{"topic": ["a"]}', ""),
        (b'{"topic": ["a"], "data": "x", "id": 7}', ""),
        (b'{"topic": ["a"], "data": "x", "id": "a\\nb"}', ""),
        (b'{"topic": ["a"], "data": "x", "retry": -1}', ""),
        (b'{"topic": ["a"], "data": "x", "private": "yes"}', "private is 'yes'"),
        (b'{"topic": ["a"], "data": "x", "event": "stream-open"}', "reserved for the hub"),
        (b'{"topic": ["*"], "data": "x"}', ""),
    ]

    def test_refused(self) -> None:
        """
        The sentence names the line.
        """
        for text, sentence in self.CASES:
            with self.subTest(text=text[:60]):
                with self.assertRaises(BadLine) as caught:
                    from_line(NumberedLine(12, text))
                self.assertTrue(str(caught.exception).startswith("Line 12: "))
                self.assertIn(sentence, str(caught.exception))
                self.assertTrue(str(caught.exception).endswith("."))
