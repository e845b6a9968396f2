"""
What a run is told to be, to applications, to dialects, and to those who look from outside.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from twisted_sse.events.ending import Outcome

__all__ = ["ActiveRun", "RunState", "RunStatus"]

#: What a run does: it goes on, or has ended with an outcome.
RunState = Literal["running"] | Outcome


class RunStatus(NamedTuple):
    """
    A run, as the store knows it when somebody asks.

    Attributes:
        name: The name that it was begun with.

        state: Whether it goes on, or how it has ended.

        begun: When it was begun, in seconds since 1970.

        number: Its place among the runs of the store: greater than those of the runs that
            were begun before it.

        topic: What its events are published to.

        start: The ID of the event with which it began: its own events follow.

        private: Whether only those can read it whose grant covers the topic.
    """

    name: str
    state: RunState
    begun: float
    number: int = 0
    topic: str = ""
    start: str = ""
    private: bool = True


class ActiveRun(NamedTuple):
    """
    A run whose source this process reads.

    Attributes:
        name: The name that it was begun with.

        topic: What its events are published to.

        user: Who has begun it; ``None`` if nobody has said.

        begun: When it was begun, in seconds since 1970.

        events: How many events its source has yielded.

        bytes: How many bytes these have.

        readers: How many connections of this process get them.
    """

    name: str
    topic: str
    user: str | None
    begun: float
    events: int
    bytes: int
    readers: int
