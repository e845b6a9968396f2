"""
A row of the table: where its figure comes from, what it is compared with, its target.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Figure", "Target", "at_most", "times"]


@dataclass(frozen=True)
class Target:
    """
    The most that a figure may be: times what it is compared with, or in its own unit.

    Args:
        least: It is the least instead.
    """

    limit: float
    of: Literal["ratio", "value"]
    least: bool = False

    def met(self, reached: float) -> bool:
        """
        Say whether *reached* is on the right side.
        """
        return reached >= self.limit if self.least else reached <= self.limit


@dataclass(frozen=True)
class Figure:
    """
    One row.

    Args:
        title: What was measured, with its sizes.

        kind, key: Which value of which runs.

        unit: Of the value shown, which is the measured one divided by *scale*.

        base: Server and kind that the ratio is formed with; None for no ratio.

        target: None if the row is there for the record.

        server: Whose value is ours in this row; the others' are the peers'.
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
    At most so many times what it is compared with.
    """
    return Target(limit, "ratio")


def at_most(limit: float) -> Target:
    """
    At most so much, in the unit that is shown.
    """
    return Target(limit, "value")
