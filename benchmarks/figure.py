"""
A row of the table: the source of its figure, its base for comparison, its target.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Figure", "Target", "at_most", "times"]


@dataclass(frozen=True)
class Target:
    """
    The most that a figure may be, as a ratio or in its own unit.

    Args:
        least: Whether *limit* is a minimum instead.
    """

    limit: float
    of: Literal["ratio", "value"]
    least: bool = False

    def met(self, reached: float) -> bool:
        """
        Whether *reached* meets the target.
        """
        return reached >= self.limit if self.least else reached <= self.limit


@dataclass(frozen=True)
class Figure:
    """
    One row.

    Args:
        title: What was measured, with its sizes.

        kind, key: The runs, and the value taken from them.

        unit: The unit of the value shown, which is the measured one divided by *scale*.

        base: Server and kind to divide by for the ratio; None for no ratio.

        target: None if the row is for information only.

        server: The server that counts as ours in this row; others are peers.
    """

    title: str
    kind: str
    key: str
    unit: str
    scale: float = 1.0
    base: tuple[str, str] | None = None
    target: Target | None = None
    server: str = "hub"


def times(limit: float) -> Target:
    """
    A ratio of at most *limit*.
    """
    return Target(limit, "ratio")


def at_most(limit: float) -> Target:
    """
    At most *limit*, in the unit shown.
    """
    return Target(limit, "value")
