"""
What works as long as the hub does, beside the broker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

__all__ = ["HubPart", "Parts"]


class HubPart(Protocol):
    """
    Something that works as long as the hub does.
    """

    def start(self) -> None:
        """
        Begin; it may have begun before.
        """

    async def stop(self) -> None:
        """
        End.  The hub still takes publications, and waits a while.
        """


class Parts:
    """
    The parts of one hub, in the order in which they were added.

    Args:
        start_soon: Called when there is a part although the hub has not begun.
    """

    def __init__(self, start_soon: Callable[[], None]) -> None:
        self._start_soon = start_soon
        self._parts: list[HubPart] = []
        self._begun = False

    def __iter__(self) -> Iterator[HubPart]:
        return iter(self._parts)

    def add(self, part: HubPart) -> None:
        """
        Let *part* begin and end with the hub.
        """
        self._parts.append(part)
        if self._begun:
            part.start()
        else:
            self._start_soon()

    def begin(self) -> None:
        """
        Start all parts: the hub begins.
        """
        self._begun = True
        for part in self._parts:
            part.start()
