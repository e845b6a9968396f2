"""
The common part of followers: they deliver what a store keeps, whichever hub has
published it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.events.publication import Record, Tail

__all__ = ["PAUSE", "RESTART_TAIL", "Follower", "RestartPause"]

T = TypeVar("T")

#: How many publications `restart` gets.  A hub keeps as many in memory.
RESTART_TAIL: Final = 1024

#: The pause after the store has refused to be followed, in seconds.
PAUSE: Final = 1.0


# Restarts that are closer to each other than this are repeats, in seconds; and the
# longest pause between two of them.
_REPEAT: Final = 10.0
_LONGEST: Final = 30.0


class RestartPause:
    """
    The pauses before a follower restarts: none before the first, and then longer and longer
    ones, because subscribers are replayed to after each restart; the shortest one again in another
    life of the store.
    """

    def __init__(self) -> None:
        self._repeats = 0
        self._at = float("-inf")
        self._life: Hashable = None

    def next(self, now: float, life: Hashable = None) -> float:
        """
        The pause before the next restart, in seconds.

        Args:
            now: The time in seconds.

            life: Another value than before if the store has begun another life, as after a
                failover: each is a reason of its own, however soon it follows.
        """
        if life != self._life:
            self._repeats = 0
        self._repeats = self._repeats + 1 if abs(now - self._at) < _REPEAT else 0
        self._life = life
        pause = min(_LONGEST, PAUSE * 2.0 ** min(self._repeats - 1, 10)) if self._repeats else 0.0
        self._at = now + pause
        return pause


class Follower(ABC):
    """
    Follows a store from its creation until `stop`.

    The constructor begins to follow, so a subclass sets its own attributes first.

    Args:
        deliver, restart: See `ISharedHistoryProvider.follow`.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._restart = restart
        self._running: Deferred[None] = Deferred.fromCoroutine(self._keep_running())
        self._running.addErrback(self._ended)

    async def stop(self) -> None:
        """
        Stop delivering.
        """
        self._running.cancel()

    @abstractmethod
    async def _run(self) -> None:
        """
        Follow the store until this is cancelled.
        """

    @abstractmethod
    def check(self) -> None:
        """
        Raise `HistoryUnavailable` if nothing can be delivered now.
        """

    async def _keep_running(self) -> None:
        """
        Follow again after an error that nobody expected: subscribers still wait.
        """
        logged: object = None
        while True:
            try:
                await self._run()
            except Exception as error:
                if isinstance(error, CancelledError):
                    raise
                # A store that fails in the same way each second is logged once.
                if (type(error), str(error)) != logged:
                    self._log.failure("History could not be followed; trying again")
                logged = (type(error), str(error))
            await deferLater(self._clock, PAUSE)

    def _hand_over(self, take: Callable[[T], None], what: T) -> None:
        try:
            take(what)
        except Exception:
            # Subscribers still wait for what follows.
            self._log.failure("The hub failed to take what history has delivered")

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("History has stopped delivering because of an error", failure)
