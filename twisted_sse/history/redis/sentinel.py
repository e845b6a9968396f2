"""
Asks Sentinels where a Redis is.

Follows "Sentinel clients": https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.redis.errors import reason_of, sentence_of
from twisted_sse.history.redis.protocol import RedisProtocol
from twisted_sse.history.redis.replies import Refused
from twisted_sse.history.storeconnection import ConnectionGone

__all__ = ["Sentinels"]

# Parts of a Sentinel's answers, and what they mean.  The first match counts.
_MEANINGS: Final = {
    "WRONGPASS": "it refuses its user or password: check sentinel_user and sentinel_password",
    "NOAUTH": "it requires a password of its own: give sentinel_password, or"
    " sentinel-password-file to --history",
    "AUTH": "it refuses its user or password: check sentinel_user and sentinel_password",
    "NOPERM": "its user lacks permissions: grant it +sentinel|get-master-addr-by-name",
}


class Sentinels:
    """
    Args:
        addresses: Their hosts and ports.

        master: The name of the Redis.

        connect: Connects to a host and port, within a time that it chooses.

        login: The user, if it is not the default one, and the password; empty for none.
    """

    def __init__(
        self,
        addresses: tuple[tuple[str, int], ...],
        master: str,
        connect: Callable[[str, int], Awaitable[RedisProtocol]],
        login: tuple[str, ...],
    ) -> None:
        # The one that has answered last comes first.
        self._addresses = list(addresses)
        self._master = master
        self._connect = connect
        self._login = login

    async def find(self) -> tuple[str, int]:
        """
        Return the host and the port of the master.

        Raises:
            HistoryUnavailable: No Sentinel knows it.
        """
        reasons = []
        for address in list(self._addresses):
            try:
                found = await self._ask(*address)
            except (HistoryUnavailable, Refused, OSError) as error:
                text = _sentence_of(error.message) if isinstance(error, Refused) else str(error)
                reasons.append(f"{address[0]}:{address[1]}: {text.rstrip('.')}")
            else:
                self._addresses.remove(address)
                self._addresses.insert(0, address)
                return found
        raise HistoryUnavailable(f"no Sentinel says where it is: {'; '.join(reasons)}")

    async def _ask(self, host: str, port: int) -> tuple[str, int]:
        try:
            protocol = await self._connect(host, port)
        except Exception as error:
            if isinstance(error, HistoryUnavailable):
                raise
            raise HistoryUnavailable(reason_of(error)) from None
        try:
            if self._login:
                await protocol.ask("AUTH", *self._login)
            answer = await protocol.ask("SENTINEL", "get-master-addr-by-name", self._master)
        except ConnectionGone as gone:
            raise HistoryUnavailable(reason_of(gone.reason)) from None
        finally:
            protocol.drop(HistoryUnavailable("the Sentinel was asked"))
        if not answer:
            raise HistoryUnavailable(f"it knows no master {self._master!r}")
        return answer[0].decode(), int(answer[1])


def _sentence_of(message: str) -> str:
    """
    Explain an error that a Sentinel has answered, in half a sentence.
    """
    for mark, meaning in _MEANINGS.items():
        if mark in message:
            return meaning
    return sentence_of(message)
