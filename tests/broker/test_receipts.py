"""
Requests that are repeated, and the memory of what became of them.
"""

from collections.abc import Sequence

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.receipts import KeyReused, PublishOutcome, Receipts, RepeatKey
from twisted_sse.errors import (
    HistoryUnavailable,
    HubClosed,
    PerhapsKept,
    TooManyPublications,
)
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Published, Record

__all__ = ["AskingTests", "BoundTests", "FailureTests", "RepeatTests"]

KEY = RepeatKey(b"key", b"body")


def published(number: int = 1, event_id: str = "") -> list[Published]:
    """
    The result of submitting one publication.
    """
    publication = Publication(("a",), ServerSentEvent("x"))
    return [(Record(number, event_id or str(number), publication), 7)]


class Submissions:
    """
    Counts submissions, and answers them when told.
    """

    def __init__(self) -> None:
        self.waiting: list[Deferred[list[Published]]] = []

    def submit(self) -> Deferred[list[Published]]:
        """
        Submit.
        """
        self.waiting.append(Deferred())
        return self.waiting[-1]


class RepeatTests(SynchronousTestCase):
    """
    A request is submitted once.
    """

    def setUp(self) -> None:
        """
        Remember nothing.
        """
        self.receipts = Receipts()
        self.submissions = Submissions()

    def test_after(self) -> None:
        """
        A repeat has the outcome of the first request.
        """
        first = self.receipts.once(KEY, self.submissions.submit)
        self.submissions.waiting[0].callback(published())
        second = self.receipts.once(KEY, self.submissions.submit)

        self.assertEqual(self.successResultOf(first), published())
        self.assertEqual(self.successResultOf(second), [(Position(1, "1"), 7)])
        self.assertEqual(len(self.submissions.waiting), 1)

    def test_meanwhile(self) -> None:
        """
        A repeat that comes before the outcome waits for it.
        """
        both = [self.receipts.once(KEY, self.submissions.submit) for _ in range(2)]
        for each in both:
            self.assertNoResult(each)
        self.submissions.waiting[0].callback(published())

        self.assertEqual([self.successResultOf(each)[0][0].id for each in both], ["1", "1"])
        self.assertEqual(len(self.submissions.waiting), 1)

    def test_other_key(self) -> None:
        """
        Another key is another request, whatever its body.
        """
        for key in (KEY, RepeatKey(b"other", b"body")):
            self.receipts.once(key, self.submissions.submit)

        self.assertEqual(len(self.submissions.waiting), 2)

    def test_other_body(self) -> None:
        """
        The same key with another body is refused, before the outcome and after it.
        """
        other = RepeatKey(b"key", b"other")
        self.receipts.once(KEY, self.submissions.submit)
        with self.assertRaises(KeyReused):
            self.receipts.once(other, self.submissions.submit)
        self.submissions.waiting[0].callback(published())
        with self.assertRaises(KeyReused):
            self.receipts.once(other, self.submissions.submit)

        self.assertEqual(len(self.submissions.waiting), 1)


class AskingTests(SynchronousTestCase):
    """
    Another process may have submitted a request before.
    """

    def setUp(self) -> None:
        """
        Remember nothing, and know that there are others.
        """
        self.receipts = Receipts(asks_first=lambda: True)
        self.submissions = Submissions()

    def test_kept(self) -> None:
        """
        What history has is not submitted again, and is remembered.
        """
        found: list[PublishOutcome] = [(Position(3, "own"), 0)]
        outcomes = [
            self.successResultOf(self.receipts.once(KEY, self.submissions.submit, find))
            for find in (lambda: succeed(found), None)
        ]

        self.assertEqual(outcomes, [found, found])
        self.assertEqual(self.submissions.waiting, [])

    def test_not_kept(self) -> None:
        """
        Anything else is submitted.
        """
        for key, find in ((b"1", lambda: succeed(None)), (b"2", None)):
            self.receipts.once(RepeatKey(key, b"body"), self.submissions.submit, find)

        self.assertEqual(len(self.submissions.waiting), 2)

    def test_history_away(self) -> None:
        """
        If history cannot be asked, nothing was kept now.
        """
        away = fail(HistoryUnavailable("away"))
        answer = self.receipts.once(KEY, self.submissions.submit, lambda: away)

        self.assertNotIsInstance(
            self.failureResultOf(answer, HistoryUnavailable).value, PerhapsKept
        )
        self.assertEqual(self.submissions.waiting, [])


