"""
The list of measures, in the order in which they are taken and reported.

A measure of generator streams would be one more file and one more line here: each application
under `apps/` already answers `GET /gen?n=N`, and the generator's `--no-publish` reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measures import (
    fanout,
    history,
    http2,
    latency,
    memory,
    publishing,
    reactor,
    replay,
    slow,
    wire,
)
from benchmarks.measures.case import Case
from benchmarks.sizes import Sizes

__all__ = ["MEASURES", "Measure"]


@dataclass(frozen=True)
class Measure:
    """
    A word for the command line, and the runs it stands for.
    """

    name: str
    cases: Callable[[Sizes], list[Case]]


MEASURES = (
    Measure("fanout", fanout.cases),
    Measure("memory", memory.cases),
    Measure("replay", replay.cases),
    Measure("latency", latency.cases),
    Measure("slow", slow.cases),
    Measure("reactor", reactor.cases),
    Measure("publish", publishing.cases),
    Measure("wire", wire.cases),
    Measure("history", history.cases),
    Measure("http2", http2.cases),
)
