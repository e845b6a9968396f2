"""
Histories in a PostgreSQL of the test's own.
"""

from collections.abc import Sequence
from itertools import count
from typing import ClassVar

from tests.support.postgres_server import PostgresServer
from tests.support.store_histories import StoreTestCase
from twisted_sse.history.postgres import PostgresHistory

__all__ = ["PostgresTestCase"]

_numbers = count()


class PostgresTestCase(StoreTestCase):
    """
    Provides a PostgreSQL for the class, and a schema for each test.
    """

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

    def sql(
        self, text: str, *values: object, user: str = "postgres"
    ) -> Sequence[tuple[object, ...]]:
        """
        Run a statement; ``@`` stands for the test's schema.
        """
        return self.server.sql(text.replace("@", self.schema), *values, user=user)
