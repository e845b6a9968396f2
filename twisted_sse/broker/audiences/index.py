"""
All audiences of a hub, indexed by the topics that they want.

A publication is matched against those that may want it: those that name one of
its topics, and those that have a pattern.  So a thousand users with a topic of
their own cost a publication nothing.
"""

from __future__ import annotations

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.window import Entry, Window
from twisted_sse.events.publication import Publication
from twisted_sse.topics import Interest
from twisted_sse.transport.sinks.framing import Framing

__all__ = ["AudienceIndex"]


class AudienceIndex:
    """
    Makes audiences when they are needed, and forgets them when they are empty.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._all: dict[tuple[Interest, Framing], Audience] = {}
        self._by_topic: dict[str, dict[Audience, None]] = {}
        self._by_pattern: dict[Audience, None] = {}

    def __len__(self) -> int:
        return len(self._all)

    def enter(self, interest: Interest, framing: Framing) -> Audience:
        """
        The audience for *interest* over *framing*, which grows by one.
        """
        audience = self._all.get((interest, framing))
        if audience is None:
            audience = self._all[interest, framing] = Audience(interest, framing, self._window)
            for index in self._indices(audience):
                index[audience] = None
        audience.size += 1
        return audience

    def exit(self, audience: Audience) -> None:
        """
        *audience* shrinks by one, and is forgotten when nobody is left.
        """
        audience.size -= 1
        if audience.size == 0:
            del self._all[audience.interest, audience.framing]
            for index in self._indices(audience):
                del index[audience]
            for topic in audience.interest.wanted.exact:
                if not self._by_topic[topic]:
                    del self._by_topic[topic]

    def wanting(self, what: Entry | Publication) -> list[Audience]:
        """
        The audiences that get to see *what*, each once.
        """
        found = dict(self._by_pattern)
        for topic in what.topics:
            found.update(self._by_topic.get(topic, {}))
        return [
            audience for audience in found if audience.interest.matches(what.topics, what.private)
        ]

    def _indices(self, audience: Audience) -> list[dict[Audience, None]]:
        wanted = audience.interest.wanted
        indices = [self._by_topic.setdefault(topic, {}) for topic in wanted.exact]
        if wanted.everything or wanted.patterns:
            indices.append(self._by_pattern)
        return indices
