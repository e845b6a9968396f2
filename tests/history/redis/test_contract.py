"""
History in Redis fulfills the contract of shared histories.
"""

import secrets

from twisted.trial.unittest import TestCase

from tests.support.redis_server import RedisServer
from twisted_sse.history.redis import RedisHistory
from twisted_sse.testing import SharedHistoryProviderContract

__all__ = ["RedisHistoryContractTests"]


class RedisHistoryContractTests(SharedHistoryProviderContract, TestCase):
    """
    Each test uses its own prefix, and those that interrupt history kill the server.
    """

    durable = True
    interruptible = True
    lifetime = 1.0

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start a Redis.
        """
        cls.server = RedisServer(appendonly=True)
        cls.addClassCleanup(cls.server.end)

    def make_history(self, **bounds: float) -> RedisHistory:
        """
        See `SharedHistoryProviderContract.make_history`.
        """
        self.prefix, self.given = secrets.token_hex(8), bounds
        return self.reopen(None)

    def reopen(self, history: object) -> RedisHistory:
        """
        See `SharedHistoryProviderContract.reopen`.
        """
        return RedisHistory(self.server.url, prefix=self.prefix, **self.given)

    second_hub = reopen

    def interrupt(self, history: object) -> None:
        """
        See `SharedHistoryProviderContract.interrupt`.
        """
        self.server.kill()

    def resume(self, history: object) -> None:
        """
        See `SharedHistoryProviderContract.resume`.
        """
        self.server.restart()
