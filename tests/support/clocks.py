"""
A clock on which work takes time.
"""

from twisted.internet.task import Clock

__all__ = ["CostlyClock"]


class CostlyClock(Clock):
    """
    Each `seconds` call takes *cost* seconds, and so uses up a turn's budget.

    Attributes:
        cost: In seconds; 0 makes it a `Clock` like any other.
    """

    def __init__(self, cost: float = 0.0) -> None:
        super().__init__()
        self.cost = cost

    def seconds(self) -> float:
        """
        See `IReactorTime.seconds`.
        """
        self.rightNow += self.cost
        return super().seconds()

    def advance(self, amount: float) -> None:
        """
        Run one reactor turn: calls scheduled during it wait for the next one.
        """
        self.rightNow += amount
        for call in [call for call in self.calls if call.getTime() <= self.rightNow]:
            if call in self.calls:
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
