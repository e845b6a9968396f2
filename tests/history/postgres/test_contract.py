"""
History in PostgreSQL fulfills the contract of shared histories.
"""

from itertools import count

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.support.postgres_server import PostgresServer
from twisted_sse.history.postgres import PostgresHistory
from twisted_sse.testing import SharedHistoryProviderContract

__all__ = ["PostgresHistoryContractTests"]

_numbers = count()


class PostgresHistoryContractTests(SharedHistoryProviderContract, TestCase):
    """
    Each test uses its own schema, and those that interrupt history kill the server.
    """

    durable = True
    interruptible = True
    lifetime = 1.0

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start a PostgreSQL.
        """
        cls.server = PostgresServer()
        cls.addClassCleanup(cls.server.end)

    def make_history(self, **bounds: float) -> Deferred[PostgresHistory]:
        """
        See `SharedHistoryProviderContract.make_history`.
        """
        self.schema, self.given = f"contract{next(_numbers)}", bounds
        history = self.reopen(None)
        return history.install().addCallback(lambda _: history)

    def reopen(self, history: object) -> PostgresHistory:
        """
        See `SharedHistoryProviderContract.reopen`.
        """
        return PostgresHistory(self.server.url, schema=self.schema, **self.given)

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
