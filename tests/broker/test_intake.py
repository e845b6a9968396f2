"""
From publishers to history: batches, their order, and what becomes of failures.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.intake import Intake
from twisted_sse.errors import HistoryUnavailable, HubClosed, PerhapsKept
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Receipt, Record, receipt_of
from twisted_sse.history import MemoryHistory
from twisted_sse.topics import Selection

__all__ = ["BatchTests", "FailureTests", "OtherHubsTests", "StopTests"]

_ALL = Selection.of(["*"])


class Desk:
    """
    An intake whose history answers as a test tells it.

    Attributes:
        batches: What history was given.

        delivered: The data of what was passed on.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryHistory(clock=self.clock)
        self.answer: Callable[[Sequence[Publication]], Any] = self.store.append
        self.batches: list[list[str | None]] = []
        self.delivered: list[str | None] = []
        self.intake = Intake(self, self.clock, self._deliver)  # type: ignore[arg-type]
        self.intake.start()

    def append(self, publications: Sequence[Publication]) -> Any:
        """
        See `IHistoryProvider.append`.
        """
        self.batches.append([one.event.data for one in publications])
        return self.answer(publications)

    def submit(self, *data: str) -> Deferred[list[Receipt]]:
        """
        Submit publications, all or none, and have their receipts.
        """
        publications = [Publication(("a",), ServerSentEvent(one)) for one in data]
        done = self.intake.submit(publications)
        return done.addCallback(lambda made: [receipt_of(one) for one in made])

    def _deliver(self, kept: Sequence[Record]) -> list[int]:
        self.delivered += [one.publication.event.data for one in kept]
        return [one.number * 10 for one in kept]


class BatchTests(SynchronousTestCase):
    """
    What history is given at once.
    """

    def setUp(self) -> None:
        """
        An intake.
        """
        self.desk = Desk()

    def test_one_turn(self) -> None:
        """
        All that comes in one turn is one batch, in the order of its coming.
        """
        done = [self.desk.submit("1"), self.desk.submit("2", "3"), self.desk.submit("4")]
        self.assertEqual(self.desk.batches, [])
        self.desk.clock.advance(0)

        self.assertEqual(self.desk.batches, [list("1234")])
        self.assertEqual(self.desk.delivered, list("1234"))
        receipts = [self.successResultOf(one) for one in done]
        self.assertEqual(
            [[one.subscribers for one in some] for some in receipts], [[10], [20, 30], [40]]
        )

    def test_ids(self) -> None:
        """
        A receipt has the ID that history gave.
        """
        done = self.desk.submit("1", "2")
        self.desk.clock.advance(0)

        kept = self.desk.store.since(None, _ALL, 9)
        self.assertEqual([one.id for one in self.successResultOf(done)], [one.id for one in kept])

    def test_while_busy(self) -> None:
        """
        Nothing is appended while an append is under way; what comes then is the next batch.
        """
        answers: list[Deferred[Sequence[Record]]] = []

        def later(publications: Sequence[Publication]) -> Deferred[Sequence[Record]]:
            answers.append(Deferred())
            return answers[-1]

        self.desk.answer = later
        first = self.desk.submit("1")
        self.desk.clock.advance(0)
        for data in "234":
            self.desk.submit(data)
            self.desk.clock.advance(1)
        self.assertEqual(self.desk.batches, [["1"]])
        self.assertNoResult(first)
        answers[0].callback([Record(1, "e-1", Publication(("a",), ServerSentEvent("1")))])
        self.assertEqual(self.successResultOf(first), [("e-1", 10)])
        self.desk.clock.advance(0)

        self.assertEqual(self.desk.batches, [["1"], list("234")])
        self.assertEqual(self.desk.delivered, ["1"])

    def test_from_a_receipt(self) -> None:
        """
        What is published when a receipt comes is the next batch.
        """
        self.desk.submit("1").addCallback(lambda _: self.desk.submit("2"))
        for _ in range(2):
            self.desk.clock.advance(0)

        self.assertEqual(self.desk.delivered, ["1", "2"])

    def test_idle(self) -> None:
        """
        When there is nothing to do, nothing is scheduled.
        """
        self.desk.submit("1")
        self.desk.clock.advance(0)

        self.assertEqual(self.desk.clock.getDelayedCalls(), [])

    def test_coroutine(self) -> None:
        """
        A provider may answer with a coroutine.
        """

        async def append(publications: Sequence[Publication]) -> Sequence[Record]:
            return self.desk.store.append(publications)

        self.desk.answer = append
        done = self.desk.submit("1")
        self.desk.clock.advance(0)

        self.assertEqual(len(self.successResultOf(done)), 1)

    def test_cancelled(self) -> None:
        """
        Somebody who does not wait any more keeps nobody else from their receipts.
        """
        one, two = self.desk.submit("1"), self.desk.submit("2")
        one.addErrback(lambda failure: None)
        one.cancel()
        self.desk.clock.advance(0)

        self.assertEqual(self.desk.delivered, ["1", "2"])
        self.assertEqual(len(self.successResultOf(two)), 1)


