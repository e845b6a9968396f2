"""
Lines in batches, and lines as publications.
"""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.batches import Batches, LineTooLong, NumberedLine
from twisted_sse.cli.lineparser import BadLine, LineParser

__all__ = ["BatchesTests", "LineParserTests"]


class BatchesTests(SynchronousTestCase):
    """
    Grouping lines.
    """

    def setUp(self) -> None:
        """
        Make an input that the test feeds.
        """
        self.clock = Clock()
        self.wanted: list[Deferred[bytes]] = []
        self.batches = Batches(self.read, self.clock)

    def read(self) -> Deferred[bytes]:
        """
        Return the next piece, which the test fires.
        """
        self.wanted.append(Deferred())
        return self.wanted[-1]

    def next(self) -> "Deferred[list[bytes]]":
        """
        Return the texts of the next batch.
        """
        batch = Deferred.fromCoroutine(self.batches.next())
        return batch.addCallback(lambda lines: [line.text for line in lines])

    def test_waits(self) -> None:
        """
        A batch is returned 0.2 seconds after its first line.
        """
        batch = self.next()
        self.clock.advance(10)
        self.wanted[0].callback(b"a\nb")
        self.clock.advance(0.19)
        self.assertNoResult(batch)

        self.clock.advance(0.02)

        self.assertEqual(self.successResultOf(batch), [b"a"])

    def test_full(self) -> None:
        """
        A batch of 500 lines is returned at once; the other lines follow in the next one.
        """
        batch = self.next()
        self.wanted[0].callback(b"a\n" * 501)

        self.assertEqual(len(self.successResultOf(batch)), 500)
        following = self.next()
        self.wanted[1].callback(b"")
        self.assertEqual(self.successResultOf(following), [b"a"])

    def test_large(self) -> None:
        """
        A batch has at most 256 KiB, or one line.
        """
        line = b"x" * 200_000
        batch = self.next()
        self.wanted[0].callback(line + b"\n" + line + b"\n" + b"y" * 300_000 + b"\n")
        batches = [self.successResultOf(batch)]
        batches += [self.successResultOf(self.next()) for _ in range(2)]

        self.assertEqual(
            [[len(one) for one in each] for each in batches], [[200000], [200000], [300000]]
        )

    def test_end(self) -> None:
        """
        A last line without a line end counts; after it the batches are empty.
        """
        batch = self.next()
        self.wanted[0].callback(b"a\r\n\nb")
        self.wanted[1].callback(b"")

        self.assertEqual(self.successResultOf(batch), [b"a", b"", b"b"])
        self.assertEqual(self.successResultOf(self.next()), [])

    def test_numbers(self) -> None:
        """
        Lines are counted from 1.
        """
        batch = Deferred.fromCoroutine(Batches(lambda: succeed(b"a\n" * 500), self.clock).next())

        numbers = [line.number for line in self.successResultOf(batch)]
        self.assertEqual(numbers, list(range(1, 501)))

    def test_too_long(self) -> None:
        """
        A line without an end raises LineTooLong, after the lines before it.
        """
        batch = self.next()
        self.wanted[0].callback(b"a\n" + b"x" * (17 * 1024 * 1024))

        self.assertEqual(self.successResultOf(batch), [b"a"])
        self.failureResultOf(self.next(), LineTooLong)

    def test_unreadable(self) -> None:
        """
        A read error is raised after the lines before it.
        """
        batch = self.next()
        self.wanted[0].callback(b"a\n")
        self.wanted[1].errback(OSError(5, "Input/output error"))

        self.assertEqual(self.successResultOf(batch), [b"a"])
        self.failureResultOf(self.next(), OSError)


class LineParserTests(SynchronousTestCase):
    """
    Parsing lines.
    """

    def test_plain(self) -> None:
        """
        A plain line is data, published with the options of the command line.
        """
        parser = LineParser(["a", "b"], "p-", event="k", retry=5, private=True)

        publication = parser.line(NumberedLine(7, "é".encode()))

        assert publication is not None
        self.assertEqual((publication.topics, publication.private), (("a", "b"), True))
        event = publication.event
        self.assertEqual((event.data, event.event, event.id, event.retry), ("é", "k", "p-7", 5))

    def test_ndjson(self) -> None:
        """
        An NDJSON line is an object; its missing topic and ID are filled in.
        """
        parser = LineParser(["a"], "p-", ndjson=True)

        mine = parser.line(NumberedLine(1, b'{"data":[1]}'))
        other = parser.line(NumberedLine(2, b'{"topic":"b","id":"x","private":true}'))

        assert mine is not None
        assert other is not None
        self.assertEqual((mine.topics, mine.event.id, mine.event.data), (("a",), "p-1", "[1]"))
        self.assertEqual((other.topics, other.event.id, other.private), (("b",), "x", True))
        self.assertIsNone(parser.line(NumberedLine(3, b"  ")))

    def test_bad(self) -> None:
        """
        A line that is not an event raises BadLine with its number.
        """
        cases = [b"{", b"[]", b"1", b'{"data":1,"x":1}', b'{"id":""}', b"[" * 100000, b"\xff"]
        for text in cases:
            with self.assertRaises(BadLine) as caught:
                LineParser(["a"], "p-", ndjson=True).line(NumberedLine(9, text))

            self.assertTrue(str(caught.exception).startswith("Line 9: "), caught.exception)
