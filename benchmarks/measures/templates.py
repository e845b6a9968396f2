"""
URI Templates without a server: matching many at once, and replaying by one from SQLite.
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
    Both in one process on the server's core.
    """

    def take(server: Server) -> Sample:
        with passing_store("templates") as path:
            numbers = (sizes.templates, path, sizes.template_store)
            return run_program(server.name, "templates", "benchmarks.templates", *numbers)

    return [Case("templates", take, only_hub)]
