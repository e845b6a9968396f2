"""
A clock on which work takes time.
"""

from twisted.internet.task import Clock

__all__ = ["CostlyClock"]


class CostlyClock(Clock):
    """
    Each look at it takes *cost* seconds, so a turn's budget is used up by looking.

    Attributes:
        cost: In seconds; 0 makes it a `Clock` like any other.

        looks: How often it was looked at.
    """

    def __init__(self, cost: float = 0.0) -> None:
        super().__init__()
        self.cost = cost
        self.looks = 0

    def seconds(self) -> float:
        """
        See `IReactorTime.seconds`.
        """
        self.looks += 1
        self.rightNow += self.cost
        return super().seconds()
