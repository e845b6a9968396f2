"""
Which connections there are, and how many more there may be.

Newcomers are refused at a limit; nobody is let go to make room, because who is
let go comes back and takes somebody else's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from twisted.internet.interfaces import IAddress

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.errors import TooManyConnections, TooManyConnectionsFromAddress

__all__ = ["Registry"]


class Registry:
    """
    The open connections of a hub.

    Iterating goes over a copy, so connections may end meanwhile.

    Args:
        limit: The most connections; ``None``: any number.

        limit_per_address: The most connections from one network address.
    """

    def __init__(self, limit: int | None, limit_per_address: int | None) -> None:
        self._limit = limit
        self._limit_per_address = limit_per_address
        self._connections: dict[Connection, None] = {}
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections))

    def __contains__(self, connection: object) -> bool:
        return connection in self._connections

    def of_user(self, user: str) -> list[Connection]:
        """
        The connections of *user*.
        """
        return [connection for connection in self._connections if connection.user == user]

    def of_topic(self, topic: str) -> list[Connection]:
        """
        The connections that want what is published to *topic*.
        """
        return [
            connection for connection in self._connections if connection.topics.matches((topic,))
        ]

    def check_capacity(self, address: IAddress) -> None:
        """
        See whether one more from *address* may come.

        Raises:
            TooManyConnections: The hub is full.

            TooManyFromAddress: *address* has its share.
        """
        if self._limit is not None and len(self._connections) >= self._limit:
            raise TooManyConnections(f"The limit of {self._limit} connections is reached.")
        limit = self._limit_per_address
        if limit is not None and self._addresses[_host(address)] >= limit:
            raise TooManyConnectionsFromAddress(
                f"The limit of {limit} connections from one address is reached."
            )

    def add(self, connection: Connection) -> None:
        """
        Count *connection* in.
        """
        self._connections[connection] = None
        self._addresses[_host(connection.address)] += 1

    def remove(self, connection: Connection) -> None:
        """
        Count *connection* out.
        """
        del self._connections[connection]
        host = _host(connection.address)
        self._addresses[host] -= 1
        if not self._addresses[host]:
            del self._addresses[host]


def _host(address: IAddress) -> str:
    # Addresses of UNIX sockets have no host: whatever comes through a proxy's
    # socket counts as one address.
    return getattr(address, "host", "")
