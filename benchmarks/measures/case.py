"""
One kind of run, the same for every server that is compared.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.generator import load, sample, warm_up
from benchmarks.process import Running
from benchmarks.results import Sample
from benchmarks.servers import Server

__all__ = ["Case", "batching_or_floor", "everyone", "generated", "only_hub"]


def everyone(server: Server) -> bool:
    """
    Select every server that is not `apart`.
    """
    return not server.apart


def only_hub(server: Server) -> bool:
    """
    Select our hub only, for what only it can do, or what is observed from inside.
    """
    return server.name == "hub"


def batching_or_floor(server: Server) -> bool:
    """
    Select servers that batch, and the floor, which is given single events.
    """
    return everyone(server) and (server.batches or server.name == "floor")


@dataclass(frozen=True)
class Case:
    """
    A kind of run.

    Args:
        kind: The name in the raw results, unique among all measures.

        take: Starts the server, takes the sample, stops the server.

        suits: Whether a server takes part.

        least_rounds: In how many rounds at least, whatever the command line says.
    """

    kind: str
    take: Callable[[Server], Sample]
    suits: Callable[[Server], bool] = everyone
    least_rounds: int = 1


def generated(
    kind: str,
    arguments: Callable[[Server], list[object]],
    suits: Callable[[Server], bool] = everyone,
) -> Case:
    """
    Make a case that runs the generator once against a fresh, warmed-up server.
    """

    def take(server: Server) -> Sample:
        with Running(server) as running:
            warm_up(running)
            return sample(running, kind, load(running, *arguments(server)))

    return Case(kind, take, suits)
