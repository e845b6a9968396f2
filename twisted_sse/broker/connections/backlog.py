"""
What a connection is sent between its old topics and its new ones.

When the topics of an open stream change, it first gets the events of the new topics
that it has missed, as far as its subscriber asks for them.  The stream has its own
position meanwhile, at which it goes on with the new topics.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_sse.events.preamble import OLDEST
from twisted_sse.events.publication import Position
from twisted_sse.topics import Interest, Selection

__all__ = ["Backlog", "SentTopics"]

# The most earlier interests that a connection remembers.  A page that changes its topics
# more often, and asks for events from before all of these changes, may get an event again
# that has both an old topic and a new one.
_MOST_REMEMBERED = 64


class SentTopics:
    """
    What a connection has been sent, before its topics changed.

    Args:
        began: The number of the position that its stream began after.
    """

    __slots__ = ("_spans", "_until")

    def __init__(self, began: int) -> None:
        self._until = began
        self._spans: list[tuple[int, int, Interest]] = []

    def changed(self, interest: Interest, number: int) -> None:
        """
        Note that the connection has been sent what *interest* matches, up to *number*.
        """
        if number > self._until:
            self._spans.append((self._until, number, interest))
            self._until = number
            del self._spans[:-_MOST_REMEMBERED]

    def has(self, number: int, topics: Sequence[str], private: bool) -> bool:
        """
        Whether the connection has been sent the event with this number.
        """
        return any(
            after < number <= until and interest.matches(topics, private)
            for after, until, interest in self._spans
        )


class Backlog:
    """
    The events of added topics that a connection still has to be sent.

    Attributes:
        added: The topics.

        position: Everything of them up to here has been sent.

        goal: The position of the stream, at which the backlog ends.

        first: The frame that precedes it, until that has been written.

        last: The frame that follows it.
    """

    __slots__ = ("_sent", "added", "first", "goal", "last", "position")

    def __init__(
        self,
        added: Selection | None,
        sent: SentTopics,
        position: Position,
        goal: Position,
        first: bytes,
        last: bytes,
    ) -> None:
        self._sent = sent
        self.added = added
        self.position = position
        self.goal = goal
        self.first = first
        self.last = last

    @property
    def done(self) -> bool:
        """
        Whether nothing is missing but the last frame.
        """
        return self.added is None or (
            self.position != OLDEST and self.position.number >= self.goal.number
        )

    def wants(self, interest: Interest, number: int, topics: Sequence[str], private: bool) -> bool:
        """
        Whether an event belongs to the backlog.

        Args:
            interest: That of the connection.
        """
        assert self.added is not None
        return (
            self.added.matches(topics)
            and interest.may_read(topics, private)
            and not self._sent.has(number, topics, private)
        )
