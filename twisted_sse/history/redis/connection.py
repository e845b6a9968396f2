"""
A connection to Redis that is made again whenever it is lost.

While Redis is known to be unavailable, calls fail at once.  A Redis that does
not answer for too long counts as unavailable.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.outage import Outage
from twisted_sse.history.redis.connect import RedisConnector
from twisted_sse.history.redis.errors import is_passing, reason_of, sentence_of
from twisted_sse.history.redis.protocol import ConnectionGone, RedisProtocol, Refused
from twisted_sse.history.redis.scripts import Script

__all__ = ["RedisConnection", "RedisLost", "RedisRefused"]

# The pauses after the first loss and after many, in seconds.  Each is shortened
# at random by up to a half, so that hubs do not all reconnect at the same time.
_SHORTEST, _LONGEST = 0.1, 5.0

# A connection that has lasted this long, in seconds, resets the pause.
_SOUND = 1.0


class RedisLost(HistoryUnavailable):
    """
    The connection was lost before Redis answered, so the command may have been
    executed or not.
    """


class RedisRefused(HistoryUnavailable):
    """
    Redis has refused a command.

    Attributes:
        reason: Half a sentence.
    """

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class RedisConnection:
    """
    Connects from its creation until `stop`.

    Args:
        silence: The longest time that Redis may send nothing while it owes an
            answer, in seconds.
    """

    _log = Logger()

    def __init__(
        self, connector: RedisConnector, outage: Outage, silence: float, clock: IReactorTime
    ) -> None:
        self._connector = connector
        self._outage = outage
        self._silence = silence
        self._clock = clock
        # Why there is no connection; None if there is one, or before the first try.
        self._reason: str | None = None
        self._protocol: RedisProtocol | None = None
        self._ready: list[Deferred[None]] = []
        self._tried: list[Deferred[None]] = []
        self._silence_check: IDelayedCall | None = None
        self._stopped = False
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

    async def call(self, *command: str | int) -> Any:
        """
        Send *command* to Redis, and return the answer.

        Redis executes commands in the order of these calls.

        Raises:
            RedisLost: The connection was lost before Redis answered.

            RedisRefused: Redis has refused the command.

            HistoryUnavailable: There is no connection.

            Refused: Redis does not know the script.
        """
        if self._protocol is None and self._reason is None:
            await _join(self._tried)
        protocol = self._protocol
        if protocol is None:
            raise HistoryUnavailable(self._sentence())
        answer = protocol.ask(*command)
        if self._silence_check is None:
            self._silence_check = self._clock.callLater(
                self._silence, self._check_silence, protocol
            )
        try:
            return await answer
        except ConnectionGone as gone:
            raise RedisLost(self._sentence(reason_of(gone.reason))) from None
        except Refused as refused:
            if refused.message.startswith("NOSCRIPT"):
                raise
            raise self._refused(refused.message, protocol) from None

    async def run(self, script: Script, keys: Sequence[str], *arguments: str | int) -> Any:
        """
        Run *script* in Redis, and return its answer; otherwise as `call`.
        """
        rest = (len(keys), *keys, *arguments)
        try:
            return await self.call("EVALSHA", script.sha, *rest)
        except Refused:
            return await self.call("EVAL", script.text, *rest)

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
                self._disconnected(reason_of(error))
                self._outage.begin(self, reason_of(error))
            failures = 0 if self._clock.seconds() - started > _SOUND else failures + 1
            longest = min(_LONGEST, _SHORTEST * 1.5 ** min(failures, 10))
            await deferLater(self._clock, longest * random.uniform(0.5, 1))

    async def _connect_once(self) -> None:
        """
        Connect, and raise the reason when the connection has ended.
        """
        protocol = await self._connector.connect()
        self._protocol, self._reason = protocol, None
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

    def _check_silence(self, protocol: RedisProtocol) -> None:
        """
        End the connection if Redis has stopped answering.
        """
        self._silence_check = None
        if not protocol.waiting:
            return
        left = protocol.heard + self._silence - self._clock.seconds()
        if left > 0:
            self._silence_check = self._clock.callLater(left, self._check_silence, protocol)
        else:
            protocol.drop(HistoryUnavailable(f"it has not answered for {self._silence:g} seconds"))

    def _refused(self, message: str, protocol: RedisProtocol) -> HistoryUnavailable:
        reason = HistoryUnavailable(sentence_of(message))
        if is_passing(message):
            protocol.drop(reason)
        return RedisRefused(self._sentence(str(reason)), str(reason))

    def _sentence(self, reason: str | None = None) -> str:
        return f"{self._outage.store} is not available: {reason or self._reason}."

    def _wake(self, waiting: list[Deferred[None]]) -> None:
        woken, waiting[:] = waiting[:], []
        for one in woken:
            one.callback(None)

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("Connecting to Redis has ended because of an error", failure)


def _join(waiting: list[Deferred[None]]) -> Deferred[None]:
    one: Deferred[None] = Deferred(waiting.remove)
    waiting.append(one)
    return one
