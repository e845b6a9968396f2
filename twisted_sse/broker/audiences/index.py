"""
All audiences of a hub, indexed by the topics that they want.

A publication is matched against the selections of all audiences at once, so an
audience that does not want it costs it next to nothing.
"""

from __future__ import annotations

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.window import Entry, Window
from twisted_sse.events.publication import Publication
from twisted_sse.topics import Interest, Selection, SelectionIndex
from twisted_sse.transport.sinks.framing import Framing

__all__ = ["AudienceIndex"]


class AudienceIndex:
    """
    Makes audiences when they are needed, and removes them when they are empty.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._all: dict[tuple[Interest, Framing], Audience] = {}
        self._wanting: dict[Selection, dict[Audience, None]] = {}
        self._wanted = SelectionIndex()
        # Only what needs a grant is matched against these.
        self._readable = SelectionIndex()

    def __len__(self) -> int:
        return len(self._all)

    def enter(self, interest: Interest, framing: Framing) -> Audience:
        """
        Return the audience for *interest* over *framing*, one connection larger.
        """
        audience = self._all.get((interest, framing))
        if audience is None:
            audience = self._all[interest, framing] = Audience(interest, framing, self._window)
            self._add(audience)
        audience.size += 1
        return audience

    def exit(self, audience: Audience) -> None:
        """
        Make *audience* one connection smaller, and remove it if it is empty.
        """
        audience.size -= 1
        if audience.size == 0:
            del self._all[audience.interest, audience.framing]
            self._remove(audience)

    def wanting(self, what: Entry | Publication) -> list[Audience]:
        """
        Find the audiences that receive *what*, each once.
        """
        readable: dict[Selection, None] | None = None
        found = []
        for selection in self._wanted.matching(what.topics):
            for audience in self._wanting[selection]:
                interest = audience.interest
                if not interest.needs_no_grant(what.private):
                    if readable is None:
                        readable = self._readable.matching(what.topics)
                    if interest.readable is None or interest.readable not in readable:
                        continue
                found.append(audience)
        return found

    def _add(self, audience: Audience) -> None:
        interest = audience.interest
        self._wanted.add(interest.wanted)
        self._wanting.setdefault(interest.wanted, {})[audience] = None
        if interest.readable is not None:
            self._readable.add(interest.readable)

    def _remove(self, audience: Audience) -> None:
        interest = audience.interest
        self._wanted.remove(interest.wanted)
        del self._wanting[interest.wanted][audience]
        if not self._wanting[interest.wanted]:
            del self._wanting[interest.wanted]
        if interest.readable is not None:
            self._readable.remove(interest.readable)
