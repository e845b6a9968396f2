"""
One thing that is done to one server, the same for all that are compared.
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
    For what every server can do that does not stand apart.
    """
    return not server.apart


def only_hub(server: Server) -> bool:
    """
    For what only ours can do, or what is looked at from inside.
    """
    return server.name == "hub"


def batching_or_floor(server: Server) -> bool:
    """
    For several events in one request, beside the floor's single ones.
    """
    return everyone(server) and (server.batches or server.name == "floor")


@dataclass(frozen=True)
class Case:
    """
    A kind of run.

    Args:
        kind: Its name in the raw results, unique among all measures.

        take: Starts the server, does it, stops the server.

        suits: Whether a server can do it.
    """

    kind: str
    take: Callable[[Server], Sample]
    suits: Callable[[Server], bool] = everyone


def generated(
    kind: str,
    arguments: Callable[[Server], list[object]],
    suits: Callable[[Server], bool] = everyone,
) -> Case:
    """
    Make a case that is a single run of the generator against a fresh, warmed-up server.
    """

    def take(server: Server) -> Sample:
        with Running(server) as running:
            warm_up(running)
            return sample(running, kind, load(running, *arguments(server)))

    return Case(kind, take, suits)
