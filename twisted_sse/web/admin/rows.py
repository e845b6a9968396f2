"""
Connections, written as JSON; and those of a query, of one process and of several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from twisted.internet.interfaces import IReactorTime

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.web.admin.listing import ConnectionQuery, Filter, id_key
from twisted_sse.web.admin.slices import visit_all

__all__ = ["find_connections", "host_of", "merge_connections"]

# The most topics of a connection that a row has; it says how many there are.
_MOST_TOPICS = 20

# A row, what it is sorted by, and what decides between equals.
_Ranked = tuple[Any, tuple[str, int], Connection]


async def find_connections(
    registry: Registry, query: ConnectionQuery, clock: IReactorTime, now: Callable[[], float]
) -> dict[str, Any]:
    """
    Find the connections of this process that a query asks for.

    Args:
        now: Returns the date, in seconds since 1970.

    Returns:
        ``total``, how many match, and ``rows``, the first of them, each with its ``key``
        for `merge_connections`.
    """
    matches = Filter(query, host_of, registry.id_of)
    best = _Best(query.most, query.descending)
    # Read once, so that all ages are compared at the same moment.
    key_of = _key(query.column, now() - clock.seconds(), registry)

    def visit(connection: Connection) -> None:
        if connection.ended is None and matches(connection):
            best.add((key_of(connection), id_key(registry.id_of(connection)), connection))

    await visit_all(registry, visit, clock)
    rows: list[dict[str, Any]] = []

    def write(ranked: _Ranked) -> None:
        key, name, connection = ranked
        rows.append({"key": [key, list(name)], **_row(connection, registry, clock, now)})

    await visit_all(best.first(), write, clock)
    return {"total": best.total, "rows": rows}


def merge_connections(
    answers: Sequence[Mapping[str, Any]], query: ConnectionQuery
) -> dict[str, Any]:
    """
    Put together what several processes have found.
    """
    rows = [dict(row) for answer in answers for row in answer["rows"]]
    rows.sort(key=lambda row: row["key"], reverse=query.descending)
    page = rows[query.offset : query.most]
    for row in page:
        del row["key"]
    return {"total": sum(answer["total"] for answer in answers), "connections": page}


def host_of(connection: Connection) -> str:
    """
    The address of *connection*, without its port; ``unix`` for a socket without one.
    """
    host: str = getattr(connection.address, "host", None) or "unix"
    # A dual-stack socket reports an IPv4 address like this.
    return host.removeprefix("::ffff:")


class _Best:
    """
    The first *most* of what is added, however much that is.
    """

    def __init__(self, most: int, descending: bool) -> None:
        self._most = most
        self._descending = descending
        self._found: list[_Ranked] = []
        self.total = 0

    def add(self, ranked: _Ranked) -> None:
        """
        Add one.
        """
        self.total += 1
        self._found.append(ranked)
        # Now and then, so that no sort takes long and little is kept.
        if len(self._found) > 2 * self._most + 1000:
            self._squeeze()

    def first(self) -> list[_Ranked]:
        """
        Return them in their order.
        """
        self._squeeze()
        return self._found

    def _squeeze(self) -> None:
        self._found.sort(key=lambda one: one[:2], reverse=self._descending)
        del self._found[self._most :]


def _key(column: str, epoch: float, registry: Registry) -> Callable[[Connection], Any]:
    keys: dict[str, Callable[[Connection], Any]] = {
        "id": lambda connection: 0,
        "since": lambda connection: epoch + connection.since,
        "user": lambda connection: (connection.user or "").casefold(),
        "address": host_of,
        "protocol": lambda connection: connection.protocol,
        "topics": lambda connection: str(connection.topics).casefold(),
        "state": lambda connection: connection.phase,
        "lag": lambda connection: 0 if connection.live else connection.lag,
        "events": lambda connection: connection.sent_events,
        "bytes": lambda connection: connection.sent_bytes,
    }
    return keys[column]


def _row(
    connection: Connection, registry: Registry, clock: IReactorTime, now: Callable[[], float]
) -> dict[str, Any]:
    selection = connection.topics
    since = datetime.fromtimestamp(now() - (clock.seconds() - connection.since), UTC)
    return {
        "id": registry.id_of(connection),
        "user": connection.user,
        "address": host_of(connection),
        "port": getattr(connection.address, "port", None),
        "protocol": connection.protocol,
        "topics": list(islice(selection, _MOST_TOPICS)),
        "topic_count": 1
        if selection.everything
        else len(selection.exact) + len(selection.patterns),
        "since": since.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "seconds": round(connection.duration, 3),
        "state": connection.phase,
        "position": connection.position.id,
        "lag": connection.lag,
        "events": connection.sent_events,
        "bytes": connection.sent_bytes,
        "unsent": connection.unsent,
    }
