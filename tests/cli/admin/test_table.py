"""
Connections and numbers as lines.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.admin.table import (
    connection_lines,
    number_line,
    number_lines,
    run_lines,
)

__all__ = ["ConnectionTests", "NumberTests", "RunTests"]


def row(**changes: Any) -> dict[str, Any]:
    """
    Make a connection as the hub tells it.
    """
    return {
        "id": "a-1",
        "user": None,
        "address": "192.0.2.7",
        "protocol": "HTTP/2",
        "topics": ["news"],
        "topic_count": 1,
        "seconds": 12.3,
        "state": "live",
        "lag": 0,
        "events": 1690,
        "bytes": 634,
        **changes,
    }


class ConnectionTests(SynchronousTestCase):
    """
    The table of connections.
    """

    def texts(self, *rows: dict[str, Any]) -> list[str]:
        """
        Return the lines.
        """
        return [line.text for line in connection_lines(rows)]

    def test_aligned(self) -> None:
        """
        Columns are as wide as their widest cell, and numbers are at the right.
        """
        texts = self.texts(
            row(user="ada", seconds=4000, bytes=523110, lag=12, state="blocked"), row()
        )

        self.assertEqual(
            texts,
            [
                "user  address    topics  protocol   age  state    lag  events    bytes",
                "ada   192.0.2.7  news    HTTP/2     1 h  blocked   12   1,690  511 KiB",
                "-     192.0.2.7  news    HTTP/2    12 s  live       0   1,690    634 B",
            ],
        )

    def test_long(self) -> None:
        """
        Long cells are cut, and topics that the hub leaves out are counted.
        """
        (_, line) = self.texts(row(topics=["x" * 60], user="u" * 60))
        (_, several) = self.texts(row(topics=["a", "b"], topic_count=9))

        self.assertIn(f"{'x' * 39}…", line)
        self.assertIn(f"{'u' * 23}…", line)
        self.assertIn("a, b and 7 more", several)

    def test_escaped(self) -> None:
        """
        What comes from clients cannot move the cursor, in a pipe either.
        """
        (_, line) = self.texts(row(user="\x1b[2J", topics=["a\nb"]))

        self.assertIn(r"\x1b[2J", line)
        self.assertNotIn("\x1b", line)

    def test_empty(self) -> None:
        """
        Without connections there is a line of heads.
        """
        self.assertEqual(len(self.texts()), 1)

    def test_marked(self) -> None:
        """
        Readers that are behind are marked.
        """
        (_, line) = connection_lines([row(state="blocked")])

        self.assertEqual([span.style for span in line.spans], ["", "problem", ""])


class NumberTests(SynchronousTestCase):
    """
    The numbers of one second.
    """

    POINT: dict[str, Any] = {
        "connections": 10812,
        "opened": 3,
        "closed": 0.5,
        "lagging": 4,
        "largest_lag": 1200,
        "published": 25.0,
        "delivered": 20300.2,
        "bytes": 4 * 1024 * 1024,
        "latency_p50": 0.0012,
        "latency_p99": 1.25,
        "processes": 2,
        "cpu": 0.314,
        "memory": 3 * 1024**3,
        "stall_p99": None,
        "history_events": None,
    }

    def test_line(self) -> None:
        """
        Everything is on one line; what is unknown is no number.
        """
        self.assertEqual(
            number_line(self.POINT).text,
            "connections 10,812, opened/s 3, closed/s 0.5, behind 4, lag 1,200, "
            "published/s 25, delivered/s 20,300, sent/s 4 MiB, write 50 % 1.2 ms, 99 % 1.2 s, "
            "processes 2, cpu 31%, memory 3.0 GiB, stalls 99 % -, history ?",
        )

    def test_lines(self) -> None:
        """
        On a screen they are three lines.
        """
        texts = [line.text for line in number_lines(self.POINT)]

        self.assertEqual(len(texts), 3)
        self.assertTrue(texts[0].startswith("connections 10,812"), texts[0])


class RunTests(SynchronousTestCase):
    """
    The table of runs.
    """

    def test_aligned(self) -> None:
        """
        What only the node of the source knows is a dash elsewhere; names are made harmless.
        """
        run = {"name": "a", "user": "ada", "seconds": 5, "state": "running", "readers": 2}
        here = {**run, "here": True, "events": 1690, "bytes": 523110}
        there = {**run, "name": "b\x1b[1m", "here": False, "events": None, "bytes": None}
        over = {**there, "name": "c", "user": None, "state": "failed", "readers": 0}

        texts = [line.text for line in run_lines([here, there, over])]

        self.assertNotIn("\x1b", "".join(texts))
        rows = [text.split() for text in texts]
        self.assertEqual(rows[0][:4], ["name", "user", "age", "state"])
        self.assertEqual(
            rows[1], ["a", "ada", "5", "s", "running", "2", "1,690", "511", "KiB", "this", "hub"]
        )
        self.assertEqual(rows[2][1:], ["ada", "5", "s", "running", "2", "-", "-", "another", "hub"])
        self.assertEqual(rows[3], ["c", "-", "5", "s", "failed", "0", "-", "-", "-"])
