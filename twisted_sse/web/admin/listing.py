"""
Which connections somebody wants to see, and in which order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from twisted_sse.broker.connections.connection import Connection, Phase
from twisted_sse.topics import Selection
from twisted_sse.web.problem import Problem

__all__ = [
    "LARGEST_PAGE",
    "SORTS",
    "ConnectionQuery",
    "Filter",
    "id_key",
    "read_number",
    "single_values",
]

#: The most rows of one answer.
LARGEST_PAGE = 1000

# The most rows that may be left out before those of an answer: with several processes,
# each one finds as many.
_LARGEST_OFFSET = 2000

#: What connections can be sorted by.
SORTS = (
    *("id", "since", "user", "address", "protocol", "topics", "state"),
    *("lag", "events", "bytes"),
)

_STATES = get_args(Phase)

_NAMES = ("q", "user", "address", "topic", "state", "protocol", "lag")


@dataclass(frozen=True, kw_only=True)
class ConnectionQuery:
    """
    Attributes:
        q: A text that the user, the address, the name or a topic contains, whatever the
            case.

        user, address, protocol, state: Exactly these.

        topic: A topic of which the connection gets events.

        lag: The least lag.

        sort: One of `SORTS`, with a ``-`` before it for descending order.

        after: The name of the last connection of the page before, for ``sort=id``.

        offset: How many connections to leave out before the first.

        limit: The most connections of the answer.
    """

    q: str = ""
    user: str | None = None
    address: str | None = None
    topic: str | None = None
    state: str | None = None
    protocol: str | None = None
    lag: int = 0
    sort: str = "id"
    after: str | None = None
    offset: int = 0
    limit: int = 100

    @classmethod
    def parse(cls, pairs: Sequence[tuple[str, str]]) -> ConnectionQuery:
        """
        Read the query of a URL.

        Raises:
            Problem: It cannot be obeyed.
        """
        names = (*_NAMES, "sort", "after", "offset", "limit")
        values: dict[str, Any] = dict(single_values(pairs, names))
        for name, most in (("lag", 10**9), ("offset", _LARGEST_OFFSET), ("limit", LARGEST_PAGE)):
            if name in values:
                values[name] = read_number(name, values[name], most)
        query = cls(**values)
        if query.sort.removeprefix("-") not in SORTS:
            raise Problem(400, f"sort is one of {', '.join(SORTS)}, with a - before it to reverse.")
        if query.state is not None and query.state not in _STATES:
            raise Problem(400, f"state is one of {', '.join(_STATES)}.")
        if query.after is not None and (query.sort != "id" or not _is_name(query.after)):
            raise Problem(400, "after is the id of a connection, and only for sort=id.")
        return query

    def encode(self) -> dict[str, Any]:
        """
        Write it so that ``ConnectionQuery(**…)`` reads it.
        """
        return asdict(self)

    @property
    def column(self) -> str:
        """
        What to sort by.
        """
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        """
        Whether the largest comes first.
        """
        return self.sort.startswith("-")

    @property
    def most(self) -> int:
        """
        How many connections have to be found for the answer.
        """
        return self.offset + self.limit


class Filter:
    """
    Says whether connections match a query, of one process and at one time.

    Args:
        host: Returns the address of a connection, as text.

        id_of: Returns the ID of a connection.
    """

    def __init__(
        self,
        query: ConnectionQuery,
        host: Callable[[Connection], str],
        id_of: Callable[[Connection], str],
    ) -> None:
        self._query = query
        self._host = host
        self._id_of = id_of
        self._text = query.q.casefold()
        self._after = None if query.after is None else id_key(query.after)
        # Many connections have the same selection, and matching one takes a while.
        self._matching: dict[Selection, bool] = {}
        self._containing: dict[Selection, bool] = {}

    def __call__(self, connection: Connection) -> bool:
        """
        Return whether *connection* matches.
        """
        query = self._query
        return (
            (query.user is None or connection.user == query.user)
            and (query.protocol is None or connection.protocol == query.protocol)
            and (query.state is None or connection.phase == query.state)
            and (query.address is None or self._host(connection) == query.address)
            and (self._after is None or id_key(self._id_of(connection)) > self._after)
            and (not query.lag or (not connection.live and connection.lag >= query.lag))
            and (query.topic is None or self._matches(connection.topics, query.topic))
            and (not self._text or self._contains(connection))
        )

    def _matches(self, selection: Selection, topic: str) -> bool:
        found = self._matching.get(selection)
        if found is None:
            found = self._matching[selection] = selection.matches((topic,))
        return found

    def _contains(self, connection: Connection) -> bool:
        texts = (connection.user or "", self._host(connection), self._id_of(connection))
        if any(self._text in text.casefold() for text in texts):
            return True
        selection = connection.topics
        found = self._containing.get(selection)
        if found is None:
            found = any(self._text in topic.casefold() for topic in selection)
            self._containing[selection] = found
        return found


def id_key(connection_id: str) -> tuple[str, int]:
    """
    What the IDs of connections are sorted by.
    """
    epoch, _, number = connection_id.partition("-")
    return epoch, int(number)


def single_values(pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> Mapping[str, str]:
    """
    Return the values of a query, each of which may be there once; empty ones are left out.

    Raises:
        Problem: There are others than *names*, or one of them twice.
    """
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            raise Problem(400, f"{name!r} is unknown here: use {', '.join(names)}.")
        if name in values:
            raise Problem(400, f"{name!r} is there twice: write it once.")
        values[name] = value
    return {name: value for name, value in values.items() if value}


def read_number(name: str, text: str, most: int, least: int = 0) -> int:
    """
    Read a number from *least* to *most*.

    Raises:
        Problem: It is something else.
    """
    written = text.isascii() and text.isdigit() and len(text) < 11
    if not (written and least <= int(text) <= most):
        lower = f"at least {least} and " if least else ""
        raise Problem(400, f"{name} is a whole number, {lower}at most {most}.")
    return int(text)


def _is_name(text: str) -> bool:
    epoch, dash, number = text.partition("-")
    return bool(epoch and dash and number.isascii() and number.isdigit() and len(number) < 20)
