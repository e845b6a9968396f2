"""
Runs, beside plain generators: the first token, each token, and finished runs in the store.
"""

from benchmarks.measures.case import Case, only_hub
from benchmarks.program import run_program
from benchmarks.results import Sample
from benchmarks.servers import Server
from benchmarks.sizes import Sizes
from benchmarks.stores import passing_store

__all__ = ["cases"]


def cases(sizes: Sizes) -> list[Case]:
    """
    All of it for a history in memory, and then for one in SQLite.
    """

    def take(server: Server) -> Sample:
        with passing_store("runs") as path:
            numbers = (
                *(sizes.first_tokens, sizes.run_streams, sizes.run_seconds),
                *(sizes.few_runs, sizes.many_runs, sizes.new_runs),
            )
            return run_program(server.name, "runs", "benchmarks.runs", path, *numbers)

    return [Case("runs", take, only_hub)]
