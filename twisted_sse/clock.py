"""
The global reactor as a clock, looked up when it is first asked.

Whoever imports this package, or makes a hub, has chosen no reactor yet.
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
    Does what the global reactor does.
    """

    @cached_property
    def _reactor(self) -> IReactorTime:
        from twisted.internet import reactor

        return cast(IReactorTime, reactor)

    def seconds(self) -> float:
        """
        See `IReactorTime.seconds`.
        """
        return self._reactor.seconds()

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object
    ) -> IDelayedCall:
        """
        See `IReactorTime.callLater`.
        """
        return self._reactor.callLater(delay, callable, *args, **kwargs)

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """
        See `IReactorTime.getDelayedCalls`.
        """
        return self._reactor.getDelayedCalls()
