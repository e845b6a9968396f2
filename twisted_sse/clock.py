"""
The global reactor as a clock, looked up at the first call.

Importing this package, or making a hub, does not choose a reactor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, cast

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

__all__ = ["GlobalClock"]


@implementer(IReactorTime)
class GlobalClock:
    """
    Forwards every call to the global reactor.
    """

    @cached_property
    def reactor(self) -> IReactorTime:
        """
        The global reactor.
        """
        from twisted.internet import reactor

        return cast(IReactorTime, reactor)

    def seconds(self) -> float:
        """
        See `IReactorTime.seconds`.
        """
        return self.reactor.seconds()

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object
    ) -> IDelayedCall:
        """
        See `IReactorTime.callLater`.
        """
        return self.reactor.callLater(delay, callable, *args, **kwargs)

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """
        See `IReactorTime.getDelayedCalls`.
        """
        return self.reactor.getDelayedCalls()
