"""
Publishes with retries until the hub has kept everything, and never twice.

After a request without an answer, the hub is asked for an event ID of the batch
before the batch is sent again.  So every batch needs one publication with an ID
that is unique.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.client import Backoff, Publisher
from twisted_sse.errors import (
    InvalidResponse,
    NotSent,
    OutcomeUnknown,
    TwistedSSEError,
    UnexpectedContentEncoding,
    UnexpectedContentType,
    UnexpectedStatus,
)
from twisted_sse.events.publication import Publication

__all__ = ["Delivery", "GaveUp", "Uncertain"]

# The server keeps nothing at present.
_BUSY = (429, 503)

# The outcome is unknown: a proxy does not know what the hub behind it has done.
_OUTCOME_UNKNOWN = (408, 500, 502, 504, *range(520, 525))

_TOO_LARGE = 413

_BACKOFF = Backoff(limit=10.0)


class GaveUp(Exception):
    """
    Publications were not kept, and the time for retries is over.
    """


class Uncertain(Exception):
    """
    Publications may have been kept.
    """


class Delivery:
    """
    Publishes batches to one hub.

    Args:
        prefix: Begins the IDs that are unique to this run.

        give_up: How long to retry, in seconds, from the first failure of a batch.

        timeout: The timeout of *publisher*, in seconds.

        notify: Called with a sentence when the first retry begins.
    """

    def __init__(
        self,
        publisher: Publisher,
        clock: IReactorTime,
        notify: Callable[[str], None],
        *,
        prefix: str,
        give_up: float,
        timeout: float,
    ) -> None:
        self._publisher = publisher
        self._clock = clock
        self._notify = notify
        self._prefix = prefix
        self._give_up = give_up
        self._timeout = timeout

    async def deliver(
        self, batch: Sequence[Publication], count: Callable[[int], None] = lambda number: None
    ) -> None:
        """
        Have *batch* kept in this order, all of it or nothing.  A batch that is too
        large for the server is sent in halves.

        Args:
            count: Called with the number of publications whenever some are kept: the
                first ones of *batch*, before an error is raised for the next.

        Raises:
            UnexpectedStatus, UnexpectedContentType: The server refuses.

            GaveUp: Nothing was kept in time.

            Uncertain: The outcome cannot be found out.
        """
        try:
            await self._deliver_whole(batch)
            count(len(batch))
        except UnexpectedStatus as error:
            if error.status != _TOO_LARGE or len(batch) == 1:
                raise
            half = len(batch) // 2
            await self.deliver(batch[:half], count)
            await self.deliver(batch[half:], count)

    async def _deliver_whole(self, batch: Sequence[Publication]) -> None:
        confirmation = _Confirmation(self._publisher, self._to_confirm(batch))
        retry_timer = _RetryTimer(self._clock, self._give_up, self._notify)
        while True:
            begun = self._clock.seconds()
            try:
                if confirmation.needed and await confirmation.answer():
                    return
                await self._publisher.publish(batch)
                return
            except (NotSent, OutcomeUnknown) as error:
                if isinstance(error, OutcomeUnknown) and not confirmation.needed:
                    # After a timeout of ours, unlike after a lost connection, the
                    # server may still be working on the request.
                    confirmation.require(in_progress=self._clock.seconds() - begun >= self._timeout)
                await retry_timer.wait(error, 0.0, confirmation.needed)
            except UnexpectedStatus as error:
                if error.status in _OUTCOME_UNKNOWN:
                    confirmation.require(in_progress=confirmation.in_progress)
                elif error.status not in _BUSY:
                    raise
                await retry_timer.wait(error, error.retry_after or 0.0, confirmation.needed)

    def _to_confirm(self, batch: Sequence[Publication]) -> Publication:
        """
        Choose the publication to ask for: the newest, which history forgets last.
        """
        ours = (one for one in reversed(batch) if (one.event.id or "").startswith(self._prefix))
        return next(ours, batch[-1])


class _Confirmation:
    """
    Finds out whether a publication was kept.

    Attributes:
        needed: Whether that is unknown.

        in_progress: Whether the server may still be keeping it.
    """

    def __init__(self, publisher: Publisher, publication: Publication) -> None:
        self._publisher = publisher
        self._publication = publication
        self.needed = self.in_progress = False

    def require(self, *, in_progress: bool) -> None:
        """
        Note that the outcome is unknown.
        """
        self.needed, self.in_progress = True, in_progress

    async def answer(self) -> bool:
        """
        Ask the hub whether the publication was kept.

        Raises:
            OutcomeUnknown: It was not, but it may still be.

            Uncertain: The hub cannot be asked.
        """
        if await self._was_kept():
            return True
        if self.in_progress:
            raise OutcomeUnknown("The hub may still be keeping the event.")
        self.needed = False
        return False

    async def _was_kept(self) -> bool:
        event_id, topics = self._publication.event.id or "", self._publication.topics
        try:
            return await self._publisher.was_kept(event_id, topics)
        except UnexpectedStatus as error:
            if error.status in (*_BUSY, *_OUTCOME_UNKNOWN):
                raise
            reason: TwistedSSEError = error
        except (InvalidResponse, UnexpectedContentEncoding, UnexpectedContentType) as error:
            reason = error
        raise Uncertain(f"The hub cannot be asked what it has kept: {reason}") from reason


class _RetryTimer:
    """
    Waits between attempts, until the time for retries is over.
    """

    def __init__(self, clock: IReactorTime, give_up: float, notify: Callable[[str], None]) -> None:
        self._clock = clock
        self._give_up = give_up
        self._notify = notify
        self._failures = 0
        self._deadline = 0.0

    async def wait(self, error: TwistedSSEError, minimum: float, uncertain: bool) -> None:
        """
        Wait after *error*, at least *minimum* seconds.

        Raises:
            GaveUp, Uncertain: The time for retries is over.
        """
        self._failures += 1
        now = self._clock.seconds()
        if self._failures == 1:
            self._deadline = now + self._give_up
        delay = _BACKOFF.delay(self._failures, minimum)
        if now + delay > self._deadline:
            raise (Uncertain if uncertain else GaveUp)(str(error)) from error
        if self._failures == 1:
            self._notify(f"{error} Trying again for {self._give_up:g} seconds.")
        await deferLater(self._clock, delay)
