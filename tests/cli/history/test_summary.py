"""
What ``twisted-sse history`` shows.
"""

import json
from io import StringIO

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.history.count import EventCount
from twisted_sse.cli.history.summary import summary_json, summary_table
from twisted_sse.cli.terminal import console_for
from twisted_sse.events.holdings import Holdings, StoredPosition

__all__ = ["CountTests", "SummaryTests"]

_HOLDINGS = Holdings(
    *(12345, 6789, 2, StoredPosition("e-1", 0.0), StoredPosition("e-9")),
    {"events": 100, "bytes": 1 << 30, "age": 0.5},
)


class SummaryTests(SynchronousTestCase):
    """
    The table, and JSON.
    """

    def table(self, holdings: Holdings) -> list[str]:
        """
        Return the lines of the table.
        """
        return [line.text for line in summary_table(holdings, 10, 7200.0)]

    def test_table(self) -> None:
        """
        Each thing has a line.
        """
        self.assertEqual(
            self.table(_HOLDINGS),
            [
                "events   12,345",
                "bytes    6,789",
                "topics   2",
                "oldest   e-1, 1970-01-01 00:00:00 UTC, 2 hours ago",
                "newest   e-9",
                "bounds   events=100,bytes=1073741824,age=0.5, if a hub has the same --history",
            ],
        )

    def test_unknown(self) -> None:
        """
        What is unknown is left out, and topics that were not counted are many.
        """
        self.assertEqual(self.table(Holdings(topics=11)), ["topics   more than 10"])
        self.assertEqual(json.loads(summary_json(Holdings(3, topics=11), 10)), {"events": 3})

    def test_json(self) -> None:
        """
        JSON has the same, as numbers and dates for programs.
        """
        self.assertEqual(
            json.loads(summary_json(_HOLDINGS, 10)),
            {
                **{"events": 12345, "bytes": 6789, "topics": 2},
                "oldest": {"id": "e-1", "time": "1970-01-01T00:00:00.000Z"},
                "newest": {"id": "e-9"},
                "bounds": {"events": 100, "bytes": 1 << 30, "age": 0.5},
            },
        )


class _Terminal(StringIO):
    def isatty(self) -> bool:
        """
        See `io.IOBase.isatty`.
        """
        return True


class CountTests(SynchronousTestCase):
    """
    `EventCount`.
    """

    def test_bar(self) -> None:
        """
        A terminal shows progress at most ten times in a second, and then nothing.
        """
        clock, terminal = Clock(), _Terminal()
        count = EventCount(console_for(terminal, {"TERM": "dumb"}), clock, 100)
        for _ in range(100):
            count.add(1)
            clock.advance(0.01)

        self.assertLess(terminal.getvalue().count("a second"), 12)
        self.assertEqual(count.end(), "100 events in 1.0 seconds, 100 a second")
        self.assertTrue(terminal.getvalue().endswith(" \r"))

    def test_one(self) -> None:
        """
        One event is not "events", and without a terminal nothing is drawn.
        """
        clock, err = Clock(), StringIO()
        count = EventCount(console_for(err), clock, None)
        count.add(1, 500)
        clock.advance(2.0)

        self.assertEqual(count.end(), "1 event in 2.0 seconds, 0 a second")
        self.assertEqual(err.getvalue(), "")
