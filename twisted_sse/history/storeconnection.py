"""
A connection to a store that is made again whenever it is lost.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.bell import Bell
from twisted_sse.history.outage import Outage

__all__ = ["ConnectionGone", "StoreConnection", "StoreLost", "StoreProtocol", "StoreRefused"]

# The pause after the first loss, in seconds.  Each pause is shortened at random by up to
# a half, so that hubs do not all reconnect at the same time.
_SHORTEST = 0.1

# A connection that has lasted this long, in seconds, resets the pause.
_SOUND = 1.0


class ConnectionGone(Exception):
    """
    The connection ended before the store answered.

    Attributes:
        reason: Why it ended.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class StoreLost(HistoryUnavailable):
    """
    The connection was lost before the store answered, so what was asked may have been done or
    not.
    """


class StoreRefused(HistoryUnavailable):
    """
    The store has answered with an error, and changed nothing.

    Attributes:
        reason: Half a sentence.

        passing: Whether the same may succeed when it is repeated at once.
    """

    def __init__(self, sentence: str, reason: str, passing: bool = False) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.passing = passing


class StoreProtocol(Protocol):
    """
    One connection, as a `StoreConnection` uses it.

    Attributes:
        heard: When the store last sent something, or was sent a command while it owed no
            answer; in seconds.
    """

    heard: float

    @property
    def waiting(self) -> int:
        """
        The number of answers that the store owes.
        """

    def drop(self, reason: Exception) -> None:
        """
        Abort the connection because of *reason*.
        """

    def when_gone(self) -> Deferred[Exception]:
        """
        Wait until the connection has ended, and return the reason.
        """


P = TypeVar("P", bound=StoreProtocol)


class StoreConnection(ABC, Generic[P]):
    """
    Connects from its creation until `stop`.

    Args:
        connect: Makes one connection that is ready for commands.

        silence: The longest time that the store may send nothing while it owes an
            answer, in seconds.

        longest: The longest pause between two attempts to connect, in seconds.
    """

    _log = Logger()

    def __init__(
        self,
        connect: Callable[[], Deferred[P]],
        outage: Outage,
        silence: float,
        longest: float,
        clock: IReactorTime,
    ) -> None:
        self._connect = connect
        self._outage = outage
        self._silence = silence
        self._longest = longest
        self._clock = clock
        # Why there is no connection; None if there is one, or before the first try.
        self._reason: str | None = None
        self._protocol: P | None = None
        self._ready: list[Deferred[None]] = []
        self._tried: list[Deferred[None]] = []
        self._silence_check: IDelayedCall | None = None
        self._stopped = False
        self._pause = Bell(clock)
        self._encouraged = False
        self._running: Deferred[None] = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    async def stop(self) -> None:
        """
        Close the connection, and do not connect again.
        """
        self._stopped = True
        self._running.cancel()
        await self._running
        self._disconnected("this history has stopped")
        self._wake(self._ready)

    def check(self) -> None:
        """
        Raise `HistoryUnavailable` if there is no connection.
        """
        if self._protocol is None and self._reason is not None:
            raise HistoryUnavailable(self._sentence())

    def ready(self) -> Deferred[None]:
        """
        Wait until there is a connection, or `stop` was called.
        """
        waiting = self._protocol is None and not self._stopped
        return _join(self._ready) if waiting else succeed(None)

    def encourage(self) -> None:
        """
        Connect at once if there is no connection, because another one to the same store was
        made; until that has been tried, calls wait.
        """
        if self._protocol is None and not self._stopped:
            self._reason = None
            self._encouraged = True
            self._pause.ring()

    @abstractmethod
    def _reason_of(self, error: Exception) -> str:
        """
        Explain why there is no connection, in half a sentence.
        """

    async def _connected(self) -> P:
        """
        Return the connection; before the first attempt has ended, wait for it.

        Raises:
            HistoryUnavailable: There is none.
        """
        if self._protocol is None and self._reason is None:
            await _join(self._tried)
        if self._protocol is None:
            raise HistoryUnavailable(self._sentence())
        return self._protocol

    def _expect_answer(self, protocol: P) -> None:
        """
        End the connection if the store sends nothing for too long.
        """
        if self._silence_check is None:
            self._silence_check = self._clock.callLater(
                self._silence, self._check_silence, protocol
            )

    def _sentence(self, reason: str | None = None) -> str:
        return f"{self._outage.store} is not available: {reason or self._reason}."

    async def _run(self) -> None:
        failures = 0
        while True:
            started = self._clock.seconds()
            try:
                await self._connect_once()
            except Exception as error:
                if self._stopped:
                    # A connection attempt that is canceled fails with any error.
                    return
                if self._encouraged and self._protocol is None:
                    # This attempt may have begun before there was a reason for hope.
                    self._encouraged = False
                    continue
                self._disconnected(self._reason_of(error))
                self._outage.begin(self, self._reason_of(error))
            failures = 0 if self._clock.seconds() - started > _SOUND else failures + 1
            longest = min(self._longest, _SHORTEST * 1.5 ** min(failures, 10))
            await self._pause.wait(longest * random.uniform(0.5, 1))

    async def _connect_once(self) -> None:
        """
        Connect, and raise the reason when the connection has ended.
        """
        protocol = await self._connect()
        self._protocol, self._reason = protocol, None
        self._encouraged = False
        self._outage.end(self)
        self._wake(self._ready)
        self._wake(self._tried)
        try:
            raise await protocol.when_gone()
        except CancelledError as stopped:
            protocol.drop(stopped)
            await protocol.when_gone()
            raise

    def _disconnected(self, reason: str) -> None:
        self._protocol, self._reason = None, reason
        if self._silence_check is not None:
            self._silence_check.cancel()
            self._silence_check = None
        self._wake(self._tried)

    def _check_silence(self, protocol: P) -> None:
        self._silence_check = None
        if not protocol.waiting:
            return
        left = protocol.heard + self._silence - self._clock.seconds()
        if left > 0:
            self._silence_check = self._clock.callLater(left, self._check_silence, protocol)
        else:
            protocol.drop(HistoryUnavailable(f"it has not answered for {self._silence:g} seconds"))

    def _wake(self, waiting: list[Deferred[None]]) -> None:
        woken, waiting[:] = waiting[:], []
        for one in woken:
            one.callback(None)

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("Connecting to a store has ended because of an error", failure)


def _join(waiting: list[Deferred[None]]) -> Deferred[None]:
    one: Deferred[None] = Deferred(waiting.remove)
    waiting.append(one)
    return one