class FailureTests(SynchronousTestCase):
    """
    A request that failed is submitted again.
    """

    def setUp(self) -> None:
        """
        Remember nothing.
        """
        self.receipts = Receipts()
        self.submissions = Submissions()
        self.asked = 0

    def found(
        self, outcomes: Sequence[PublishOutcome] | None
    ) -> Deferred[Sequence[PublishOutcome] | None]:
        """
        Find *outcomes*.
        """
        self.asked += 1
        return succeed(outcomes)

    def test_not_kept(self) -> None:
        """
        If nothing was kept, a repeat is submitted, and history is not asked.
        """
        both = [self.receipts.once(KEY, self.submissions.submit) for _ in range(2)]
        self.submissions.waiting[0].errback(HistoryUnavailable("gone"))
        third = self.receipts.once(KEY, self.submissions.submit, lambda: self.found(None))
        self.submissions.waiting[1].callback(published())

        for each in both:
            self.failureResultOf(each, HistoryUnavailable)
        self.assertEqual(self.successResultOf(third), published())
        self.assertEqual(self.asked, 0)

    def test_unknown_and_kept(self) -> None:
        """
        If the outcome is unknown, a repeat asks history first.
        """
        self.unknown()
        outcome = [(Position(0, "mine"), 0)]
        second = self.receipts.once(KEY, self.submissions.submit, lambda: self.found(outcome))
        third = self.receipts.once(KEY, self.submissions.submit, lambda: self.found(outcome))

        self.assertEqual(self.successResultOf(second), outcome)
        self.assertEqual(self.successResultOf(third), outcome)
        self.assertEqual((len(self.submissions.waiting), self.asked), (1, 1))

    def test_unknown_and_not_kept(self) -> None:
        """
        If history did not keep it, the repeat is submitted.
        """
        self.unknown()
        second = self.receipts.once(KEY, self.submissions.submit, lambda: self.found(None))
        self.submissions.waiting[1].callback(published())

        self.assertEqual(self.successResultOf(second), published())

    def test_unknown_without_find(self) -> None:
        """
        If history cannot be asked, the repeat is submitted.
        """
        self.unknown()
        self.receipts.once(KEY, self.submissions.submit)

        self.assertEqual(len(self.submissions.waiting), 2)

    def test_still_unknown(self) -> None:
        """
        Until history has answered, the outcome stays unknown, even if a repeat fails.
        """

        def fail() -> Deferred[Sequence[PublishOutcome] | None]:
            raise HistoryUnavailable("gone")

        self.unknown()
        second = self.receipts.once(KEY, self.submissions.submit, fail)
        self.failureResultOf(second, PerhapsKept)
        third = self.receipts.once(KEY, self.submissions.submit)
        self.submissions.waiting[1].errback(HistoryUnavailable("gone"))
        self.failureResultOf(third, PerhapsKept)
        fourth = self.receipts.once(KEY, self.submissions.submit, lambda: self.found([]))

        self.assertEqual(self.successResultOf(fourth), [])

    def test_still_unknown_if_refused(self) -> None:
        """
        Nor does a repeat that is refused, because the hub stops or the publisher is too fast,
        tell that the first request was not kept.
        """
        self.unknown()
        for error in (HubClosed("bye"), TooManyPublications("wait", 1)):
            repeat = self.receipts.once(KEY, self.submissions.submit)
            self.submissions.waiting[-1].errback(error)

            self.failureResultOf(repeat, PerhapsKept)

    def test_found_out(self) -> None:
        """
        Once it is known that nothing was kept, a failure is an ordinary one.
        """
        self.unknown()
        second = self.receipts.once(KEY, self.submissions.submit, lambda: self.found(None))
        self.submissions.waiting[1].errback(HistoryUnavailable("gone"))
        failure = self.failureResultOf(second, HistoryUnavailable)

        self.assertIsNone(failure.check(PerhapsKept))
        self.assertEqual(len(self.receipts), 0)

    def unknown(self) -> None:
        """
        Submit once, with an unknown outcome.
        """
        first = self.receipts.once(KEY, self.submissions.submit)
        self.submissions.waiting[0].errback(PerhapsKept("lost"))
        self.failureResultOf(first, PerhapsKept)

    def test_submit_raises(self) -> None:
        """
        A submission that raises is a failure, and the key is free again.
        """

        def submit() -> Deferred[list[Published]]:
            raise HistoryUnavailable("gone")

        self.failureResultOf(self.receipts.once(KEY, submit), HistoryUnavailable)
        self.receipts.once(KEY, self.submissions.submit)

        self.assertEqual(len(self.submissions.waiting), 1)


class BoundTests(SynchronousTestCase):
    """
    The memory is bounded by bytes.
    """

    def remember(self, receipts: Receipts, number: int, event_id: str = "") -> bool:
        """
        Submit a request of its own, and return whether it was submitted.
        """
        submitted = []

        def submit() -> Deferred[list[Published]]:
            submitted.append(number)
            return succeed(published(number, event_id))

        key = RepeatKey(b"%d" % number, b"body")
        self.successResultOf(receipts.once(key, submit))
        return bool(submitted)

    def test_oldest(self) -> None:
        """
        The oldest requests are forgotten first.
        """
        receipts = Receipts(max_bytes=10_000)
        for number in range(1000):
            self.remember(receipts, number)

        self.assertLess(len(receipts), 20)
        self.assertFalse(self.remember(receipts, 999))
        self.assertTrue(self.remember(receipts, 0))

    def test_long_ids(self) -> None:
        """
        The length of IDs counts.
        """
        short, long = Receipts(max_bytes=10_000), Receipts(max_bytes=10_000)
        for number in range(100):
            self.remember(short, number)
            self.remember(long, number, "x" * 1000)

        self.assertGreater(len(short), 2 * len(long))

    def test_unknown(self) -> None:
        """
        Requests with an unknown outcome count once, however often they are repeated.
        """
        receipts = Receipts(max_bytes=10_000)

        def submit() -> Deferred[list[Published]]:
            raise PerhapsKept("lost")

        self.remember(receipts, 1)
        for _ in range(100):
            self.failureResultOf(receipts.once(KEY, submit), PerhapsKept)

        self.assertFalse(self.remember(receipts, 1))

    def test_one_too_large(self) -> None:
        """
        An outcome that is larger than the memory is not remembered.
        """
        receipts = Receipts(max_bytes=100)
        self.remember(receipts, 1)

        self.assertEqual(len(receipts), 0)
