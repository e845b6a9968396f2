"""
The connections that other processes of the same hub serve.

Limits hold for the hub, so the registry of each process counts those of the others too.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["ALONE", "Elsewhere"]


class Elsewhere(Protocol):
    """
    What is known of the connections of the other processes.
    """

    @property
    def total(self) -> int:
        """
        Their number.
        """

    def of(self, network: str) -> int:
        """
        The number of connections from *network*, as `network_of` names it.
        """

    def changed(self, total: int, network: str, count: int) -> None:
        """
        Take the numbers of this process: of all its connections, and of those from
        *network*.  Called whenever they change.
        """


class _Alone:
    total = 0

    def of(self, network: str) -> int:
        return 0

    def changed(self, total: int, network: str, count: int) -> None:
        pass


#: For a hub of one process.
ALONE: Elsewhere = _Alone()
