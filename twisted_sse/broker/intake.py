"""
Publications on their way to history, in the order in which they were submitted.

History gets one batch at a time.  What is submitted meanwhile waits, and is the
next batch: the slower history is, the more it gets at once.  Only what history
has kept is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.measures.latency import PublishLatency
from twisted_sse.broker.measures.measures import Measures
from twisted_sse.broker.screening import NotTaken, has_end, is_refused, screen
from twisted_sse.errors import (
    EndsNotKept,
    HistoryUnavailable,
    HubClosed,
    PerhapsKept,
    TwistedSSEError,
)
from twisted_sse.events.publication import Publication, Published, Record
from twisted_sse.interfaces import ICheckedHistory, IEndingHistory, IHistoryProvider

__all__ = ["Intake"]

T = TypeVar("T")

# How long a history that has refused a publication counts as unavailable if it cannot
# be asked, in seconds.  Then it is tried again.
_SUSPECT = 10.0


class _Submission(NamedTuple):
    publications: Sequence[Publication]
    done: Deferred[list[Published]]
    since: float


class _Operation(NamedTuple):
    """
    A call of history that keeps publications of its own.

    Attributes:
        records: Finds the records in its result.
    """

    call: Callable[[], Any]
    records: Callable[[Any], Sequence[Record]]
    done: Deferred[Any]


class _Refusal(NamedTuple):
    """
    The last publication was not kept.

    Attributes:
        at: When, in seconds.
    """

    reason: str
    at: float


class Intake:
    """
    Hands publications to history, and what history kept to *deliver*.

    Args:
        deliver: Takes records, and returns the number of connections that get
            each.

        measures: Counts and times what is published.

        latency: Is told when publications were submitted.

        after_sends: Makes a call when what was delivered has been sent; see
            `Fanout.after_sends`.  By default at once.
    """

    _log = Logger()

    def __init__(
        self,
        history: IHistoryProvider,
        clock: IReactorTime,
        deliver: Callable[[Sequence[Record]], Sequence[int]],
        measures: Measures | None = None,
        latency: PublishLatency | None = None,
        after_sends: Callable[[Callable[[], object]], object] | None = None,
    ) -> None:
        self._history = history
        self._clock = clock
        self._deliver = deliver
        self._measures = Measures() if measures is None else measures
        self._latency = latency or PublishLatency(self._measures.publish_to_write)
        self._after_sends = after_sends or (lambda call: call())
        self._waiting: list[_Submission] = []
        self._operations: list[_Operation] = []
        self._busy = True
        self._call: IDelayedCall | None = None
        # A history that can be asked also logs when it is unavailable.
        self._logs = ICheckedHistory(history, None) is None
        self._keeps_ends = IEndingHistory(history, None) is not None
        self._refused: _Refusal | None = None

    def check(self) -> None:
        """
        Check that history keeps what it is given, as far as was seen.

        Raises:
            HistoryUnavailable: It has just refused a publication.
        """
        refused = self._refused
        if refused is not None and abs(self._clock.seconds() - refused.at) < _SUSPECT:
            raise HistoryUnavailable(refused.reason)

    def start(self) -> None:
        """
        Hand over what is waiting, and what will be submitted.
        """
        self._next(None)

    def submit(self, publications: Sequence[Publication]) -> Deferred[list[Published]]:
        """
        Have *publications* kept and delivered: all or none.

        They wait until `start` is called.

        Args:
            publications: May be empty; see `flush`.

        Returns:
            One `Published` for each, in the same order.

        Raises:
            HistoryUnavailable, TopicEnded, RunLost, EndsNotKept: As failures of the
                `Deferred`; none was kept.
        """
        done: Deferred[list[Published]] = Deferred()
        self._waiting.append(_Submission(publications, done, self._clock.seconds()))
        if self._call is None and not self._busy:
            self._schedule()
        return done

    def perform(
        self, call: Callable[[], T], records: Callable[[T], Sequence[Record]]
    ) -> Deferred[T]:
        """
        Call history in its turn, as for a batch, and deliver what it has kept.

        Args:
            call: Returns the result, or a `Deferred` or a coroutine of it.

            records: Finds the records in the result.

        Returns:
            The result.  Fails as *call* does, or with `PerhapsKept` after an error that
            nobody expects.
        """
        done: Deferred[T] = Deferred()
        self._operations.append(_Operation(call, records, done))
        if self._call is None and not self._busy:
            self._schedule()
        return done

    def flush(self) -> Deferred[None]:
        """
        Fire when everything that was submitted before is kept or refused.
        """
        if not (self._busy or self._waiting or self._operations):
            return succeed(None)
        return self.submit(()).addBoth(lambda _: None)

    def stop(self) -> None:
        """
        Refuse what history does not have yet.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self.refuse(Failure(HubClosed("The hub has stopped; this was not published.")))

    def refuse(self, failure: Failure) -> None:
        """
        Fail everything that is waiting with *failure*.
        """
        waiting, self._waiting = self._waiting, []
        operations, self._operations = self._operations, []
        for submission in waiting:
            submission.done.errback(failure)
        for operation in operations:
            operation.done.errback(failure)

    def _schedule(self) -> None:
        self._call = self._clock.callLater(0, self._hand_over)

    def _hand_over(self) -> None:
        self._call = None
        self._busy = True
        if self._operations:
            self._perform(self._operations.pop(0)).addBoth(self._next)
            return
        batch, self._waiting = self._waiting, []
        self._keep(batch).addBoth(self._next)

    def _perform(self, operation: _Operation) -> Deferred[None]:
        calling: Deferred[Any] = maybeDeferred(operation.call)
        calling.addCallback(self._deliver_of, operation)
        return calling.addCallbacks(
            operation.done.callback, lambda failure: self._failed(failure, operation)
        )

    def _deliver_of(self, result: T, operation: _Operation) -> T:
        records = operation.records(result)
        if records:
            self._deliver(records)
        return result

    def _failed(self, failure: Failure, operation: _Operation) -> None:
        if not failure.check(TwistedSSEError):
            self._log.failure("History has failed", failure)
            failure = Failure(PerhapsKept("History has failed; the log says how."))
        operation.done.errback(failure)

    def _keep(
        self, batch: Sequence[_Submission], refusal: NotTaken | None = None
    ) -> Deferred[None]:
        """
        Have *batch* kept, without what *refusal* is about.
        """
        batch = self._screened(batch, refusal)
        publications = [one for submission in batch for one in submission.publications]
        began = self._clock.seconds()
        # A batch may hold only flush() markers, which carry no publications.
        keeping: Deferred[Sequence[Record]] = (
            maybeDeferred(self._history.append, publications) if publications else succeed(())
        )
        keeping.addCallback(self._check, len(publications), began)
        done: Deferred[None] = keeping.addCallback(self._deliver_and_tell, batch)
        done.addErrback(self._not_kept, batch)
        return done

    def _screened(
        self, batch: Sequence[_Submission], refusal: NotTaken | None
    ) -> Sequence[_Submission]:
        """
        Take from *batch* what history can keep, refuse what it cannot, and leave for the
        next batch what depends on what it keeps of this one.

        Args:
            refusal: What history has said before.
        """
        if refusal is None and not any(has_end(one.publications) for one in batch):
            return batch
        decided = screen([one.publications for one in batch], refusal)
        self._waiting[:0] = batch[len(decided) :]
        taken = []
        for submission, error in zip(batch, decided, strict=False):
            if error is not None:
                submission.done.errback(error)
            elif has_end(submission.publications) and not self._keeps_ends:
                submission.done.errback(self._cannot_end())
            else:
                taken.append(submission)
        return taken

    def _cannot_end(self) -> EndsNotKept:
        kind = type(self._history).__name__
        return EndsNotKept(f"A {kind} cannot keep that topics have ended: use another history.")

    def _check(self, records: Sequence[Record], expected: int, began: float) -> Sequence[Record]:
        if len(records) != expected:
            raise RuntimeError(
                f"{self._history!r}.append() returned {len(records)} for {expected} publications"
            )
        if records:
            self._measures.appends.observe(self._clock.seconds() - began)
            self._measures.batches.observe(expected)
            self._measures.published += expected
        return records

    def _deliver_and_tell(self, records: Sequence[Record], batch: Sequence[_Submission]) -> None:
        if self._refused is not None and records:
            self._note_kept()
        self._expect(records, batch)
        published = list(zip(records, self._deliver(records), strict=True))
        # An answer costs as much as dozens of sends, and subscribers wait for those.
        self._after_sends(lambda: _tell(published, batch))

    def _expect(self, records: Sequence[Record], batch: Sequence[_Submission]) -> None:
        now = self._clock.seconds()
        stop = 0
        for publications, _, since in batch:
            if publications:
                stop += len(publications)
                self._latency.expect(records[stop - 1].number, since, len(publications), now)

    def _not_kept(self, failure: Failure, batch: Sequence[_Submission]) -> Deferred[None]:
        error = failure.value
        if isinstance(error, NotTaken) and any(
            is_refused(one.publications, error) for one in batch
        ):
            return self._keep(batch, error)
        if not failure.check(HistoryUnavailable):
            self._log.failure("History has failed", failure)
            failure = Failure(PerhapsKept("History has failed; the log says how."))
        self._note_refused(str(failure.value))
        self._measures.not_kept += sum(len(one.publications) for one in batch)
        for submission in batch:
            if not submission.done.called:
                submission.done.errback(failure)
        return succeed(None)

    def _note_refused(self, reason: str) -> None:
        if self._logs and self._refused is None:
            self._log.warn("Publications are not kept: {reason}", reason=reason)
        self._refused = _Refusal(reason, self._clock.seconds())

    def _note_kept(self) -> None:
        refused, self._refused = self._refused, None
        if self._logs and refused is not None:
            self._log.info(
                "Publications are kept again; the reason was: {reason}", reason=refused.reason
            )

    def _next(self, _: object) -> None:
        self._busy = False
        if (self._waiting or self._operations) and self._call is None:
            self._schedule()


def _tell(published: Sequence[Published], batch: Sequence[_Submission]) -> None:
    """
    Tell those who submitted *batch* what became of it.
    """
    start = 0
    for publications, done, _ in batch:
        stop = start + len(publications)
        done.callback(list(published[start:stop]))
        start = stop
