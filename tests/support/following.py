"""
Publications and a follower, for tests of shared histories.
"""

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.topics import Selection

__all__ = ["ALL", "MANY", "Following", "data_of", "publication"]

ALL = Selection.of(["*"])
MANY = 1 << 20


def publication(data: str, topic: str = "a", event_id: str | None = None) -> Publication:
    """
    Make a publication.
    """
    return Publication((topic,), ServerSentEvent(data, id=event_id))


def data_of(records: Sequence[Record]) -> list[str | None]:
    """
    Return the data of *records*.
    """
    return [one.publication.event.data for one in records]


class Following:
    """
    Collects what a history delivers.

    Attributes:
        kept: All records that were delivered.

        restarts: The tails of all restarts.

        known: What a hub has at the end: the last tail, if any, and what was delivered since.
    """

    def __init__(self) -> None:
        self.kept: list[Record] = []
        self.restarts: list[Tail] = []
        self.known: list[Record] = []
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    @property
    def data(self) -> list[str | None]:
        """
        The data of all delivered records.
        """
        return data_of(self.kept)

    def deliver(self, records: Sequence[Record]) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self.kept += records
        self.known += records
        self._look()

    def restart(self, tail: Tail) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self.restarts.append(tail)
        self.known = [*tail.kept]
        self._look()

    def has(self, count: int) -> Deferred[None]:
        """
        Wait until *count* records were delivered.
        """
        return self._wait(lambda: len(self.kept) >= count)

    def saw(self, data: str) -> Deferred[None]:
        """
        Wait until a record with *data* is known.
        """
        return self._wait(lambda: data in data_of(self.known))

    def restarted(self, count: int = 1) -> Deferred[None]:
        """
        Wait until there were *count* restarts.
        """
        return self._wait(lambda: len(self.restarts) >= count)

    def _wait(self, probe: Callable[[], bool]) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self._waiting.append((probe, done))
        self._look()
        return done

    def _look(self) -> None:
        for one in [one for one in self._waiting if one[0]()]:
            self._waiting.remove(one)
            one[1].callback(None)
