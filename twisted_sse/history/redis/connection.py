"""
One connection to Redis that is made again whenever it is lost.

Whoever asks while Redis is known to be away is told so at once, and a Redis
that leaves us without an answer for too long is taken to be away.
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
from twisted_sse.history.redis.connect import RedisDialer
from twisted_sse.history.redis.errors import is_passing, reason_of, sentence_of
from twisted_sse.history.redis.protocol import ConnectionGone, RedisProtocol, Refused
from twisted_sse.history.redis.scripts import Script

__all__ = ["Outage", "RedisConnection", "RedisLost"]

# The pause after a first loss and the longest one, in seconds.  Each is up to a
# half shorter, so that many hubs do not come back at the same time.
_SHORTEST, _LONGEST = 0.1, 5.0

# A connection that has lasted this long, in seconds, is not one more that failed.
_SOUND = 1.0


class RedisLost(HistoryUnavailable):
    """
    The connection was lost before Redis had answered: it may have done what it
    was asked, or not.
    """


class Outage:
    """
    Tells the log when Redis goes away, and when it is back: once each, however
    many connections there are and however often they are tried.
    """

    _log = Logger()

    def __init__(self, address: str) -> None:
        self.address = address
        self._away: set[object] = set()

    def begin(self, connection: object, reason: str) -> None:
        """
        *connection* is lost, or cannot be made.
        """
        if not self._away:
            self._log.warn(
                "Redis at {address} is away: {reason}; trying again",
                address=self.address,
                reason=reason,
            )
        self._away.add(connection)

    def end(self, connection: object) -> None:
        """
        *connection* is made.
        """
        if connection in self._away:
            self._away.remove(connection)
            if not self._away:
                self._log.info("Redis at {address} is back", address=self.address)


class RedisConnection:
    """
    Runs from `start` to `stop`.

    Args:
        silence: How long Redis may leave a question without a byte, in seconds.
    """

    _log = Logger()

    def __init__(
        self, dialer: RedisDialer, outage: Outage, silence: float, clock: IReactorTime
    ) -> None:
        self._dialer = dialer
        self._outage = outage
        self._silence = silence
        self._clock = clock
        # Why there is no connection.  None: there is one, or none was tried yet.
        self._reason: str | None = None
        self._protocol: RedisProtocol | None = None
        self._ready: list[Deferred[None]] = []
        self._tried: list[Deferred[None]] = []
        self._look: IDelayedCall | None = None
        self._stopped = False
        self._running: Deferred[None] = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    async def stop(self) -> None:
        """
        Give the connection up, and make none any more.
        """
        self._stopped = True
        self._running.cancel()
        await self._running
        self._lose("this history has stopped")
        self._tell(self._ready)

    def ready(self) -> Deferred[None]:
        """
        Wait until there is a connection, or will be none any more.
        """
        waiting = self._protocol is None and not self._stopped
        return _join(self._ready) if waiting else succeed(None)

    async def call(self, *command: str | int) -> Any:
        """
        Have Redis do *command*.

        Commands are done in the order of their coming.

        Raises:
            RedisLost: The connection was lost meanwhile.

            HistoryUnavailable: There is none, or Redis refuses the command.

            Refused: It does not know the script.
        """
        if self._protocol is None and self._reason is None:
            await _join(self._tried)
        protocol = self._protocol
        if protocol is None:
            raise HistoryUnavailable(self._sentence())
        answer = protocol.ask(*command)
        if self._look is None:
            self._look = self._clock.callLater(self._silence, self._look_after, protocol)
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
        Have Redis do *script*; otherwise as `call`.
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
                await self._live()
            except Exception as error:
                if self._stopped:
                    # What is canceled while it connects fails in ways of its own.
                    return
                self._lose(reason_of(error))
                self._outage.begin(self, reason_of(error))
            failures = 0 if self._clock.seconds() - started > _SOUND else failures + 1
            longest = min(_LONGEST, _SHORTEST * 1.5 ** min(failures, 10))
            await deferLater(self._clock, longest * random.uniform(0.5, 1))

    async def _live(self) -> None:
        """
        Connect, and raise the reason when the connection has ended.
        """
        protocol = await self._dialer.dial()
        self._protocol, self._reason = protocol, None
        self._outage.end(self)
        self._tell(self._ready)
        self._tell(self._tried)
        try:
            raise await protocol.when_gone()
        except CancelledError as stopped:
            protocol.drop(stopped)
            await protocol.when_gone()
            raise

    def _lose(self, reason: str) -> None:
        self._protocol, self._reason = None, reason
        if self._look is not None:
            self._look.cancel()
            self._look = None
        self._tell(self._tried)

    def _look_after(self, protocol: RedisProtocol) -> None:
        """
        See whether Redis still answers.
        """
        self._look = None
        if not protocol.waiting:
            return
        left = protocol.heard + self._silence - self._clock.seconds()
        if left > 0:
            self._look = self._clock.callLater(left, self._look_after, protocol)
        else:
            protocol.drop(HistoryUnavailable(f"it has not answered for {self._silence:g} seconds"))

    def _refused(self, message: str, protocol: RedisProtocol) -> HistoryUnavailable:
        reason = HistoryUnavailable(sentence_of(message))
        if is_passing(message):
            protocol.drop(reason)
        return HistoryUnavailable(self._sentence(str(reason)))

    def _sentence(self, reason: str | None = None) -> str:
        return f"Redis at {self._outage.address} is of no use now: {reason or self._reason}."

    def _tell(self, waiting: list[Deferred[None]]) -> None:
        told, waiting[:] = waiting[:], []
        for one in told:
            one.callback(None)

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("The connection to Redis is not made any more", failure)


def _join(waiting: list[Deferred[None]]) -> Deferred[None]:
    one: Deferred[None] = Deferred(waiting.remove)
    waiting.append(one)
    return one
