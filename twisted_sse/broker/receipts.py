"""
Remembers the outcomes of publishing requests, so that a repeat is answered as before.

Only requests are remembered that a publisher can repeat safely: those with a key
of their own, or whose events all have IDs of their own.  The memory is bounded by
bytes, and is that of one process: history knows the IDs too, and is asked by *find*.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from twisted_sse.errors import HistoryUnavailable, HubClosed, PerhapsKept, TooManyPublications
from twisted_sse.events.publication import Position, Published, Record

__all__ = ["Find", "KeyReused", "PublishOutcome", "Receipts", "RepeatKey"]

# What an entry takes without its outcomes, and an outcome without its ID, in bytes:
# measured with tracemalloc on Python 3.11, rounded up.
_ENTRY_BYTES = 600
_OUTCOME_BYTES = 200


class KeyReused(Exception):
    """
    The key was used for another body before.
    """


class RepeatKey(NamedTuple):
    """
    Identifies a request and its repeats.

    Attributes:
        key: A digest of the publisher and its key.

        body: A digest of the body.
    """

    key: bytes
    body: bytes


#: The position or the record of a publication that was kept, and the number of
#: connections that get it.
PublishOutcome = tuple[Position | Record, int]

#: Submits the publications of a request.
Submit = Callable[[], "Deferred[list[Published]]"]

#: Looks for publications whose outcome is not known: fires with ``None`` if history
#: has not kept them.
Find = Callable[[], "Deferred[Sequence[PublishOutcome] | None]"]


class _Entry(NamedTuple):
    """
    Attributes:
        outcomes: ``None`` if history has not said whether it kept them.
    """

    body: bytes
    outcomes: Sequence[PublishOutcome] | None
    size: int


class _Flight(NamedTuple):
    body: bytes
    waiting: list[Deferred[Sequence[PublishOutcome]]]


class Receipts:
    """
    The outcomes of the newest requests, by key.

    ``len()`` is the number of requests.

    Args:
        max_bytes: The most memory that they may take.  The oldest are forgotten.

        asks_first: Whether history may have kept a request that is not remembered here,
            because another process has submitted it.
    """

    def __init__(
        self,
        max_bytes: int = 4 * 1024 * 1024,
        asks_first: Callable[[], bool] = lambda: False,
    ) -> None:
        self._max_bytes = max_bytes
        self._asks_first = asks_first
        self._size = 0
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._flights: dict[bytes, _Flight] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def once(
        self, repeat: RepeatKey, submit: Submit, find: Find | None = None
    ) -> Deferred[Sequence[PublishOutcome]]:
        """
        Submit a request, unless it repeats another one: then return its outcome,
        or wait for it.

        A request that failed is submitted again.

        Args:
            find: Asked first if the outcome of the previous request is unknown, or if
                *asks_first* says so; ``None`` submits again.

        Raises:
            KeyReused: The key was used for another body.
        """
        known = self._entries.get(repeat.key) or self._flights.get(repeat.key)
        if known is not None and known.body != repeat.body:
            raise KeyReused
        if isinstance(known, _Entry) and known.outcomes is not None:
            return succeed(known.outcomes)
        waiting: Deferred[Sequence[PublishOutcome]] = Deferred()
        if isinstance(known, _Flight):
            known.waiting.append(waiting)
            return waiting
        self._flights[repeat.key] = _Flight(repeat.body, [waiting])
        running = Deferred.fromCoroutine(self._settle(repeat.key, submit, find))
        running.addBoth(self._land, repeat)
        return waiting

    async def _settle(
        self, key: bytes, submit: Submit, find: Find | None
    ) -> Sequence[PublishOutcome]:
        doubtful = key in self._entries
        try:
            if find is not None and (doubtful or self._asks_first()):
                found = await find()
                if found is not None:
                    return found
                doubtful = False
            return await submit()
        except (HistoryUnavailable, HubClosed, TooManyPublications) as error:
            if not doubtful:
                raise
            # This attempt was not kept, but an earlier one may have been.
            raise PerhapsKept(str(error)) from error

    def _land(self, result: Sequence[PublishOutcome] | Failure, repeat: RepeatKey) -> None:
        flight = self._flights.pop(repeat.key)
        if not isinstance(result, Failure):
            self._remember(repeat, result)
        elif result.check(PerhapsKept):
            self._remember(repeat, None)
        else:
            self._forget(repeat.key)
        for waiting in flight.waiting:
            waiting.callback(result)

    def _remember(self, repeat: RepeatKey, outcomes: Sequence[PublishOutcome] | None) -> None:
        self._forget(repeat.key)
        # Without the publications, which may be large.
        short = outcomes and [(Position(one.number, one.id), count) for one, count in outcomes]
        size = _ENTRY_BYTES + sum(_OUTCOME_BYTES + len(one.id) for one, _ in short or ())
        self._entries[repeat.key] = _Entry(repeat.body, short, size)
        self._size += size
        while self._size > self._max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._size -= oldest.size

    def _forget(self, key: bytes) -> None:
        previous = self._entries.pop(key, None)
        if previous is not None:
            self._size -= previous.size
