"""
Which topics are subscribed to, and by how many connections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from twisted.internet.interfaces import IReactorTime

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.topics import Selection
from twisted_sse.web.admin.listing import LARGEST_PAGE, read_number, single_values
from twisted_sse.web.admin.slices import visit_all

__all__ = ["TopicQuery", "find_topics", "merge_topics"]

# The most topics that one process tells; it says whether there are more.
_MOST = 20_000


@dataclass(frozen=True, kw_only=True)
class TopicQuery:
    """
    Attributes:
        q: A text that the topic contains, whatever the case.

        offset: How many topics to leave out before the first.

        limit: The most topics of the answer.
    """

    q: str = ""
    offset: int = 0
    limit: int = 100

    @classmethod
    def parse(cls, pairs: Sequence[tuple[str, str]]) -> TopicQuery:
        """
        Read the query of a URL.

        Raises:
            Problem: It cannot be obeyed.
        """
        values: dict[str, Any] = dict(single_values(pairs, ("q", "offset", "limit")))
        for name, most in (("offset", _MOST), ("limit", LARGEST_PAGE)):
            if name in values:
                values[name] = read_number(name, values[name], most)
        return cls(**values)

    def encode(self) -> dict[str, Any]:
        """
        Write it so that ``TopicQuery(**…)`` reads it.
        """
        return asdict(self)


async def find_topics(registry: Registry, query: TopicQuery, clock: IReactorTime) -> dict[str, Any]:
    """
    Count the connections of this process by their topics, as they are written in the
    subscriptions.

    Returns:
        ``counts`` by topic, and ``complete``, whether that are all topics.
    """
    selections: Counter[Selection] = Counter()
    counts: Counter[str] = Counter()
    text = query.q.casefold()

    def count(connection: Connection) -> None:
        selections[connection.topics] += 1

    def spread(selection: Selection) -> None:
        for topic in selection:
            if (topic in counts or len(counts) < _MOST) and text in topic.casefold():
                counts[topic] += selections[selection]

    await visit_all(registry, count, clock)
    await visit_all(list(selections), spread, clock)
    return {"counts": counts, "complete": len(counts) < _MOST}


def merge_topics(answers: Sequence[Mapping[str, Any]], query: TopicQuery) -> dict[str, Any]:
    """
    Put together what several processes have counted: the most wanted topics first.
    """
    counts: Counter[str] = Counter()
    for answer in answers:
        counts.update(answer["counts"])
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    page = ranked[query.offset : query.offset + query.limit]
    return {
        "total": len(counts),
        "complete": all(answer["complete"] for answer in answers),
        "topics": [{"topic": topic, "connections": count} for topic, count in page],
    }
