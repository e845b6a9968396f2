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
from twisted_sse.broker.connections.elsewhere import ALONE, Elsewhere
from twisted_sse.errors import TooManyConnections, TooManyConnectionsFromAddress
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

    Attributes:
        elsewhere: The connections of other processes of the hub, which the limits
            include.
    """

    def __init__(self, limit: int | None, limit_per_address: int | None) -> None:
        self._limit = limit
        self._limit_per_address = limit_per_address
        self._connections: dict[Connection, None] = {}
        self._networks: Counter[str] = Counter()
        self.elsewhere: Elsewhere = ALONE

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

    def check_capacity(self, address: IAddress) -> None:
        """
        Refuse one more connection from *address* if a limit is reached.

        Raises:
            TooManyConnections: The limit of all connections is reached.

            TooManyConnectionsFromAddress: The limit of *address* is reached.
        """
        elsewhere = self.elsewhere
        if self._limit is not None and len(self) + elsewhere.total >= self._limit:
            raise TooManyConnections(f"The limit of {self._limit} connections is reached.")
        limit = self._limit_per_address
        if limit is None:
            return
        network = network_of(address)
        if self._networks[network] + elsewhere.of(network) >= limit:
            raise TooManyConnectionsFromAddress(
                f"The limit of {limit} connections from one address is reached."
            )

    def add(self, connection: Connection) -> None:
        """
        Add *connection*.
        """
        self._connections[connection] = None
        network = network_of(connection.address)
        self._networks[network] += 1
        self.elsewhere.changed(len(self), network, self._networks[network])

    def remove(self, connection: Connection) -> None:
        """
        Remove *connection*.
        """
        del self._connections[connection]
        network = network_of(connection.address)
        count = self._networks[network] = self._networks[network] - 1
        if not count:
            del self._networks[network]
        self.elsewhere.changed(len(self), network, count)
