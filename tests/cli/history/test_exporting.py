"""
Exporting a history, and finding what it holds by reading it.
"""

import json
import os
from io import StringIO
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_sse.cli.history.count import EventCount
from twisted_sse.cli.history.exporting import FileTarget, Losses, OutputTarget, export
from twisted_sse.cli.history.survey import MOST_TOPICS, Survey
from twisted_sse.cli.running import CommandFailed
from twisted_sse.cli.terminal import console_for
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.holdings import Holdings, StoredPage, StoredPosition, StoredRecord
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history import MemoryHistory
from twisted_sse.history.reading import ProviderReader
from twisted_sse.interfaces import IHistoryReader

__all__ = ["ExportTests", "FileTests", "SurveyTests"]


def stored(data: str, number: int = 1, topics: tuple[str, ...] = ("a",)) -> StoredRecord:
    """
    Make a record that was kept *number* seconds after 1970.
    """
    publication = Publication(topics, ServerSentEvent(data))
    return StoredRecord(Record(number, f"e-{number}", publication), float(number))


@implementer(IHistoryReader)
class _Pages:
    """
    A reader of pages; of one that is ``None`` only at the second attempt.
    """

    def __init__(self, *pages: StoredPage | None) -> None:
        self._pages = list(pages)

    def describe(self) -> Holdings:
        """
        See `IHistoryReader.describe`.
        """
        return Holdings()

    def read(self, cursor: str | None, limit: int) -> StoredPage:
        """
        See `IHistoryReader.read`.
        """
        page = self._pages.pop(0)
        if page is None:
            raise HistoryUnavailable("It is away.")
        return page


class ExportTests(SynchronousTestCase):
    """
    `export` to standard output.
    """

    def setUp(self) -> None:
        """
        Make an output.
        """
        self.clock, self.out = Clock(), StringIO()
        self.count = EventCount(console_for(StringIO()), self.clock, None)

    def start(self, *pages: StoredPage | None) -> "Deferred[Losses]":
        """
        Export *pages*.
        """
        target = OutputTarget(console_for(self.out))
        return Deferred.fromCoroutine(export(_Pages(*pages), target, self.count, self.clock))

    def test_lines(self) -> None:
        """
        Each publication is a line, on all pages.
        """
        exporting = self.start(
            StoredPage([stored("1"), stored("2")], "more"), StoredPage([stored("3")], None)
        )

        losses = self.successResultOf(exporting)
        lines = [json.loads(line)["data"] for line in self.out.getvalue().splitlines()]
        self.assertEqual(lines, ["1", "2", "3"])
        self.assertEqual((losses.lost, losses.unreadable, self.count.events), (False, 0, 3))

    def test_losses(self) -> None:
        """
        What is missing is told at the end.
        """
        exporting = self.start(
            StoredPage([], "x", unreadable=1), StoredPage([], None, lost=True, unreadable=2)
        )

        losses = self.successResultOf(exporting)
        err = StringIO()
        losses.say(console_for(err))
        self.assertEqual(
            err.getvalue(),
            "Some events are missing: the store forgot them before they were read.\n"
            "3 entries of the store could not be read.\n",
        )

    def test_away(self) -> None:
        """
        A store that is away is read again, and after some seconds given up.
        """
        exporting = self.start(None, StoredPage([stored("1")], None))
        self.assertNoResult(exporting)
        self.clock.advance(0.1)
        self.successResultOf(exporting)

        exporting = self.start(*[None] * 100)
        self.clock.pump([0.1] * 60)
        self.failureResultOf(exporting, HistoryUnavailable)

    def test_control_characters(self) -> None:
        """
        Characters that a terminal obeys are escaped as JSON escapes them.
        """
        self.successResultOf(self.start(StoredPage([stored("\x1b[2J\u202e")], None)))

        self.assertTrue(self.out.getvalue().isprintable() or self.out.getvalue().isascii())
        self.assertEqual(json.loads(self.out.getvalue())["data"], "\x1b[2J\u202e")


class FileTests(SynchronousTestCase):
    """
    `FileTarget`.
    """

    def setUp(self) -> None:
        """
        Make a directory.
        """
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.path = self.home / "a.ndjson"

    def test_finished(self) -> None:
        """
        A file that is finished has all lines, in UTF-8, and only its owner may read it.
        """
        target = FileTarget(str(self.path))
        self.successResultOf(Deferred.fromCoroutine(target.write(["é", "b"])))
        self.assertFalse(self.path.exists())
        target.finish()
        target.abandon()

        self.assertEqual(self.path.read_text(encoding="utf-8"), "é\nb\n")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.home), ["a.ndjson"])

    def test_abandoned(self) -> None:
        """
        Of a file that is not finished nothing is left.
        """
        target = FileTarget(str(self.path))
        self.successResultOf(Deferred.fromCoroutine(target.write(["a"])))
        target.abandon()

        self.assertEqual(os.listdir(self.home), [])

    def test_refused(self) -> None:
        """
        A file in a directory that does not exist is refused in a sentence.
        """
        with self.assertRaisesRegex(CommandFailed, "cannot be written: No such file or directory."):
            FileTarget(str(self.home / "none" / "a"))


class SurveyTests(SynchronousTestCase):
    """
    `Survey`.
    """

    def survey(self, reader: IHistoryReader) -> Survey:
        """
        Read everything.
        """
        survey, clock = Survey(), Clock()
        count = EventCount(console_for(StringIO()), clock, None)
        self.successResultOf(Deferred.fromCoroutine(survey.read(reader, count, clock)))
        return survey

    def test_counts(self) -> None:
        """
        It counts events, bytes and different topics, and finds the oldest and the newest.
        """
        pages = [
            StoredPage([stored("x", 1, ("a", "é"))], "more"),
            StoredPage([stored("yy", 2, ("b",)), stored("z", 3)], None),
        ]

        found = self.survey(_Pages(*pages)).complete(Holdings())

        self.assertEqual(
            found, Holdings(3, 9, 3, StoredPosition("e-1", 1.0), StoredPosition("e-3", 3.0))
        )

    def test_told(self) -> None:
        """
        What the store tells counts.
        """
        told = Holdings(7, 8, None, StoredPosition("o"), StoredPosition("n"), {"events": 9})

        found = self.survey(_Pages(StoredPage([stored("x")], None))).complete(told)

        self.assertEqual(found, told._replace(topics=1))

    def test_many_topics(self) -> None:
        """
        Topics are counted up to a bound.
        """
        topics = [
            tuple(f"t{one}" for one in range(at, at + 1000)) for at in range(0, 200_000, 1000)
        ]
        page = StoredPage([stored("x", topics=one) for one in topics], None)

        found = self.survey(_Pages(page)).complete(Holdings())

        self.assertEqual(found.topics, MOST_TOPICS + 1)

    def test_provider(self) -> None:
        """
        It surveys any provider.
        """
        history = MemoryHistory(clock=Clock())
        history.append([Publication((f"t{one % 3}",), ServerSentEvent("x")) for one in range(600)])

        found = self.survey(ProviderReader(history)).complete(Holdings())

        self.assertEqual((found.events, found.bytes, found.topics), (600, 1800, 3))
