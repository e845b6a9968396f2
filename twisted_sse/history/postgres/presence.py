"""
Who is at which hub, in PostgreSQL: kept beside the events, in tables that are not logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted_sse.events.presence import NodeChange, Occupancy, PresenceNews
from twisted_sse.history.postgres.binary import int_from, statement, texts, texts_from
from twisted_sse.history.postgres.connection import PostgresConnection
from twisted_sse.history.postgres.schema import Schema
from twisted_sse.history.presencepairs import (
    changes_of,
    decode_pairs,
    encode_pairs,
    occupancy_pairs,
)

__all__ = ["PostgresPresence"]

# Changes in one answer, and members in one: parsing so many takes some milliseconds.
_PAGE: Final = 100
_MEMBERS: Final = 500

_EXCHANGE: Final = """
    SELECT known, cursor, nodes, pairs FROM @schema@.exchange_presence($1, $2::text[], $3::text[],
        $4, $5::bigint, make_interval(secs => $6::float8), $7::int)
"""
_EVERYTHING: Final = """
    SELECT number, node, field, value FROM @schema@.presence_member
    WHERE number > $1::bigint AND node <> $2 ORDER BY number LIMIT $3::int
"""


class PostgresPresence:
    """
    See `IPresenceStore`.
    """

    def __init__(self, connection: PostgresConnection, schema: Schema) -> None:
        self._connection = connection
        self._schema = schema

    async def exchange(
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> PresenceNews:
        """
        See `IPresenceStore.exchange`.
        """
        pairs = occupancy_pairs(changes)
        given = (texts([one for one, _ in pairs]), texts([one for _, one in pairs]))
        cursor = None if after is None else int(after)
        asking = statement(
            self._schema.sql(_EXCHANGE), node, *given, encode_pairs(pairs), cursor, ttl, _PAGE
        )
        (result,) = await self._connection.call(asking)
        known, newest, nodes, learned = (result.get_value(0, column) for column in range(4))
        was_known, reached = known == b"\1", str(int_from(newest or b""))
        if nodes is None:
            return PresenceNews(was_known, reached, await self._everything(node), whole=True)
        news = list(zip(texts_from(nodes), texts_from(learned or b""), strict=True))
        found = [one for other, text in news for one in _changes(other, text) if other != node]
        return PresenceNews(was_known, reached, found, more=len(news) >= _PAGE)

    async def _everything(self, node: str) -> list[NodeChange]:
        found: list[NodeChange] = []
        after = 0
        while True:
            asking = statement(self._schema.sql(_EVERYTHING), after, node, _MEMBERS)
            (result,) = await self._connection.call(asking)
            for row in range(result.ntuples):
                number, *rest = (result.get_value(row, column) or b"" for column in range(4))
                other, field, value = (one.decode() for one in rest)
                found += changes_of(other, [(field, value)])
                after = int_from(number)
            if result.ntuples < _MEMBERS:
                return found


def _changes(node: str, text: str) -> list[NodeChange]:
    return list(changes_of(node, decode_pairs(text))) if text else [NodeChange(node, None)]
