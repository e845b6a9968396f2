"""
Ends the connections of a grant that is withdrawn as a whole, such as that of a token.
"""

from __future__ import annotations

from itertools import islice
from typing import Final, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["Revocable"]

# How many connections are ended at once: about 5 ms.
_AT_ONCE: Final = 100


class _Dismissable(Protocol):
    def dismiss(self, reason: EndReason) -> None: ...


class Revocable:
    """
    What grants came from, and the open connections that rely on it.

    Attributes:
        revoked: Whether it is withdrawn, for ever.
    """

    _log = Logger()

    def __init__(self) -> None:
        self.revoked = False
        self._connections: dict[_Dismissable, None] = {}

    def hold(self, connection: _Dismissable) -> None:
        """
        Note *connection*, which relies on this; end it if this is already revoked.
        """
        if self.revoked:
            connection.dismiss(EndReason.REVOKED)
        else:
            self._connections[connection] = None

    def forget(self, connection: _Dismissable) -> None:
        """
        Release *connection*, which may be unknown.
        """
        self._connections.pop(connection, None)

    def revoke(self, clock: IReactorTime) -> int:
        """
        End all connections that rely on this, some in each turn of the reactor.

        Returns:
            How many there are.
        """
        self.revoked = True
        count = len(self._connections)
        self._end_some(clock)
        return count

    def _end_some(self, clock: IReactorTime) -> None:
        for connection in list(islice(self._connections, _AT_ONCE)):
            self._connections.pop(connection, None)
            try:
                connection.dismiss(EndReason.REVOKED)
            except Exception:
                self._log.failure("A stream whose grant was revoked could not be ended")
        if self._connections:
            clock.callLater(0, self._end_some, clock)
