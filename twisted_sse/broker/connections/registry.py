"""
The open connections of a hub, and the limits on their number.

At a limit, new connections are refused.  No open connection is closed to make
room: its reader would come back and take the room of another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from twisted.internet.interfaces import IAddress

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.errors import (
    TooManyConnections,
    TooManyConnectionsFromAddress,
    TooManyConnectionsOfUser,
)
from twisted_sse.transport.addresses import network_of

__all__ = ["Registry"]


class Registry:
    """
    The open connections of a hub.

    Iteration goes over a copy, so connections may end meanwhile.

    Args:
        limit: The most connections; ``None`` for no limit.

        limit_per_address: The most connections from one client, as `network_of`
            tells them apart; ``None`` for no limit.

        limit_per_user: The most connections of one user, whom their grant names;
            ``None`` for no limit.  Connections without a user have none.
    """

    def __init__(
        self,
        limit: int | None,
        limit_per_address: int | None = None,
        limit_per_user: int | None = None,
    ) -> None:
        self.set_limits(limit, limit_per_address, limit_per_user)
        self._connections: dict[Connection, None] = {}
        self._networks: Counter[str] = Counter()
        self._users: Counter[str] = Counter()

    def set_limits(
        self, limit: int | None, limit_per_address: int | None, limit_per_user: int | None
    ) -> None:
        """
        Apply these limits to new connections from now on; those that are open stay.

        Args:
            limit, limit_per_address, limit_per_user: As for the constructor.
        """
        self._limit = limit
        self._limit_per_address = limit_per_address
        self._limit_per_user = limit_per_user

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
        The connections that subscribe to *topic*.
        """
        # Many connections have the same selection, and matching one takes a while.
        selections = {connection.topics for connection in self._connections}
        matching = {selection for selection in selections if selection.matches((topic,))}
        return [one for one in self._connections if one.topics in matching]

    def check_capacity(self, address: IAddress, user: str | None = None) -> None:
        """
        Refuse one more connection of *user* from *address* if a limit is reached.

        Raises:
            TooManyConnections: The limit of all connections is reached.

            TooManyConnectionsFromAddress: The limit of *address* is reached.

            TooManyConnectionsOfUser: The limit of *user* is reached.
        """
        if self._limit is not None and len(self._connections) >= self._limit:
            raise TooManyConnections(f"The limit of {self._limit} connections is reached.")
        limit = self._limit_per_address
        if limit is not None and self._networks[network_of(address)] >= limit:
            raise TooManyConnectionsFromAddress(
                f"The limit of {limit} connections from one address is reached."
            )
        limit = self._limit_per_user
        if limit is not None and user is not None and self._users[user] >= limit:
            raise TooManyConnectionsOfUser(
                f"The limit of {limit} connections of one user is reached: close another one."
            )

    def add(self, connection: Connection) -> None:
        """
        Add *connection*.
        """
        self._connections[connection] = None
        self._networks[network_of(connection.address)] += 1
        if connection.user is not None:
            self._users[connection.user] += 1

    def remove(self, connection: Connection) -> None:
        """
        Remove *connection*.
        """
        del self._connections[connection]
        _subtract(self._networks, network_of(connection.address))
        if connection.user is not None:
            _subtract(self._users, connection.user)

    def set_user(self, connection: Connection, user: str | None) -> None:
        """
        Let *connection* be *user*'s from now on, whatever the user's limit.
        """
        if connection.user == user:
            return
        # One that has ended does not count any more.
        counts = connection in self._connections
        if counts and connection.user is not None:
            _subtract(self._users, connection.user)
        connection.user = user
        if counts and user is not None:
            self._users[user] += 1


def _subtract(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
