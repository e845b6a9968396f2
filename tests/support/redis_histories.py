"""
Histories in a Redis of the test's own, and a follower.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.history.redis import RedisHistory
from twisted_sse.topics import Selection

__all__ = ["ALL", "MANY", "Following", "RedisTestCase", "data_of", "publication"]

ALL = Selection.of(["*"])
MANY = 1 << 20

# The pause between two attempts, in seconds.
_STEP = 0.02


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
    """

    def __init__(self) -> None:
        self.kept: list[Record] = []
        self.restarts: list[Tail] = []
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
        self._look()

    def restart(self, tail: Tail) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self.restarts.append(tail)
        self._look()

    def has(self, count: int) -> Deferred[None]:
        """
        Wait until *count* records were delivered.
        """
        return self._wait(lambda: len(self.kept) >= count)

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


class RedisTestCase(TestCase):
    """
    Provides a Redis for the class, and a prefix for each test.
    """

    timeout = PATIENCE

    #: As for `RedisServer`.
    options: ClassVar[tuple[str, ...]] = ()
    appendonly: ClassVar[bool] = False

    server: ClassVar[RedisServer]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start it.
        """
        cls.server = RedisServer(*cls.options, appendonly=cls.appendonly)
        cls.addClassCleanup(cls.server.end)

    @property
    def prefix(self) -> str:
        """
        The prefix of this test.
        """
        return self.id().rpartition(".")[2]

    def open(self, **options: object) -> RedisHistory:
        """
        Make a history and start it; it is stopped after the test.
        """
        given = {"url": self.server.url, "prefix": self.prefix, **options}
        history = RedisHistory(**given)  # type: ignore[arg-type]
        history.startService()
        self.addCleanup(self.close, history)
        return history

    async def close(self, history: RedisHistory) -> None:
        """
        Stop *history*, if it still runs.
        """
        if history.running:
            await history.stopService()

    async def fill(self, history: RedisHistory, *data: str) -> list[Record]:
        """
        Append each of *data* by itself.
        """
        return [(await history.append([publication(one)]))[0] for one in data]

    async def follow(self, history: RedisHistory) -> Following:
        """
        Follow *history* from its end.
        """
        following = Following()
        tail = await history.tail(1)
        history.follow(tail.newest, following.deliver, following.restart)
        return following

    async def available(self, history: RedisHistory) -> None:
        """
        Wait until *history* answers.
        """
        from twisted.internet import reactor

        while True:
            try:
                await history.tail(1)
            except HistoryUnavailable:
                # Poll until it is back; test cases have a time-out.
                await deferLater(reactor, _STEP)
            else:
                return
