"""
Takes publications, and hands them to history in the order of their coming.

What is published in one turn, and what comes while history is still busy, is
one batch: history commits as much at once as there is, at any load.  Nothing
is sent from here; what was kept is passed on, and only that.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.publication import Publication, Receipt, Record
from twisted_sse.interfaces import IHistoryProvider

__all__ = ["Intake"]

# What was submitted together, who waits, and for what.
_Submission = tuple[Sequence[Publication], Deferred[Any], "_Answer"]


class _Answer(enum.Enum):
    RECEIPT = enum.auto()
    RECEIPTS = enum.auto()
    KEPT = enum.auto()


class Intake:
    """
    Args:
        deliver: Takes what was kept, and tells for each publication how many
            connections it was handed to.
    """

    _log = Logger()

    def __init__(
        self,
        history: IHistoryProvider,
        clock: IReactorTime,
        deliver: Callable[[Sequence[Record]], Sequence[int]],
    ) -> None:
        self._history = history
        self._clock = clock
        self._deliver = deliver
        self._waiting: list[_Submission] = []
        self._busy = True
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """
        Give history what is waiting, and what will come.
        """
        self._next(None)

    def submit(self, publications: Sequence[Publication]) -> Deferred[list[Receipt]]:
        """
        Have *publications* kept and sent: all or none.

        They wait until `start` is called.

        Returns:
            A receipt for each, or the failure `HistoryUnavailable`.
        """
        done: Deferred[list[Receipt]] = Deferred()
        self._waiting.append((publications, done, _Answer.RECEIPTS))
        self._schedule()
        return done

    def submit_for_others(self, publications: Sequence[Publication]) -> Deferred[Sequence[Record]]:
        """
        The same, and what history has made of them instead of receipts.
        """
        done: Deferred[Sequence[Record]] = Deferred()
        self._waiting.append((publications, done, _Answer.KEPT))
        self._schedule()
        return done

    def submit_one(self, publication: Publication) -> Deferred[Receipt]:
        """
        The same for one *publication*, and its receipt.
        """
        done: Deferred[Receipt] = Deferred()
        self._waiting.append(((publication,), done, _Answer.RECEIPT))
        self._schedule()
        return done

    def flush(self) -> Deferred[None]:
        """
        Fire when all that was handed in before is kept, or refused.
        """
        if not self._busy and not self._waiting:
            return succeed(None)
        settled: Deferred[Any] = Deferred()
        self._waiting.append(((), settled, _Answer.RECEIPTS))
        self._schedule()
        return settled.addBoth(lambda _: None)

    def stop(self) -> None:
        """
        Refuse what history has not been given.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self.refuse(Failure(HubClosed("The hub has stopped; this was not published.")))

    def refuse(self, failure: Failure) -> None:
        """
        Publish nothing of what is waiting, because of *failure*.
        """
        waiting, self._waiting = self._waiting, []
        for _, done, _ in waiting:
            done.errback(failure)

    def _schedule(self) -> None:
        if self._waiting and self._call is None and not self._busy:
            self._call = self._clock.callLater(0, self._hand_over)

    def _hand_over(self) -> None:
        self._call = None
        self._busy = True
        batch, self._waiting = self._waiting, []
        publications = [one for publications, _, _ in batch for one in publications]
        # Who waits for others to be decided brings nothing.
        keeping: Deferred[Sequence[Record]] = (
            maybeDeferred(self._history.append, publications) if publications else succeed(())
        )
        keeping.addCallback(self._check, len(publications))
        keeping.addCallback(self._deliver_and_tell, batch)
        keeping.addErrback(self._not_kept, batch)
        keeping.addBoth(self._next)

    def _check(self, kept: Sequence[Record], expected: int) -> Sequence[Record]:
        if len(kept) != expected:
            raise RuntimeError(
                f"{self._history!r}.append() returned {len(kept)} for {expected} publications"
            )
        return kept

    def _deliver_and_tell(self, kept: Sequence[Record], batch: Sequence[_Submission]) -> None:
        counts = self._deliver(kept)
        receipts = [Receipt(one.id, count) for one, count in zip(kept, counts, strict=True)]
        start = 0
        for publications, done, answer in batch:
            stop = start + len(publications)
            if answer is _Answer.RECEIPT:
                done.callback(receipts[start])
            else:
                answers = receipts if answer is _Answer.RECEIPTS else kept
                done.callback(answers[start:stop])
            start = stop

    def _not_kept(self, failure: Failure, batch: Sequence[_Submission]) -> None:
        if not failure.check(HistoryUnavailable):
            self._log.failure("History has failed", failure)
            failure = Failure(HistoryUnavailable("History has failed; the log says how."))
        for _, done, _ in batch:
            if not done.called:
                done.errback(failure)

    def _next(self, _: object) -> None:
        self._busy = False
        self._schedule()
