"""
Three hubs on one PostgreSQL, and programs that publish in transactions of their own: a hub, the
server, or some of its processes are killed.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psycopg

from tests.chaos.checks import Attempt, Fault
from tests.chaos.publisher import TOPICS
from tests.chaos.stages import HubStage
from tests.chaos.subscriber import Subscriber
from tests.support.commands import run_command
from tests.support.postgres_server import PostgresServer
from tests.support.waiting import PATIENCE, eventually

__all__ = ["PostgresStage", "SQLPublisher", "TransactionsStage"]

_BOUNDS = "events=10000000,bytes=4GiB"

# Between two attempts to connect, in seconds.
_PAUSE = 0.05

# A commit says nothing about when hubs see it: it comes after what was acknowledged before, but
# not before what is sent afterwards.
_AT_SOME_TIME = 1e18

_TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'twisted_sse'
"""


class SQLPublisher:
    """
    Publishes in transactions, a third of which are rolled back.

    Args:
        longest_pause: The longest pause between two transactions, in seconds.

    Attributes:
        attempts: What was committed, or may have been.

        acknowledged: How many transactions were committed.

        rolled_back: How many were not.

        faults: None.
    """

    def __init__(
        self, name: str, server: PostgresServer, rng: random.Random, longest_pause: float = _PAUSE
    ) -> None:
        self.attempts: list[Attempt] = []
        self.acknowledged = self.rolled_back = 0
        self.faults: list[Fault] = []
        self._name = name
        self._server = server
        self._longest_pause = longest_pause
        self._rng = rng
        self._transactions = 0
        self._stopping = False

    async def publish(self) -> None:
        """
        Publish until `stop`, and wait until the hubs have moved everything.
        """
        await asyncio.to_thread(self._publish)

    def stop(self) -> None:
        """
        Begin no transaction after the current one.
        """
        self._stopping = True

    def _publish(self) -> None:
        while not self._stopping:
            with suppress(psycopg.Error), self._server.connect() as connection:
                while not self._stopping:
                    self._run_one(connection)
                    time.sleep(self._rng.uniform(0, self._longest_pause))
            time.sleep(_PAUSE)
        eventually(self._is_empty, "the outbox is not empty")

    def _is_empty(self) -> bool:
        try:
            return self._server.sql("SELECT count(*) FROM twisted_sse.outbox") == [(0,)]
        except psycopg.Error:
            return False

    def _run_one(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        self._transactions += 1
        transaction = f"{self._name}-{self._transactions}"
        attempts = [
            Attempt(f"{transaction}-{place} sql", (self._rng.choice(TOPICS),), transaction, place)
            for place in range(self._rng.choice([1, 1, 3]))
        ]
        now = time.monotonic()
        for one in attempts:
            one.sent = now
            connection.execute(
                b"SELECT twisted_sse.publish(%s, %s, notify => %s)",
                [list(one.topics), one.data, self._rng.random() < 0.2],
            )
        if self._rng.random() < 1 / 3:
            connection.rollback()
            self.rolled_back += 1
            return
        # From here on it may be committed.
        self.attempts += attempts
        connection.commit()
        self.acknowledged += 1
        for one in attempts:
            one.answered = _AT_SOME_TIME


class PostgresStage(HubStage):
    """
    Three hubs on one PostgreSQL.

    Attributes:
        programs: The number of programs that publish with SQL.

        longest_pause: Of each, between two transactions, in seconds.
    """

    programs = 2
    longest_pause = _PAUSE

    def __init__(self) -> None:
        super().__init__()
        self._programs: list[SQLPublisher] = []
        self._server = PostgresServer()
        run_command("history", self._server.url, "--install")

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        self._open(f"{self._server.url},{_BOUNDS}", 3)

    def publishers(self, rng: Callable[[str], random.Random]) -> list[SQLPublisher]:
        """
        See `Stage.publishers`.
        """
        names = [f"program{number}" for number in range(self.programs)]
        self._programs = [
            SQLPublisher(name, self._server, rng(name), self.longest_pause) for name in names
        ]
        return self._programs

    async def kill(self, rng: random.Random, subscribers: Sequence[Subscriber]) -> None:
        """
        Let one of several accidents happen.
        """
        accident = rng.choice(
            [
                self._kill_process,
                self._terminate,
                self._kill_postmaster,
                self._stop_at_once,
                self._suspend,
                None,
            ]
        )
        if accident is None:
            await self._replace(rng.choice(self._hubs))
        else:
            self.kills += 1
            await asyncio.to_thread(accident, rng)

    def stop(self) -> None:
        """
        See `Stage.stop`.
        """
        self.counts["transactions committed"] = sum(one.acknowledged for one in self._programs)
        self.counts["rolled back"] = sum(one.rolled_back for one in self._programs)
        try:
            super().stop()
        finally:
            self._server.end()

    def _kill_process(self, rng: random.Random) -> None:
        processes = self._server.backends()
        if processes:
            # Then the server restarts by itself.
            with suppress(ProcessLookupError):
                os.kill(rng.choice(processes), signal.SIGKILL)

    def _terminate(self, rng: random.Random) -> None:
        self._server.sql(_TERMINATE)

    def _kill_postmaster(self, rng: random.Random) -> None:
        self._server.kill_postmaster()
        self._server.restart()

    def _stop_at_once(self, rng: random.Random) -> None:
        self._server.restart(signal.SIGQUIT)

    def _suspend(self, rng: random.Random) -> None:
        self._server.pause()
        time.sleep(rng.uniform(0, 2))
        self._server.proceed()
        eventually(self._answers, "PostgreSQL does not answer", PATIENCE)

    def _answers(self) -> bool:
        try:
            return self._server.sql("SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False


class TransactionsStage(PostgresStage):
    """
    The same with more programs, which pause for a moment only.
    """

    programs = 4
    longest_pause = 0.03
