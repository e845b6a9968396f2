"""
What of a batch history can keep, as far as ends of topics and owners of runs are
concerned.

Nothing is kept in a topic after its end.  History knows the ends that it has kept; those
that come with the batch itself are found here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from twisted_sse.errors import RunLost, TopicEnded
from twisted_sse.events.publication import Publication

__all__ = ["NotTaken", "has_end", "is_refused", "screen"]

#: Why history has kept nothing of a batch.
NotTaken = TopicEnded | RunLost

#: The publications of each submission.
_Batch = Sequence[Sequence[Publication]]


def has_end(publications: Sequence[Publication]) -> bool:
    """
    Whether a topic ends with one of *publications*.
    """
    return any(one.outcome is not None for one in publications)


def is_refused(publications: Sequence[Publication], refusal: NotTaken) -> bool:
    """
    Whether *refusal* is about one of *publications*.
    """
    return bool(_refused(publications, refusal))


def screen(batch: _Batch, refusal: NotTaken | None) -> list[NotTaken | None]:
    """
    Decide about the submissions of *batch*, up to the first that needs to know whether
    history keeps those before it.

    Args:
        refusal: What history has said before.

    Returns:
        For each submission, from the first on, why it cannot be kept, or ``None`` if it
        can.  Those that follow are for the next batch.
    """
    decided: list[NotTaken | None] = []
    ending: set[str] = set()
    for publications in batch:
        if not ending.isdisjoint(_topics(publications)):
            break
        error = _error_of(publications, refusal)
        decided.append(error)
        if error is None:
            ending.update(_topics(one for one in publications if one.outcome is not None))
    return decided


def _error_of(publications: Sequence[Publication], refusal: NotTaken | None) -> NotTaken | None:
    found = [] if refusal is None else _refused(publications, refusal)
    if refusal is not None and found:
        return type(refusal)(found)
    ends: set[str] = set()
    for one in publications:
        over = [topic for topic in one.topics if topic in ends]
        if over:
            return TopicEnded(over)
        if one.outcome is not None:
            ends.update(one.topics)
    return None


def _refused(publications: Sequence[Publication], refusal: NotTaken) -> list[str]:
    """
    The topics of *publications* that *refusal* is about.
    """
    anyone = isinstance(refusal, TopicEnded)
    refused = (one for one in publications if anyone or one.owner is not None)
    return [topic for topic in dict.fromkeys(_topics(refused)) if topic in refusal.topics]


def _topics(publications: Iterable[Publication]) -> Iterator[str]:
    return (topic for one in publications for topic in one.topics)
