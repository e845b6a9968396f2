"""
Histories in a Redis of the test's own, and a follower.
"""

from typing import ClassVar

from tests.support.following import ALL, MANY, Following, data_of, publication
from tests.support.redis_server import RedisServer
from tests.support.store_histories import StoreTestCase
from twisted_sse.history.redis import RedisHistory

__all__ = ["ALL", "MANY", "Following", "RedisTestCase", "data_of", "publication"]


class RedisTestCase(StoreTestCase):
    """
    Provides a Redis for the class, and a prefix for each test.
    """

    #: As for `RedisServer`.
    options: ClassVar[tuple[str, ...]] = ()
    appendonly: ClassVar[bool] = False
    password: ClassVar[str] = ""

    server: ClassVar[RedisServer]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start it.
        """
        cls.server = RedisServer(*cls.options, appendonly=cls.appendonly, password=cls.password)
        cls.addClassCleanup(cls.server.end)

    @property
    def url(self) -> str:
        """
        The URL of the server, with its password.
        """
        return self.server.url.replace("//", f"//:{self.password}@" if self.password else "//")

    @property
    def prefix(self) -> str:
        """
        The prefix of this test.
        """
        return self.id().rpartition(".")[2]

    def make(self, **options: object) -> RedisHistory:
        """
        Make a history of this test's prefix.
        """
        given = {"url": self.url, "prefix": self.prefix, **options}
        return RedisHistory(**given)  # type: ignore[arg-type]
