"""
Visits many things without holding the reactor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

__all__ = ["visit_all"]

T = TypeVar("T")

# How long the reactor is held at a time, in seconds: as long as by a fan-out.
_BUDGET = 0.003

# How many are visited between two readings of the clock.
_STRIDE = 64


async def visit_all(items: Iterable[T], visit: Callable[[T], object], clock: IReactorTime) -> None:
    """
    Call ``visit(item)`` for each of *items*, in slices.

    Args:
        items: May not change meanwhile: pass a copy.
    """
    left = iter(items)
    until = clock.seconds() + _BUDGET
    while True:
        stride = list(islice(left, _STRIDE))
        for item in stride:
            visit(item)
        if len(stride) < _STRIDE:
            return
        if clock.seconds() >= until:
            await deferLater(clock, 0)
            until = clock.seconds() + _BUDGET
