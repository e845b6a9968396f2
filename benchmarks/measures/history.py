"""
SQLite history: the gain of group commit, the time of a resume, the cost of a delivery.

Publications per second are wall-clock: they wait for the disk, and say as much about this machine's
disk as about the hub.  Their ratio depends on it less.
"""

from benchmarks.measures.case import Case, generated, only_hub
from benchmarks.program import run_program
from benchmarks.results import Sample
from benchmarks.resuming import BOUNDS
from benchmarks.servers import Server
from benchmarks.sizes import Sizes
from benchmarks.stores import passing_store

__all__ = ["cases", "in_turn"]

PUBLISHERS = 100

# The floor, and the hub with and without a disk: next to each other in time, to be compared.
KEEPING = ("floor", "hub", "hub-sqlite")


def cases(sizes: Sizes) -> list[Case]:
    """
    Commits of many publishers and of one; resumes in a small store and in a large one; a fan-out.
    """
    few, events = sizes.few, sizes.events
    return [
        _committing(sizes.commit_seconds),
        _resuming(sizes),
        generated(
            "kept-1",
            lambda server: ["-n", few, "-e", events, "-w", 1, "--prime", 3],
            lambda server: server.name in KEEPING,
        ),
    ]


def _committing(seconds: float) -> Case:
    def take(server: Server) -> Sample:
        many, one = (_commits(server.name, count, seconds) for count in (PUBLISHERS, 1))
        return in_turn(many, one)

    return Case("commits", take, only_hub)


def _commits(server: str, publishers: int, seconds: float) -> Sample:
    with passing_store("commits") as path:
        store = f"sqlite:{path},sync=full"
        return run_program(server, "commits", "benchmarks.commits", store, publishers, seconds)


def in_turn(many: Sample, one: Sample) -> Sample:
    """
    Make one sample of both and their ratio: a disk's speed varies, so only runs in direct
    succession are compared.
    """
    problem = many.problem or one.problem
    if problem:
        return Sample(many.server, many.kind, problem=problem)
    values = {f"many_{name}": value for name, value in many.values.items()}
    values |= {f"one_{name}": value for name, value in one.values.items()}
    values["many_times"] = many.values["per_s"] / one.values["per_s"]
    return Sample(many.server, many.kind, values, max(many.others, one.others))


def _resuming(sizes: Sizes) -> Case:
    def take(server: Server) -> Sample:
        numbers = (sizes.small_store, sizes.large_store, sizes.behind, sizes.resumes)
        with passing_store("small") as small, passing_store("large") as large:
            # Syncing would only slow down the filling.
            stores = (f"sqlite:{path},sync=normal,{BOUNDS}" for path in (small, large))
            return run_program(server.name, "resume", "benchmarks.resuming", *stores, *numbers)

    return Case("resume", take, only_hub)
