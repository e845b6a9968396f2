"""
The connections that other processes of the same hub serve.

Limits hold for the hub, so the registry of each process counts those of the others too.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["ALONE", "Elsewhere", "user_key"]


def user_key(user: str) -> str:
    """
    Name a user so that no network has the same name.
    """
    return f"user {user}"


class Elsewhere(Protocol):
    """
    What is known of the connections of the other processes.
    """

    @property
    def total(self) -> int:
        """
        Their number.
        """

    def of(self, client: str) -> int:
        """
        The number of connections of *client*: a network, as `network_of` names it, or a
        user, as `user_key` does.
        """

    def changed(self, total: int, client: str, count: int) -> None:
        """
        Take the numbers of this process: of all its connections, and of those of *client*.
        Called whenever they change.
        """


class _Alone:
    total = 0

    def of(self, client: str) -> int:
        return 0

    def changed(self, total: int, client: str, count: int) -> None:
        pass


#: For a hub of one process.
ALONE: Elsewhere = _Alone()
