"""
Publishes again and again until it is known to be kept, and never twice.

What was not answered is asked for by its ID before it is sent again.  So every
batch needs one publication with an ID that nobody else makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.client import Backoff, Publisher
from twisted_sse.errors import (
    NotSent,
    OutcomeUnknown,
    TwistedSSEError,
    UnexpectedContentType,
    UnexpectedStatus,
)
from twisted_sse.events.publication import Publication

__all__ = ["Delivery", "GaveUp", "Uncertain"]

# The server is there and keeps nothing at present.
_NOT_NOW = (429, 503)

# Somebody says that something went wrong on the way: a proxy cannot know what
# the hub behind it has done.
_WHO_KNOWS = (408, 500, 502, 504)

_TOO_LARGE = 413

_BACKOFF = Backoff(limit=10.0)


class GaveUp(Exception):
    """
    Publications were not kept, and it was tried for long enough.
    """


class Uncertain(Exception):
    """
    Publications may have been kept or not.
    """


class Delivery:
    """
    Args:
        prefix: What the IDs begin with that nobody else makes.

        give_up: How long it is tried, in seconds, counted from the first
            failure of a batch.

        timeout: Of one request of *publisher*, in seconds.

        note: Told in a sentence when it is tried again.
    """

    def __init__(
        self,
        publisher: Publisher,
        clock: IReactorTime,
        note: Callable[[str], None],
        *,
        prefix: str,
        give_up: float,
        timeout: float,
    ) -> None:
        self._publisher = publisher
        self._clock = clock
        self._note = note
        self._prefix = prefix
        self._give_up = give_up
        self._timeout = timeout

    async def deliver(self, batch: Sequence[Publication]) -> None:
        """
        Have *batch* kept, in this order: all or none, unless the server finds
        it too large at once.

        Raises:
            UnexpectedStatus, UnexpectedContentType: The server refuses.

            GaveUp: Nobody took it.

            Uncertain: It cannot be found out whether it was kept.
        """
        try:
            await self._deliver_whole(batch)
        except UnexpectedStatus as error:
            if error.status != _TOO_LARGE or len(batch) == 1:
                raise
            half = len(batch) // 2
            await self.deliver(batch[:half])
            await self.deliver(batch[half:])

    async def _deliver_whole(self, batch: Sequence[Publication]) -> None:
        question = _Question(self._publisher, self._landmark(batch))
        patience = _Patience(self._clock, self._give_up, self._note)
        while True:
            begun = self._clock.seconds()
            try:
                if question.open and await question.answer():
                    return
                await self._publisher.publish(batch)
                return
            except (NotSent, OutcomeUnknown) as error:
                if isinstance(error, OutcomeUnknown) and not question.open:
                    # If we have ended the request, and not the network, the
                    # server may still be at it.
                    question.ask(underway=self._clock.seconds() - begun >= self._timeout)
                await patience.rest(error, 0.0, question.open)
            except UnexpectedStatus as error:
                if error.status in _WHO_KNOWS:
                    question.ask(underway=question.underway)
                elif error.status not in _NOT_NOW:
                    raise
                await patience.rest(error, error.retry_after or 0.0, question.open)

    def _landmark(self, batch: Sequence[Publication]) -> Publication:
        """
        The one to ask for: the newest, which is forgotten last.
        """
        ours = (one for one in reversed(batch) if (one.event.id or "").startswith(self._prefix))
        return next(ours, batch[-1])


class _Question:
    """
    Whether a publication was kept.

    Attributes:
        open: Whether that is not known.

        underway: Whether the server may still be keeping it.
    """

    def __init__(self, publisher: Publisher, landmark: Publication) -> None:
        self._publisher = publisher
        self._landmark = landmark
        self.open = self.underway = False

    def ask(self, *, underway: bool) -> None:
        """
        It is not known any more.
        """
        self.open, self.underway = True, underway

    async def answer(self) -> bool:
        """
        Ask the hub; if the answer is no, it is known from now on.

        Raises:
            Unanswered: It is no, and may become yes.

            Uncertain: There will be no answer.
        """
        if await self._was_kept():
            return True
        if self.underway:
            raise OutcomeUnknown("The hub has not finished with what it was sent.")
        self.open = False
        return False

    async def _was_kept(self) -> bool:
        event_id, topics = self._landmark.event.id or "", self._landmark.topics
        try:
            return await self._publisher.was_kept(event_id, topics)
        except UnexpectedStatus as error:
            if error.status in (*_NOT_NOW, *_WHO_KNOWS):
                raise
            reason: TwistedSSEError = error
        except UnexpectedContentType as error:
            reason = error
        raise Uncertain(f"No answer came, and the hub cannot be asked: {reason}") from reason


class _Patience:
    """
    Waits between attempts, until it is enough.
    """

    def __init__(self, clock: IReactorTime, give_up: float, note: Callable[[str], None]) -> None:
        self._clock = clock
        self._give_up = give_up
        self._note = note
        self._failures = 0
        self._deadline = 0.0

    async def rest(self, error: TwistedSSEError, asked: float, uncertain: bool) -> None:
        """
        Wait after *error*, at least *asked* seconds.

        Raises:
            GaveUp, Uncertain: It has been tried for long enough.
        """
        self._failures += 1
        now = self._clock.seconds()
        if self._failures == 1:
            self._deadline = now + self._give_up
        delay = _BACKOFF.delay(self._failures, asked)
        if now + delay > self._deadline:
            raise (Uncertain if uncertain else GaveUp)(str(error)) from error
        if self._failures == 1:
            self._note(f"{error} Trying again for {self._give_up:g} seconds.")
        await deferLater(self._clock, delay)
