"""
The open connections of a hub, and the limits on their number.

At a limit, new connections are refused.  No open connection is closed to make
room: its reader would come back and take the room of another.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator

from twisted.internet.interfaces import IAddress

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.elsewhere import ALONE, Elsewhere, user_key
from twisted_sse.broker.connections.names import ConnectionNames
from twisted_sse.errors import (
    TooManyConnections,
    TooManyConnectionsFromAddress,
    TooManyConnectionsOfUser,
)
from twisted_sse.transport.addresses import network_of

__all__ = ["Registry"]

# More are no number of a connection, and take time.
_DIGITS = 18


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

    Attributes:
        elsewhere: The connections of other processes of the hub, which the limits
            include.

        names: Names them.

        epoch: Tells the numbers of these connections from those of other processes and
            other starts.
    """

    def __init__(
        self,
        limit: int | None,
        limit_per_address: int | None = None,
        limit_per_user: int | None = None,
    ) -> None:
        self.set_limits(limit, limit_per_address, limit_per_user)
        self._connections: dict[int, Connection] = {}
        self._networks: Counter[str] = Counter()
        self._users: Counter[str] = Counter()
        self.elsewhere: Elsewhere = ALONE
        self.names = ConnectionNames()
        self.epoch = secrets.token_hex(4)
        self._newest = 0

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
        return iter(list(self._connections.values()))

    def __contains__(self, connection: object) -> bool:
        if not isinstance(connection, Connection):
            return False
        return self._connections.get(connection.number) is connection

    def named(self, name: str) -> Connection | None:
        """
        The connection with this name.
        """
        number = self.names.number_of(name)
        return None if number is None else self._connections.get(number)

    def of_user(self, user: str) -> list[Connection]:
        """
        The connections of *user*.
        """
        return [one for one in self._connections.values() if one.user == user]

    def id_of(self, connection: Connection) -> str:
        """
        Identifies *connection*, for those who look at the hub: no other one ever has the
        same, on any hub.
        """
        return f"{self.epoch}-{connection.number}"

    def with_id(self, connection_id: str) -> Connection | None:
        """
        The connection that has this ID; ``None`` if there is none, or none any more.
        """
        epoch, _, number = connection_id.rpartition("-")
        if epoch != self.epoch:
            return None
        if not (number.isascii() and number.isdigit()) or len(number) > _DIGITS:
            return None
        found = self._connections.get(int(number))
        return found if found is not None and self.id_of(found) == connection_id else None

    def of_topic(self, topic: str) -> list[Connection]:
        """
        The connections that subscribe to *topic*.
        """
        # Many connections have the same selection, and matching one takes a while.
        selections = {connection.topics for connection in self._connections.values()}
        matching = {selection for selection in selections if selection.matches((topic,))}
        return [one for one in self._connections.values() if one.topics in matching]

    def check_capacity(self, address: IAddress, user: str | None = None) -> None:
        """
        Refuse one more connection of *user* from *address* if a limit is reached.

        Raises:
            TooManyConnections: The limit of all connections is reached.

            TooManyConnectionsFromAddress: The limit of *address* is reached.

            TooManyConnectionsOfUser: The limit of *user* is reached.
        """
        elsewhere = self.elsewhere
        if self._limit is not None and len(self) + elsewhere.total >= self._limit:
            raise TooManyConnections(f"The limit of {self._limit} connections is reached.")
        limit = self._limit_per_address
        network = "" if limit is None else network_of(address)
        if limit is not None and self._networks[network] + elsewhere.of(network) >= limit:
            raise TooManyConnectionsFromAddress(
                f"The limit of {limit} connections from one address is reached."
            )
        limit = self._limit_per_user
        if limit is None or user is None:
            return
        if self._users[user] + elsewhere.of(user_key(user)) >= limit:
            raise TooManyConnectionsOfUser(
                f"The limit of {limit} connections of one user is reached: close another one."
            )

    def has_room(self, address: IAddress, user: str | None = None) -> bool:
        """
        Whether `check_capacity` would raise nothing.
        """
        try:
            self.check_capacity(address, user)
        except (TooManyConnections, TooManyConnectionsFromAddress, TooManyConnectionsOfUser):
            return False
        return True

    def add(self, connection: Connection) -> None:
        """
        Add *connection*.
        """
        self._newest += 1
        connection.number = self._newest
        self._connections[connection.number] = connection
        network = network_of(connection.address)
        self._networks[network] += 1
        self._tell(network, self._networks[network])
        if connection.user is not None:
            self._add_user(connection.user)

    def remove(self, connection: Connection) -> None:
        """
        Remove *connection*.
        """
        del self._connections[connection.number]
        network = network_of(connection.address)
        self._tell(network, _subtract(self._networks, network))
        if connection.user is not None:
            self._remove_user(connection.user)

    def set_user(self, connection: Connection, user: str | None) -> None:
        """
        Let *connection* be *user*'s from now on, whatever the user's limit.
        """
        if connection.user == user:
            return
        # One that has ended does not count any more.
        counts = connection in self
        if counts and connection.user is not None:
            self._remove_user(connection.user)
        connection.user = user
        if counts and user is not None:
            self._add_user(user)

    def _add_user(self, user: str) -> None:
        self._users[user] += 1
        self._tell(user_key(user), self._users[user])

    def _remove_user(self, user: str) -> None:
        self._tell(user_key(user), _subtract(self._users, user))

    def _tell(self, client: str, count: int) -> None:
        self.elsewhere.changed(len(self), client, count)


def _subtract(counter: Counter[str], key: str) -> int:
    left = counter[key] = counter[key] - 1
    if not left:
        del counter[key]
    return left
