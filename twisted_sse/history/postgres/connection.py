"""
A connection to PostgreSQL that is made again whenever it is lost.

While PostgreSQL is known to be unavailable, calls fail at once.  One that does not answer
for too long counts as unavailable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.outage import Outage
from twisted_sse.history.postgres.binary import Statement
from twisted_sse.history.postgres.connect import PostgresConnector
from twisted_sse.history.postgres.errors import (
    SQLRefused,
    explain_lost,
    explain_refused,
    is_temporary,
    was_rolled_back,
)
from twisted_sse.history.postgres.protocol import PostgresProtocol
from twisted_sse.history.postgres.session import Session
from twisted_sse.history.storeconnection import (
    ConnectionGone,
    StoreConnection,
    StoreLost,
    StoreRefused,
)

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

__all__ = ["PostgresConnection"]

# The longest pause between two attempts to connect, in seconds.
_LONGEST: Final = 1.0


class PostgresConnection(StoreConnection[PostgresProtocol]):
    """
    Connects from its creation until `stop`.

    Args:
        session: What is asked first on each connection.

        silence: The longest time that PostgreSQL may send nothing while it owes an answer,
            in seconds.

        connected: Called when there is a connection.

        notified: Called with the channel of each notification.
    """

    def __init__(
        self,
        connector: PostgresConnector,
        session: Session,
        outage: Outage,
        silence: float,
        clock: IReactorTime,
        connected: Callable[[], None],
        notified: Callable[[str], None] | None = None,
    ) -> None:
        self._tell_connected = connected
        self._connector = connector
        self._session = session
        self._notified = notified
        super().__init__(self._open, outage, silence, _LONGEST, clock)

    @property
    def pooled(self) -> bool:
        """
        Whether notifications do not arrive.
        """
        return self._session.pooled

    async def call(self, *statements: Statement) -> list[PGresult]:
        """
        Run *statements* in one transaction, and return the result of each.

        PostgreSQL executes them in the order of these calls.

        Raises:
            StoreLost: The connection was lost before PostgreSQL answered.

            StoreRefused: PostgreSQL has answered with an error.

            HistoryUnavailable: There is no connection.
        """
        protocol = await self._connected()
        answer = protocol.run(*statements)
        self._expect_answer(protocol)
        try:
            return await answer
        except ConnectionGone as gone:
            raise StoreLost(self._sentence(explain_lost(gone.reason))) from None
        except SQLRefused as refused:
            reason = explain_refused(refused)
            if is_temporary(refused):
                protocol.drop(refused)
            again = was_rolled_back(refused)
            raise StoreRefused(self._sentence(reason), reason, again) from None

    def reconnect(self, reason: str) -> None:
        """
        Make a new connection, because this one shows another store than before.
        """
        if self._protocol is not None:
            self._protocol.drop(HistoryUnavailable(reason))

    def _open(self) -> Deferred[PostgresProtocol]:
        return self._connector.connect().addCallback(self._attend)

    def _attend(self, protocol: PostgresProtocol) -> PostgresProtocol:
        if self._notified is not None:
            protocol.notified = self._notified
        self._tell_connected()
        return protocol

    def _reason_of(self, error: Exception) -> str:
        return explain_lost(error)
