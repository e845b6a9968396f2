"""
Ends the connections whose authorities are revoked.

A few end in each turn of the reactor, because one key may have signed the tokens of
all subscribers.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.broker.connections.authority import Authority
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["Revocation"]

# How many connections end in one turn of the reactor: about 5 ms.
_AT_ONCE = 50


class Revocation:
    """
    Knows what vouches for each connection.

    A connection costs something here only if its grant names an authority.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._authorities: dict[Connection, Authority] = {}
        self._ending: deque[Connection] = deque()

    def __len__(self) -> int:
        """
        The number of connections that an authority vouches for.
        """
        return len(self._authorities)

    def hold(self, connection: Connection, authority: Authority | None) -> None:
        """
        End *connection* when *authority* is revoked, and for no other authority.
        """
        self.forget(connection)
        if authority is not None:
            self._authorities[connection] = authority
            authority.hold(connection, self._end_soon)

    def forget(self, connection: Connection) -> None:
        """
        Release *connection*, which may be unknown.
        """
        authority = self._authorities.pop(connection, None)
        if authority is not None:
            authority.forget(connection)

    def _end_soon(self, connection: Connection) -> None:
        if not self._ending:
            self._clock.callLater(0, self._end_some)
        self._ending.append(connection)

    def _end_some(self) -> None:
        for _ in range(min(_AT_ONCE, len(self._ending))):
            connection = self._ending.popleft()
            authority = self._authorities.get(connection)
            # A new grant may have come from another authority meanwhile.
            if authority is not None and authority.revoked:
                self._end(connection)
        if self._ending:
            self._clock.callLater(0, self._end_some)

    def _end(self, connection: Connection) -> None:
        try:
            connection.dismiss(EndReason.REVOKED)
        except Exception:
            self._log.failure("A stream whose authorization was revoked could not be ended")