class FailureTests(SynchronousTestCase):
    """
    History that fails.
    """

    def setUp(self) -> None:
        """
        An intake.
        """
        self.desk = Desk()

    def _fail(self, answer: Callable[[Sequence[Publication]], Any]) -> None:
        self.desk.answer = answer
        refused = [self.desk.submit("1"), self.desk.submit("2", "3")]
        self.desk.clock.advance(0)
        for one in refused:
            self.failureResultOf(one, HistoryUnavailable)
        self.desk.answer = self.desk.store.append
        done = self.desk.submit("4")
        self.desk.clock.advance(0)

        self.assertEqual(len(self.successResultOf(done)), 1)
        self.assertEqual(self.desk.delivered, ["4"])

    def test_unavailable(self) -> None:
        """
        It refuses exactly that batch, and is not worth a traceback.
        """

        def away(publications: Sequence[Publication]) -> Sequence[Record]:
            raise HistoryUnavailable("The store is away.")

        self._fail(away)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_unforeseen(self) -> None:
        """
        Any other error is logged, and publishers do not get to see it.
        """

        def broken(publications: Sequence[Publication]) -> Sequence[Record]:
            raise ZeroDivisionError("secret")

        self._fail(broken)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_wrong_number(self) -> None:
        """
        Too few or too many results are an error of the provider: nothing of them is sent.
        """
        for answer in (lambda some: self.desk.store.append(some[:1]), lambda some: [], _twice):
            with self.subTest():
                self.desk = Desk()
                self._fail(answer)
                self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_nonsense(self) -> None:
        """
        So is a result that is no sequence.
        """
        self._fail(lambda some: None)

        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)


class StopTests(SynchronousTestCase):
    """
    A hub that stops.
    """

    def test_refused(self) -> None:
        """
        What history has not been given is refused, and nothing stays scheduled.
        """
        desk = Desk()
        waiting = [desk.submit("1"), desk.submit("2")]
        desk.intake.stop()
        for one in waiting:
            self.failureResultOf(one, HubClosed)
        desk.clock.advance(1)

        self.assertEqual(desk.batches, [])
        self.assertEqual(desk.clock.getDelayedCalls(), [])

    def test_under_way(self) -> None:
        """
        What history has been given is answered when history answers.
        """
        desk = Desk()
        answer: Deferred[Sequence[Record]] = Deferred()
        desk.answer = lambda publications: answer
        given = desk.submit("1")
        desk.clock.advance(0)
        waiting = desk.submit("2")
        desk.intake.stop()
        self.failureResultOf(waiting, HubClosed)
        answer.callback([Record(1, "e-1", Publication(("a",), ServerSentEvent("1")))])

        self.assertEqual(self.successResultOf(given), [("e-1", 10)])
        self.assertEqual(desk.clock.getDelayedCalls(), [])


def _twice(publications: Sequence[Publication]) -> list[Record]:
    kept = MemoryHistory().append(publications)
    return [*kept, *kept]


