"""
A connection to Redis that is made again whenever it is lost.

While Redis is known to be unavailable, calls fail at once.  A Redis that does
not answer for too long counts as unavailable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.outage import Outage
from twisted_sse.history.redis.connect import RedisConnector
from twisted_sse.history.redis.errors import is_passing, reason_of, sentence_of
from twisted_sse.history.redis.protocol import RedisProtocol
from twisted_sse.history.redis.replies import Refused
from twisted_sse.history.redis.script import Script
from twisted_sse.history.storeconnection import (
    ConnectionGone,
    StoreConnection,
    StoreLost,
    StoreRefused,
)

__all__ = ["RedisConnection"]

# The longest pause between two attempts to connect, in seconds.  After a failover, a new
# master is found within this time.
_LONGEST = 1.0


class RedisConnection(StoreConnection[RedisProtocol]):
    """
    Connects from its creation until `stop`.

    Args:
        silence: The longest time that Redis may send nothing while it owes an
            answer, in seconds.
    """

    def __init__(
        self, connector: RedisConnector, outage: Outage, silence: float, clock: IReactorTime
    ) -> None:
        super().__init__(connector.connect, outage, silence, _LONGEST, clock)

    async def call(self, *command: str | int) -> Any:
        """
        Send *command* to Redis, and return the answer.

        Redis executes commands in the order of these calls.

        Raises:
            StoreLost: The connection was lost before Redis answered.

            StoreRefused: Redis has refused the command.

            HistoryUnavailable: There is no connection.

            Refused: Redis does not know the script.
        """
        protocol = await self._connected()
        answer = protocol.ask(*command)
        self._expect_answer(protocol)
        try:
            return await answer
        except ConnectionGone as gone:
            raise StoreLost(self._sentence(reason_of(gone.reason))) from None
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

    def _reason_of(self, error: Exception) -> str:
        return reason_of(error)

    def _refused(self, message: str, protocol: RedisProtocol) -> HistoryUnavailable:
        reason = HistoryUnavailable(sentence_of(message))
        if is_passing(message):
            protocol.drop(reason)
        return StoreRefused(self._sentence(str(reason)), str(reason))
