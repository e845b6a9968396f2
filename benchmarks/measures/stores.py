"""
Redis and PostgreSQL: the gain of group commit, the time of a resume, the cost of a delivery, what
publishing with SQL costs, and a database that stalls.

Both servers run on the generator's core.  Publications per second are wall-clock: they wait for the
disk.
"""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from benchmarks import build
from benchmarks.databases import history_in, install, passing_postgres, passing_redis
from benchmarks.generator import load, sample, warm_up
from benchmarks.measures.case import Case, only_hub
from benchmarks.measures.history import PUBLISHERS, in_turn
from benchmarks.measures.reactor import ask_probe
from benchmarks.process import Running
from benchmarks.program import run_program
from benchmarks.results import Sample
from benchmarks.resuming import BOUNDS
from benchmarks.servers import Server, hub_keeping
from benchmarks.sizes import Sizes
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer

__all__ = ["cases"]

STALL = 10.0  # seconds
ATTEMPTS = 0.1  # seconds between two publications while the database stalls
TRANSACTIONS_SECONDS = 2

_Open = Callable[[], AbstractContextManager[PostgresServer | RedisServer]]
_STORES: dict[str, _Open] = {"redis": passing_redis, "postgres": passing_postgres}


def cases(sizes: Sizes) -> list[Case]:
    """
    All of them, of our hub only.
    """
    return [
        *(_committing(name, opened, sizes.commit_seconds) for name, opened in _STORES.items()),
        _resuming(sizes),
        _delivering(sizes),
        _transactions(sizes),
        Case("stall", _stalled, only_hub),
    ]


def _committing(name: str, opened: _Open, seconds: float) -> Case:
    kind = f"commits-{name}"

    def run(publishers: int) -> Sample:
        with opened() as database:
            arguments = (history_in(database), publishers, seconds)
            return run_program("hub", kind, "benchmarks.commits", *arguments)

    return Case(kind, lambda server: in_turn(run(PUBLISHERS), run(1)), only_hub)


def _resuming(sizes: Sizes) -> Case:
    def take(server: Server) -> Sample:
        numbers = (sizes.small_store, sizes.large_store, sizes.behind, sizes.resumes)
        with passing_postgres() as database:
            install(database, "large")
            stores = [
                history_in(database, f"schema={schema},{BOUNDS}")
                for schema in ("twisted_sse", "large")
            ]
            return run_program(
                server.name, "resume-postgres", "benchmarks.resuming", *stores, *numbers
            )

    return Case("resume-postgres", take, only_hub)


@contextmanager
def _histories() -> Iterator[dict[str, str]]:
    with passing_redis() as redis, passing_postgres() as postgres:
        yield {"memory": "", "redis": history_in(redis), "postgres": history_in(postgres)}


def _delivering(sizes: Sizes) -> Case:
    arguments = ("-n", sizes.few, "-e", sizes.events, "-w", 1, "--prime", 3)

    def take(server: Server) -> Sample:
        values, others = {}, []
        with _histories() as histories:
            for name, history in histories.items():
                with Running(hub_keeping(history)) as running:
                    warm_up(running)
                    made = sample(running, "kept-stores", load(running, *arguments))
                if made.problem:
                    return replace(made, server=server.name, problem=f"{name}: {made.problem}")
                others.append(made.others)
                values[f"{name}_us"] = made.values["cpu_us_per_delivery"]
        for name in ("redis", "postgres"):
            values[f"{name}_times"] = values[f"{name}_us"] / values["memory_us"]
        return Sample(server.name, "kept-stores", values, max(others))

    return Case("kept-stores", take, only_hub)


def _transactions(sizes: Sizes) -> Case:
    def take(server: Server) -> Sample:
        with (
            passing_postgres() as database,
            Running(hub_keeping(history_in(database))) as running,
        ):
            where = (database.url, running.server.port, running.server.path)
            sizes_of_it = (sizes.resumes, TRANSACTIONS_SECONDS)
            return run_program(
                server.name,
                "transactions",
                "benchmarks.transactions",
                *(*where, *sizes_of_it),
            )

    return Case("transactions", take, only_hub)


def _stalled(server: Server) -> Sample:
    """
    Stop PostgreSQL while somebody publishes and connects.
    """
    with passing_postgres() as database:
        url = history_in(database).replace("127.0.0.1", "localhost")
        with Running(hub_keeping(url, probed=True)) as running:
            warm_up(running)
            ask_probe(running)  # delays of the start-up do not count
            database.pause()
            try:
                statuses = _publish_for(STALL, running)
            finally:
                database.proceed()
            report = ask_probe(running)
            after = _until_kept(running)
    if statuses != {503}:
        return Sample(server.name, "stall", problem=f"publishers were answered {statuses}")
    return Sample(server.name, "stall", {"held_ms": report["held_ms"], "back_s": after})


def _publish_for(seconds: float, running: Running) -> set[int]:
    statuses, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        statuses.add(_publish(running))
        time.sleep(ATTEMPTS)
    return statuses


def _until_kept(running: Running) -> float:
    began = time.monotonic()
    while _publish(running) != 200:
        time.sleep(ATTEMPTS)
    return time.monotonic() - began


def _publish(running: Running) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", running.server.port, timeout=30)
    headers = {
        "Authorization": f"Bearer {build.TOKEN}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/events", "topic=bench&data=x", headers)
    status = connection.getresponse().status
    connection.close()
    return status
