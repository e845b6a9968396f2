"""
What a run is told to be, to applications and to dialects.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from twisted_sse.events.ending import Outcome

__all__ = ["RunState", "RunStatus"]

#: What a run does: it goes on, or has ended with an outcome.
RunState = Literal["running"] | Outcome


class RunStatus(NamedTuple):
    """
    A run, as the store knows it when a reader asks.

    Attributes:
        name: The name that it was begun with.

        state: Whether it goes on, or how it has ended.

        begun: When it was begun, in seconds since 1970.

        number: Its place among the runs of the store: greater than those of the runs that
            were begun before it.
    """

    name: str
    state: RunState
    begun: float
    number: int = 0
