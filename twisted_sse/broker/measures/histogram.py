"""
How often a quantity had which size.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

__all__ = ["Histogram"]


class Histogram:
    """
    Counts observations by their size.

    Args:
        bounds: The upper bounds of the buckets, in ascending order.  An observation is
            in the first bucket whose bound it does not exceed; one more bucket has
            those that exceed all of them.

    Attributes:
        counts: The observations in each bucket.

        sum: The sum of all observations.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, size: float, count: int = 1) -> None:
        """
        Add *count* observations of *size*.
        """
        self.counts[bisect_left(self.bounds, size)] += count
        self.sum += size * count

    def write(self) -> dict[str, Any]:
        """
        Return its content as JSON can hold it: ``counts`` and ``sum``.
        """
        return {"counts": list(self.counts), "sum": self.sum}
