"""
The values with which hubs and histories speak of runs.

A run is a topic with one owner, which begins it, publishes to it as long as it lives, and
ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from twisted_sse.events.control import BEGUN
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record

__all__ = ["RunBegun", "RunKey", "RunRecord", "beginning"]


class RunKey(NamedTuple):
    """
    Identifies a run in a store.

    Attributes:
        topic: What its events are published to.

        owner: Who has begun it: a text that nobody else uses, and nobody twice.
    """

    topic: str
    owner: str


class RunRecord(NamedTuple):
    """
    A run that a store knows.

    Attributes:
        key: Identifies it.

        begun: When it was begun, in seconds since 1970.

        start: The position of the record with which it began: its events follow.

        private: Whether its events are private.

        outcome: How it has ended; ``None`` while it goes on.
    """

    key: RunKey
    begun: float
    start: Position
    private: bool = False
    outcome: Outcome | None = None


class RunBegun(NamedTuple):
    """
    The result of `IRunHistory.begin_run`.

    Attributes:
        run: The run of the topic.  It was begun for the caller if the owner is the
            caller's.

        records: What was kept by this call: the record with which the run begins, or
            nothing if it had begun before.
    """

    run: RunRecord
    records: Sequence[Record]


def beginning(topic: str, private: bool) -> Publication:
    """
    The publication with which the run of *topic* begins: a control event.
    """
    return Publication((topic,), _BEGINNING, private)


_BEGINNING = ServerSentEvent("{}", event=BEGUN)
