"""
Histories in a PostgreSQL of the test's own.
"""

from collections.abc import Sequence
from itertools import count
from typing import ClassVar

from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.support.following import Following, publication
from tests.support.postgres_server import PostgresServer
from tests.support.waiting import PATIENCE
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Record
from twisted_sse.history.postgres import PostgresHistory

__all__ = ["PostgresTestCase"]

# The pause between two attempts, in seconds.
_STEP = 0.02

_numbers = count()


class PostgresTestCase(TestCase):
    """
    Provides a PostgreSQL for the class, and a schema for each test.
    """

    timeout = PATIENCE

    server: ClassVar[PostgresServer]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start it.
        """
        cls.server = PostgresServer()
        cls.addClassCleanup(cls.server.end)

    async def setUp(self) -> None:
        """
        Install a schema.
        """
        self.schema = f"test{next(_numbers)}"
        await self.make().install()

    def make(self, **options: object) -> PostgresHistory:
        """
        Make a history of this test's schema.
        """
        given = {"url": self.server.url, "schema": self.schema, **options}
        return PostgresHistory(**given)  # type: ignore[arg-type]

    def open(self, **options: object) -> PostgresHistory:
        """
        Make a history and start it; it is stopped after the test.
        """
        history = self.make(**options)
        history.startService()
        self.addCleanup(self.close, history)
        return history

    async def close(self, history: PostgresHistory) -> None:
        """
        Stop *history*, if it still runs.
        """
        if history.running:
            await history.stopService()

    async def fill(self, history: PostgresHistory, *data: str) -> list[Record]:
        """
        Append each of *data* by itself.
        """
        return [(await history.append([publication(one)]))[0] for one in data]

    async def follow(self, history: PostgresHistory) -> Following:
        """
        Follow *history* from its end.
        """
        following = Following()
        tail = await history.tail(1)
        history.follow(tail.newest, following.deliver, following.restart)
        return following

    async def available(self, *histories: PostgresHistory) -> None:
        """
        Wait until all *histories* answer.
        """
        from twisted.internet import reactor

        for history in histories:
            while True:
                try:
                    await history.check_available()
                except HistoryUnavailable:
                    # Poll until it is back; test cases have a time-out.
                    await deferLater(reactor, _STEP)
                else:
                    break

    def sql(
        self, text: str, *values: object, user: str = "postgres"
    ) -> Sequence[tuple[object, ...]]:
        """
        Run a statement; ``@`` stands for the test's schema.
        """
        return self.server.sql(text.replace("@", self.schema), *values, user=user)
