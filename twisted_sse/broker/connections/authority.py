"""
What vouches for grants, such as the key that tokens are signed with.

An authority that is revoked ends the streams of every grant it has vouched for, in
whatever hub they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Authority"]


class Authority:
    """
    Vouches for the grants that name it, until it is revoked.

    Attributes:
        revoked: Whether it has been revoked.
    """

    __slots__ = ("_holders", "revoked")

    def __init__(self) -> None:
        self._holders: dict[Any, Callable[[Any], None]] = {}
        self.revoked = False

    def __len__(self) -> int:
        return len(self._holders)

    def hold(self, holder: Any, end: Callable[[Any], None]) -> None:
        """
        Call ``end(holder)`` when this is revoked; at once if it has been.
        """
        if self.revoked:
            end(holder)
        else:
            self._holders[holder] = end

    def forget(self, holder: Any) -> None:
        """
        Do not call for *holder*, which may be unknown.
        """
        self._holders.pop(holder, None)

    def revoke(self) -> int:
        """
        End what it vouches for.  Only the first call has an effect.

        Returns:
            The number of streams that end: not all at once, but soon.
        """
        self.revoked = True
        holders, self._holders = self._holders, {}
        for holder, end in holders.items():
            end(holder)
        return len(holders)
