"""
What of a batch history can keep, as far as ends of topics are concerned.

Nothing is kept in a topic after its end.  History knows the ends that it has kept; those
that come with the batch itself are found here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from twisted_sse.errors import TopicEnded
from twisted_sse.events.publication import Publication

__all__ = ["concerns", "has_end", "screen"]

#: The publications of each submission.
_Batch = Sequence[Sequence[Publication]]


def has_end(publications: Sequence[Publication]) -> bool:
    """
    Whether a topic ends with one of *publications*.
    """
    return any(one.outcome is not None for one in publications)


def concerns(topics: Collection[str], publications: Sequence[Publication]) -> bool:
    """
    Whether one of *publications* is for one of *topics*.
    """
    return any(topic in topics for one in publications for topic in one.topics)


def screen(batch: _Batch, ended: Collection[str]) -> list[TopicEnded | None]:
    """
    Decide about the submissions of *batch*, up to the first that needs to know whether
    history keeps those before it.

    Args:
        ended: Topics that have ended, as history has said.

    Returns:
        For each submission, from the first on, why it cannot be kept, or ``None`` if it
        can.  Those that follow are for the next batch.
    """
    decided: list[TopicEnded | None] = []
    ending: set[str] = set()
    for publications in batch:
        if concerns(ending, publications):
            break
        over, ends = _overlap(publications, ended)
        decided.append(TopicEnded(over) if over else None)
        if not over:
            ending |= ends
    return decided


def _overlap(
    publications: Sequence[Publication], ended: Collection[str]
) -> tuple[list[str], set[str]]:
    """
    Find the topics of *publications* that have ended before, and those that end with them.
    """
    ends: set[str] = set()
    over: list[str] = []
    for one in publications:
        over += [topic for topic in one.topics if topic in ended or topic in ends]
        if one.outcome is not None:
            ends.update(one.topics)
    return over, ends
