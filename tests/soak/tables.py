"""
Tests that the tables of a history in PostgreSQL stay as large as they are:
`python -m tests.soak.tables --help`.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

from tests.support.postgres_server import PostgresServer
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.history.postgres import PostgresHistory

__all__ = ["main"]

# A history of this size turns over as often as one of an hour does in a week.
_TURNOVERS = 168

# In one append.  As much is published with SQL as a tenth of it.
_BATCH = 20
_WITH_SQL = 2

# A batch is followed by this pause, in seconds, so that the server's own processes have a turn.
_PAUSE = 0.005

# Later sizes may be this much above the first, as a factor: vacuum runs from time to time.
_GROWTH = 1.5

# The first size is taken when the history is full, and vacuum has run for some time.
_FULL = 0.2

_SIZES = """
    SELECT c.relname, pg_total_relation_size(c.oid)::bigint
    FROM pg_class AS c WHERE c.relnamespace = 'twisted_sse'::regnamespace AND c.relkind = 'r'
"""
_PUBLISH = b"""
    SELECT twisted_sse.publish(ARRAY['rooms/' || n], 'with SQL') FROM generate_series(1, %s) AS n
"""


class _Week:
    """
    One run.

    Attributes:
        sizes: The bytes of each table with its indexes, at each look.
    """

    def __init__(self, server: PostgresServer, events: int) -> None:
        self.sizes: list[dict[str, int]] = []
        self._server = server
        self._events = events
        self._total = events * _TURNOVERS
        self._rng = random.Random(2026)
        self._jobs = 0

    async def run(self, reactor: Any) -> None:
        """
        Publish, and look at the sizes.
        """
        history = PostgresHistory(self._server.url, events=self._events)
        await history.install()
        history.startService()
        looks = [self._total * share for share in (_FULL, 0.6, 1.0)]
        published = 0
        with self._server.connect() as connection:
            while looks:
                await history.append([self._publication() for _ in range(_BATCH)])
                connection.execute(_PUBLISH, [_WITH_SQL])
                connection.execute(
                    b"SELECT twisted_sse.move(500, %s, 1 << 40, '1 day')", [self._events]
                )
                connection.commit()
                await self._run_once(history)
                published += _BATCH + _WITH_SQL
                await deferLater(reactor, _PAUSE)
                if published >= looks[0]:
                    del looks[0]
                    self._look(published)
        await history.stopService()

    def _publication(self) -> Publication:
        data = "x" * self._rng.randrange(20, 400)
        topic = f"rooms/{self._rng.randrange(1000)}"
        given = f"id-{self._rng.random()}" if self._rng.random() < 0.1 else None
        return Publication((topic,), ServerSentEvent(data, id=given))

    async def _run_once(self, history: PostgresHistory) -> None:
        """
        Begin a run, renew it, and end its topic.
        """
        self._jobs += 1
        topic = f"jobs/{self._jobs}"
        begun = await history.begin_run(topic, "owner", 60.0, 60.0, False)
        await history.renew_runs([begun.run.key], 60.0)
        await history.append([Publication.ending(topic, "done")])

    def _look(self, published: int) -> None:
        self.sizes.append(dict(self._server.sql(_SIZES)))
        kib = {name: size // 1024 for name, size in sorted(self.sizes[-1].items())}
        _say(f"{published:>12,} published, KiB: {kib}")


def main(reactor: Any, *arguments: str) -> Deferred[None]:
    """
    Run once, print the sizes, and exit with status 1 if a table has grown.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.tables", description=__doc__)
    parser.add_argument(
        "--events",
        type=int,
        default=10_000,
        help=f"the bound of the history, which turns over {_TURNOVERS} times; default: 10,000",
    )
    given = parser.parse_args(arguments)
    # A week passes in minutes, so the server looks for work more often.
    server = PostgresServer(autovacuum_naptime="1s")
    week = _Week(server, given.events)
    running = Deferred.fromCoroutine(week.run(reactor))
    running.addCallback(lambda _: _judge(week.sizes))

    def end(result: object) -> object:
        server.end()
        return result

    return running.addBoth(end)  # type: ignore[return-value]


def _judge(sizes: Sequence[dict[str, int]]) -> None:
    first, *later = sizes
    # A few pages more or less are no growth.
    grown = {
        name
        for each in later
        for name, size in each.items()
        if size > max(_GROWTH * first[name], first[name] + 512 * 1024)
    }
    if grown:
        _say(f"These tables have grown: {', '.join(sorted(grown))}")
        raise SystemExit(1)
    _say("No table has grown.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    react(main, sys.argv[1:])
