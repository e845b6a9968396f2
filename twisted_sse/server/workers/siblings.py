"""
What a worker knows of the others, and asks about them.

The numbers of their connections are told by the parent whenever they change, so a limit
is exact but for what happens within a turn of the reactor or two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from twisted_sse.broker.receipts import Find, PublishOutcome, RepeatKey, Submit
from twisted_sse.broker.topicchanges import TopicRequest
from twisted_sse.events.publication import Position, Publication
from twisted_sse.events.replication import encode_publication
from twisted_sse.server.workers.calls import Calls
from twisted_sse.server.workers.topics import read_change, write_request

__all__ = ["OtherWorkers", "read_outcomes", "write_outcomes"]

# How long the parent may take to ask the others, in seconds: longer than it waits for
# each of them.
_TIMEOUT = 2.0

# How long an answer of the others is used, in seconds, and for how many sets of topics.
_FRESH = 1.0
_MOST_COUNTS = 1000

# Topics, and whether the event is private.
_Key = tuple[tuple[str, ...], bool]


class _Counts:
    """
    How many connections of the others get events of some topics, as they have said.

    Everything is forgotten when a connection of theirs begins or ends, which the parent
    tells.  Grants may change without that, so nothing is kept for long.

    Asking costs a turn of each reactor, and while these write to thousands of connections
    it delays every answer to a publisher by that (benchmarks, workers).

    Attributes:
        life: Changes whenever everything is forgotten.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._known: dict[_Key, int] = {}
        self._since = 0.0
        self.life = 0

    def get(self, keys: Sequence[_Key]) -> list[int] | None:
        """
        Return the numbers for *keys*, if all are known.
        """
        if self._clock.seconds() - self._since > _FRESH:
            self.forget()
        known = [self._known.get(key) for key in keys]
        found = [one for one in known if one is not None]
        return found if len(found) == len(known) else None

    def put(self, keys: Sequence[_Key], counts: Sequence[int], life: int) -> Sequence[int]:
        """
        Keep *counts*, which were asked for in *life*, and return them.
        """
        if life == self.life and len(self._known) + len(keys) <= _MOST_COUNTS:
            self._known.update(zip(keys, counts, strict=True))
        return counts

    def forget(self) -> None:
        """
        Forget everything.
        """
        self._known.clear()
        self._since = self._clock.seconds()
        self.life += 1


class OtherWorkers:
    """
    Implements `twisted_sse.broker.siblings.Siblings`, and its ``connections``.

    Args:
        calls: Reaches the parent.

    Attributes:
        total: The number of connections of the others.

        own: The number of connections of this worker.
    """

    def __init__(self, calls: Calls, clock: IReactorTime) -> None:
        self._calls = calls
        self._clock = clock
        self._clients: dict[str, int] = {}
        self._counts = _Counts(clock)
        self._changes: dict[str, int] = {}
        self._telling: IDelayedCall | None = None
        self._requests: dict[int, tuple[Submit, Find | None]] = {}
        self._next = 0
        self.total = 0
        self.own = 0

    @property
    def connections(self) -> OtherWorkers:
        """
        See `Siblings.connections`.
        """
        return self

    def of(self, client: str) -> int:
        """
        See `Elsewhere.of`.
        """
        return self._clients.get(client, 0)

    def changed(self, total: int, client: str, count: int) -> None:
        """
        See `Elsewhere.changed`.
        """
        self.own = total
        self._changes[client] = count
        if self._telling is None:
            self._telling = self._clock.callLater(0, self._tell)

    def learn(self, total: int, clients: dict[str, int]) -> None:
        """
        Take the numbers of the others: of all their connections, and of those of each
        network and user for which it has changed.
        """
        self.total = total
        self._counts.forget()
        for client, count in clients.items():
            if count:
                self._clients[client] = count
            else:
                self._clients.pop(client, None)

    def count(self, publications: Sequence[Publication]) -> Deferred[Sequence[int]]:
        """
        See `Siblings.count`.
        """
        keys = [(one.topics, one.private) for one in publications]
        known = self._counts.get(keys)
        if known is not None:
            return succeed(known)
        life = self._counts.life
        counting: Deferred[Sequence[int]] = self._calls.call("count", keys)
        counting.addTimeout(_TIMEOUT, self._clock)
        return counting.addCallbacks(
            lambda counts: self._counts.put(keys, counts, life), lambda _: [0] * len(keys)
        )

    async def change_topics(
        self, name: str, user: str | None, request: TopicRequest
    ) -> Sequence[str] | None:
        """
        See `Siblings.change_topics`.
        """
        return read_change(await self._calls.call("topics", name, user, write_request(request)))

    async def keep(self, publications: Sequence[Publication]) -> Sequence[Position]:
        """
        Have the parent keep *publications*.

        Raises:
            HistoryUnavailable, HubClosed: It has not kept them.
        """
        kept = await self._calls.call("append", _written(publications))
        return [Position(number, event_id) for number, event_id in kept]

    def submit_once(
        self,
        repeat: RepeatKey,
        publications: Sequence[Publication],
        submit: Submit,
        find: Find | None,
    ) -> Deferred[Sequence[PublishOutcome]]:
        """
        See `Siblings.submit_once`.
        """
        self._next += 1
        number = self._next
        self._requests[number] = submit, find
        written = _written(publications)
        key, body = repeat.key.hex(), repeat.body.hex()
        asking = self._calls.call("once", number, key, body, written, find is not None)
        return asking.addBoth(self._asked, number)

    def submit_own(self, number: int) -> Deferred[Any]:
        """
        Submit a request of this worker: the parent says that it is no repeat.
        """
        submit, _ = self._requests[number]
        return submit().addCallback(write_outcomes)

    def find_own(self, number: int) -> Deferred[Any]:
        """
        Look in history for a request of this worker.
        """
        _, find = self._requests[number]
        assert find is not None
        return find().addCallback(lambda found: found and write_outcomes(found))

    def _asked(self, result: Any, number: int) -> Any:
        del self._requests[number]
        return result if isinstance(result, Failure) else read_outcomes(result)

    def _tell(self) -> None:
        self._telling = None
        changes, self._changes = self._changes, {}
        self._calls.tell("connections", self.own, changes)


def _written(publications: Sequence[Publication]) -> str:
    return "".join(encode_publication(one).decode("utf-8") for one in publications)


def write_outcomes(outcomes: Sequence[PublishOutcome]) -> list[Any]:
    """
    Write *outcomes* for a call.
    """
    return [[kept.number, kept.id, count] for kept, count in outcomes]


def read_outcomes(written: Sequence[Any]) -> list[PublishOutcome]:
    """
    Read what `write_outcomes` has written.
    """
    return [(Position(number, event_id), count) for number, event_id, count in written]