class OtherHubsTests(SynchronousTestCase):
    """
    What other hubs want to know.
    """

    def setUp(self) -> None:
        """
        An intake.
        """
        self.desk = Desk()

    def test_kept(self) -> None:
        """
        A submission is told what history has made of its publications, which are in one
        batch with the others.
        """
        publications = [Publication(("a",), ServerSentEvent(one)) for one in "bc"]
        before = self.desk.submit("a")
        asked = self.desk.intake.submit(publications)
        after = self.desk.submit("d")
        self.desk.clock.advance(0)

        kept = [record for record, _ in self.successResultOf(asked)]
        self.assertEqual([one.number for one in kept], [2, 3])
        self.assertEqual([one.publication for one in kept], publications)
        counts = [one.subscribers for each in (before, after) for one in self.successResultOf(each)]
        self.assertEqual((counts, self.desk.batches), ([10, 40], [list("abcd")]))

    def test_settled(self) -> None:
        """
        When nothing is being kept, everything is decided; history is asked nothing.
        """
        self.successResultOf(self.desk.intake.flush())
        self.desk.submit("a")
        self.desk.clock.advance(0)
        self.successResultOf(self.desk.intake.flush())

        self.assertEqual(self.desk.batches, [["a"]])

    def test_settles(self) -> None:
        """
        Who asks while something is being kept waits for that, and for what waits.
        """
        answers: list[Deferred[Any]] = [Deferred(), Deferred()]
        coming = iter(answers)
        self.desk.answer = lambda _: next(coming)
        first = self.desk.submit("1")
        self.desk.clock.advance(0)
        early = self.desk.intake.flush()
        second, late = self.desk.submit("2"), self.desk.intake.flush()
        answers[0].errback(HistoryUnavailable("No."))
        self.desk.clock.advance(0)
        self.assertNoResult(early)
        self.assertNoResult(late)
        answers[1].errback(HistoryUnavailable("No."))

        self.assertEqual([self.successResultOf(one) for one in (early, late)], [None] * 2)
        for refused in (first, second):
            self.failureResultOf(refused, HistoryUnavailable)

    def test_settles_alone(self) -> None:
        """
        Who waits for one batch only brings nothing to the next.
        """
        answer: Deferred[Any] = Deferred()
        self.desk.answer = lambda _: answer
        self.desk.submit("1").addErrback(lambda _: None)
        self.desk.clock.advance(0)
        settled = self.desk.intake.flush()
        answer.errback(HistoryUnavailable("No."))
        self.desk.clock.advance(0)

        self.successResultOf(settled)
        self.assertEqual(self.desk.batches, [["1"]])


class OperationTests(SynchronousTestCase):
    """
    Calls of history that keep publications of their own.
    """

    def setUp(self) -> None:
        """
        An intake.
        """
        self.desk = Desk()

    def perform(self, call: Callable[[], Any]) -> Deferred[Any]:
        """
        Perform *call*, which returns records.
        """
        return self.desk.intake.perform(call, lambda records: records)

    def test_delivered(self) -> None:
        """
        What a call keeps is delivered in its turn, and the caller has its result.
        """
        publication = Publication(("a",), ServerSentEvent("2"))
        waiting: Deferred[Any] = Deferred()
        self.desk.answer = lambda publications: waiting
        self.desk.submit("1")
        self.desk.clock.advance(0)
        done = self.perform(lambda: self.desk.store.append([publication]))
        self.desk.clock.advance(0)
        early = list(self.desk.delivered)
        waiting.callback(self.desk.store.append([Publication(("a",), ServerSentEvent("1"))]))
        self.desk.clock.advance(0)

        self.assertEqual(early, [])
        self.assertEqual(self.desk.delivered, ["1", "2"])
        self.assertEqual([one.number for one in self.successResultOf(done)], [2])

    def test_failed(self) -> None:
        """
        A call that fails fails its caller alone; what nobody expects is logged.
        """
        away = self.perform(lambda: fail(HistoryUnavailable("away")))
        bug = self.perform(lambda: fail(KeyError("bug")))
        fine = self.desk.submit("1")
        self.desk.clock.advance(0)

        self.failureResultOf(away, HistoryUnavailable)
        self.failureResultOf(bug, PerhapsKept)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(len(self.successResultOf(fine)), 1)

    def test_stopped(self) -> None:
        """
        What waits when the intake stops is refused.
        """
        done = self.perform(list)
        self.desk.intake.stop()

        self.failureResultOf(done, HubClosed)
