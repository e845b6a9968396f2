"""
All audiences of a hub, indexed by the topics that they want.

A publication is matched against the selections of all audiences at once, so an
audience that does not want it costs it next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.representation import Representation
from twisted_sse.broker.audiences.window import Entry, Window
from twisted_sse.events.publication import Publication
from twisted_sse.topics import Interest, Selection, SelectionIndex
from twisted_sse.transport.framing import Framing

__all__ = ["AudienceIndex"]

_ByReadable = dict[Selection, dict[Audience, None]]


class AudienceIndex:
    """
    Makes audiences when they are needed, and removes them when they are empty.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._all: dict[tuple[Interest, Representation, Framing], Audience] = {}
        self._groups: dict[Selection, _Group] = {}
        self._wanted = SelectionIndex()
        # Matched only if the publication needs a grant.
        self._readable = SelectionIndex()

    def __len__(self) -> int:
        return len(self._all)

    def enter(
        self, interest: Interest, representation: Representation, framing: Framing
    ) -> Audience:
        """
        Count one more connection in the audience of these three, and return it.
        """
        key = (interest, representation, framing)
        audience = self._all.get(key)
        if audience is None:
            audience = self._all[key] = Audience(*key, self._window)
            self._add(audience)
        audience.size += 1
        return audience

    def enter_again(self, audience: Audience) -> bool:
        """
        Count one more connection in *audience*, if it has any.

        Returns:
            False if it has none: then it may be no part of the index any more.
        """
        if not audience.size:
            return False
        audience.size += 1
        return True

    def exit(self, audience: Audience) -> None:
        """
        Make *audience* one connection smaller, and remove it if it is empty.
        """
        audience.size -= 1
        if audience.size == 0:
            del self._all[audience.interest, audience.representation, audience.framing]
            self._remove(audience)

    def wanting(self, what: Entry | Publication) -> list[Audience]:
        """
        Find the audiences that receive *what*, each once.
        """
        found: list[Audience] = []
        readable: dict[Selection, None] | None = None
        for wanted in self._wanted.matching(what.topics):
            group = self._groups[wanted]
            if not what.private:
                found += group.public
            for granted in group.needing_grant(what.private):
                if readable is None:
                    readable = self._readable.matching(what.topics)
                for selection in _in_both(granted, readable):
                    found += granted[selection]
        return found

    def _add(self, audience: Audience) -> None:
        interest = audience.interest
        self._wanted.add(interest.wanted)
        if interest.readable is not None:
            self._readable.add(interest.readable)
        self._groups.setdefault(interest.wanted, _Group()).add(audience)

    def _remove(self, audience: Audience) -> None:
        interest = audience.interest
        self._wanted.remove(interest.wanted)
        if interest.readable is not None:
            self._readable.remove(interest.readable)
        group = self._groups[interest.wanted]
        group.remove(audience)
        if not group.everyone:
            del self._groups[interest.wanted]


class _Group:
    """
    The audiences that want the same topics, by what their grants cover.

    Attributes:
        everyone: All of them.

        public: Those that receive every publication that is not private.
    """

    def __init__(self) -> None:
        self.everyone: dict[Audience, None] = {}
        self.public: dict[Audience, None] = {}
        self._granted: tuple[_ByReadable, _ByReadable] = ({}, {})

    def needing_grant(self, private: bool) -> list[_ByReadable]:
        """
        Return the audiences that receive a publication only if they may read it.

        Args:
            private: Whether the publication is private.
        """
        others, public = self._granted
        return [some for some in ((others, public) if private else (others,)) if some]

    def add(self, audience: Audience) -> None:
        """
        Add *audience*, which wants the topics of this group.
        """
        interest = audience.interest
        self.everyone[audience] = None
        if interest.public:
            self.public[audience] = None
        if interest.readable is not None:
            granted = self._granted[interest.public]
            granted.setdefault(interest.readable, {})[audience] = None

    def remove(self, audience: Audience) -> None:
        """
        Remove *audience*.
        """
        interest = audience.interest
        del self.everyone[audience]
        self.public.pop(audience, None)
        if interest.readable is not None:
            granted = self._granted[interest.public]
            del granted[interest.readable][audience]
            if not granted[interest.readable]:
                del granted[interest.readable]


def _in_both(
    one: Mapping[Selection, object], other: Mapping[Selection, object]
) -> Iterator[Selection]:
    fewer, more = (one, other) if len(one) < len(other) else (other, one)
    return (selection for selection in fewer if selection in more)
