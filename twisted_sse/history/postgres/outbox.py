"""
Moves what was published with SQL into the one order.

Every hub tries, and one at a time does.  A look at an empty outbox is cheap, but not free, so
the pauses grow while nothing is published.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.bell import Bell
from twisted_sse.history.outage import Outage
from twisted_sse.history.postgres.binary import int_from, statement, texts_from
from twisted_sse.history.postgres.connection import PostgresConnection
from twisted_sse.history.postgres.reader import PostgresBounds
from twisted_sse.history.postgres.schema import Schema
from twisted_sse.history.storeconnection import StoreRefused

__all__ = ["LONGEST_PAUSE", "SHORTEST_PAUSE", "OutboxMover"]

_MOVE: Final = """
    SELECT moved, discarded FROM @schema@.move($1::int, $2::bigint, $3::bigint,
        make_interval(secs => $4::float8))
"""

# The most publications that are moved in one transaction.
_MOST: Final = 500

#: The pause between two looks while publications come, and the longest while none do, in seconds.
SHORTEST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 0.25

# The pauses grow by this factor: the longest one is reached after a second.
_GROWTH: Final = 1.25


class OutboxMover:
    """
    Moves from its creation until `stop`.

    Args:
        outage: Told when PostgreSQL refuses to move.

        bell: Rung when somebody has published.
    """

    _log = Logger()

    def __init__(
        self,
        connection: PostgresConnection,
        schema: Schema,
        bounds: PostgresBounds,
        outage: Outage,
        bell: Bell,
        clock: IReactorTime,
    ) -> None:
        self._connection = connection
        self._moving = statement(schema.sql(_MOVE), _MOST, *bounds)
        self._outage = outage
        self._bell = bell
        self._running: Deferred[None] = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    def stop(self) -> None:
        """
        Move nothing more.
        """
        self._running.cancel()

    async def _run(self) -> None:
        pause = SHORTEST_PAUSE
        while True:
            await self._connection.ready()
            moved = await self._move()
            pause = SHORTEST_PAUSE if moved > 0 else min(LONGEST_PAUSE, pause * _GROWTH)
            if moved < _MOST:
                await self._bell.wait(pause)

    async def _move(self) -> int:
        try:
            (result,) = await self._connection.call(self._moving)
        except StoreRefused as refused:
            self._outage.begin("moving", refused.reason)
            return 0
        except HistoryUnavailable:
            # There is no connection, as the outage says already.
            return 0
        self._outage.end("moving")
        discarded = texts_from(result.get_value(0, 1) or b"")
        if discarded:
            # Not their topics: the name of a private topic may say too much.
            self._log.warn(
                "Publications with SQL were discarded, because their topics had ended when they"
                " were to be moved: {count}",
                count=len(discarded),
            )
        return int_from(result.get_value(0, 0) or b"")

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("What is published with SQL is not moved any more", failure)
