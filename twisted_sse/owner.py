"""
Whom a connection belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from twisted_sse.reason import Reason

__all__ = ["Owner"]

C = TypeVar("C")


class Owner(NamedTuple, Generic[C]):
    """
    What a connection tells its hub.

    Attributes:
        resume: The connection is behind and may be written to.

        blocked: The connection cannot be written to.

        unblocked: It can be again.

        ended: The connection has ended, for this reason.

        lag: Tells how many publications follow a number, as far as they are in
            the window.

        seconds: Tells the time.
    """

    resume: Callable[[C], None]
    blocked: Callable[[C], None]
    unblocked: Callable[[C], None]
    ended: Callable[[C, Reason], None]
    lag: Callable[[int], int]
    seconds: Callable[[], float]
