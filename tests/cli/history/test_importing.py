"""
Importing lines into a history.
"""

from collections.abc import Sequence
from io import StringIO

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory
from twisted_sse.cli.batches import Batches
from twisted_sse.cli.history.count import EventCount
from twisted_sse.cli.history.importing import import_lines
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.cli.terminal import console_for
from twisted_sse.errors import PerhapsKept
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history import MemoryHistory

__all__ = ["ImportTests"]


class _Doubtful(MemoryHistory):
    """
    A history that does not know whether it keeps a batch with ``doubt``.
    """

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IHistoryProvider.append`.
        """
        if any(one.event.data == "doubt" for one in publications):
            raise PerhapsKept("The connection was lost.")
        return super().append(publications)


class ImportTests(SynchronousTestCase):
    """
    `import_lines`.
    """

    def setUp(self) -> None:
        """
        Make a history that may be away.
        """
        self.clock = Clock()
        self.memory = _Doubtful(clock=self.clock)
        self.history = AbsentHistory(self.memory, away=False)

    def start(self, *pieces: bytes) -> "Deferred[None]":
        """
        Import the lines of *pieces*.
        """
        left = [*pieces, b""]
        batches = Batches(lambda: succeed(left.pop(0)), self.clock)
        self.count = EventCount(console_for(StringIO()), self.clock, None)
        return Deferred.fromCoroutine(import_lines(self.history, batches, self.count, self.clock))

    def kept(self) -> list[tuple[str | None, str | None]]:
        """
        Return ID and data of everything that is kept.
        """
        events = [one.publication.event for one in self.memory.tail(10_000).kept]
        return [(one.id, one.data) for one in events]

    def failed(self, importing: "Deferred[None]") -> tuple[Status, str]:
        """
        Return how *importing* has failed.
        """
        error = self.failureResultOf(importing, CommandFailed).value
        return error.status, str(error)

    def test_all(self) -> None:
        """
        Every line is kept in order; publishers' IDs stay, and empty lines are skipped.
        """
        lines = (
            b'{"topic":"a","data":"1","id":"own"}\n\n{"topic":["a"],"data":"2","event_id":"e-7"}'
        )
        importing = self.start(lines[:20], lines[20:])

        self.successResultOf(importing)
        self.assertEqual(self.kept(), [("own", "1"), (None, "2")])
        self.assertEqual(self.count.events, 2)

    def test_batches(self) -> None:
        """
        Many lines are kept in several batches.
        """
        line = b'{"topic":"a","data":"x"}\n'

        self.successResultOf(self.start(line * 1234))

        self.assertEqual(len(self.kept()), 1234)

    def test_bad_line(self) -> None:
        """
        A bad line ends the import: all lines before it are kept, and none after it.
        """
        importing = self.start(b'{"topic":"a","data":"1"}\n{"topic":7}\n{"topic":"a","data":"3"}\n')

        status, sentence = self.failed(importing)
        self.assertEqual(status, Status.REFUSED)
        self.assertEqual(
            sentence,
            "Line 2: 'topic' must be a string or an array of strings."
            " That line and all lines after it were not imported.",
        )
        self.assertEqual(self.kept(), [(None, "1")])

    def test_long_line(self) -> None:
        """
        A line that is too long is a bad line.
        """
        status, sentence = self.failed(self.start(b"x" * (17 * 1024 * 1024)))

        self.assertEqual(status, Status.REFUSED)
        self.assertIn("Line 1 is longer than 16 MiB. That line and all lines after", sentence)

    def test_away(self) -> None:
        """
        A store that is away for a moment is waited for, and one that stays away is told.
        """
        self.history.away = True
        importing = self.start(b'{"topic":"a","data":"1"}\n')
        self.clock.pump([0.1] * 10)
        self.assertNoResult(importing)
        self.history.away = False
        self.clock.advance(0.1)
        self.successResultOf(importing)

        self.history.away = True
        importing = self.start(b'{"topic":"a","data":"2"}\n')
        self.clock.pump([0.1] * 60)
        status, sentence = self.failed(importing)
        self.assertEqual(status, Status.UNREACHABLE)
        self.assertIn("Nothing was imported.", sentence)
        self.assertEqual(self.kept(), [(None, "1")])

    def test_doubt(self) -> None:
        """
        Lines that may have been kept are named, and not tried again.
        """
        importing = self.start(b'{"topic":"a","data":"1"}\n{"topic":"a","data":"doubt"}\n')

        status, sentence = self.failed(importing)
        self.assertEqual(status, Status.UNCERTAIN)
        self.assertEqual(
            sentence,
            "The batch of lines 1 to 2 may have been imported. The connection was lost."
            " No line after that was.",
        )
