"""
Publishing lines, some of which are bad.
"""

import io
from collections.abc import Iterable, Sequence
from typing import cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.batches import Batches
from twisted_sse.cli.delivery import Delivery
from twisted_sse.cli.lineparser import LineParser
from twisted_sse.cli.linepublisher import LinePublisher
from twisted_sse.cli.running import CommandFailed
from twisted_sse.cli.tally import Tally
from twisted_sse.cli.terminal import console_for
from twisted_sse.client import Publisher
from twisted_sse.errors import NotSent, UnexpectedStatus
from twisted_sse.events.publication import Publication, Receipt

__all__ = ["BadLineTests"]


class _Picky(Publisher):
    """
    A hub that refuses whole requests for one of their events, such as ``400``.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__("http://hub.example/events", reactor=clock)
        self.kept: list[str | None] = []

    async def publish(self, publications: Sequence[Publication]) -> list[Receipt]:
        """
        See `Publisher.publish`.
        """
        data = [one.event.data or "" for one in publications]
        if "gone" in data:
            raise NotSent("Nobody is there.")
        for one in data:
            if one.isdigit():
                raise UnexpectedStatus(f"The server answered {one}.", int(one))
        self.kept += data
        return []

    async def was_kept(self, publication_id: str, topics: Iterable[str]) -> bool:
        """
        See `Publisher.was_kept`.
        """
        return False


class BadLineTests(SynchronousTestCase):
    """
    Lines that cannot be published.
    """

    def publish(self, text: bytes, skip_bad: bool) -> "Deferred[None]":
        """
        Publish the lines of *text*.
        """
        clock, self.err = Clock(), io.StringIO()
        console = console_for(self.err)
        self.hub = _Picky(clock)
        delivery = Delivery(self.hub, clock, console.say, prefix="p-", give_up=0.0, timeout=30.0)
        self.tally = Tally(console, None, clock)
        lines = LinePublisher(
            delivery, LineParser(["a"], "p-"), self.tally, console, skip_bad=skip_bad
        )
        pieces = [text[at : at + 65536] for at in range(0, len(text), 65536)] + [b""]
        batches = Batches(lambda: succeed(pieces.pop(0)), clock, lines.skip if skip_bad else None)
        publishing = Deferred.fromCoroutine(lines.publish(batches))
        clock.pump([0.1] * 50)
        self.tally.end()
        return publishing

    def test_skipped(self) -> None:
        """
        Every bad line is skipped, whoever refuses it, and named; the others are kept in
        order.
        """
        text = b"1\xff\none\n400\ntwo\n413\n422\nthree\n" + b"x" * 17_000_000 + b"\nfour"
        self.successResultOf(self.publish(text, True))

        self.assertEqual(self.hub.kept, ["one", "two", "three", "four"])
        said = self.err.getvalue()
        for number, reason in (
            *((1, "it is not UTF-8."), (3, "The server answered 400.")),
            *((5, "The server answered 413."), (6, "The server answered 422.")),
        ):
            self.assertIn(f"Line {number}: {reason} This line was not published.\n", said)
        self.assertIn("Line 8 is longer than 16 MiB. This line was not published.\n", said)
        self.assertIn("Published 4 events", said)
        self.assertIn("5 lines were not published.\n", said)
        self.assertEqual(self.tally.skipped, 5)

    def test_last_too_long(self) -> None:
        """
        A line that is too long may be the last one, without a line end.
        """
        for end in (b"", b"\n"):
            self.successResultOf(self.publish(b"one\n" + b"x" * 17_000_000 + end, True))

            self.assertEqual((self.hub.kept, self.tally.skipped), (["one"], 1))

    def test_stopped(self) -> None:
        """
        Without --skip-bad the first bad line ends it, and the sentence is exact.
        """
        for text, kept, words in (
            (b"one\n\xff\ntwo\n", ["one"], "Line 2: it is not UTF-8. That line and all"),
            (b"one\n413\ntwo\n", ["one"], "Line 2 was refused. The server answered 413. No line"),
            (b"one\n400\ntwo\n", [], "The batch of lines 1 to 3 was refused. The server"),
        ):
            failure = self.failureResultOf(self.publish(text, False), CommandFailed)

            self.assertEqual(self.hub.kept, kept)
            self.assertIn(words, str(failure.value))

    def test_not_a_line(self) -> None:
        """
        A refusal of the whole program, or an absent hub, is not skipped.
        """
        for text, words in (
            (b"one\n401\n", "The batch of lines 1 to 2 was refused. The server answered 401. No"),
            (b"one\ngone\n", "The batch of lines 1 to 2 was not published. Nobody is there. No"),
        ):
            failure = self.failureResultOf(self.publish(text, True), CommandFailed)

            self.assertIn(words, str(failure.value))
            self.assertEqual(cast(CommandFailed, failure.value).status, 2 if b"4" in text else 3)
