"""
A clock on which work takes time.
"""

from twisted.internet.task import Clock

__all__ = ["CostlyClock"]


class CostlyClock(Clock):
    """
    A clock that advances by *cost* whenever it is read, so that reading it uses up the
    budget of a turn.

    Attributes:
        cost: In seconds; with 0 it is an ordinary `Clock`.
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
        Run one turn of a reactor: calls that are scheduled meanwhile wait for the next one.
        """
        self.rightNow += amount
        for call in [call for call in self.calls if call.getTime() <= self.rightNow]:
            if call in self.calls:
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
