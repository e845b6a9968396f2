"""
Histories in a Redis of the test's own, and a follower.
"""

from typing import ClassVar

from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.support.following import ALL, MANY, Following, data_of, publication
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Record
from twisted_sse.history.redis import RedisHistory

__all__ = ["ALL", "MANY", "Following", "RedisTestCase", "data_of", "publication"]

# The pause between two attempts, in seconds.
_STEP = 0.02


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
