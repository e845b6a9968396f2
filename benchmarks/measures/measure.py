"""
The list of measures, in the order in which they are taken and reported.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measures import (
    fanout,
    generator,
    history,
    http2,
    latency,
    memory,
    publishing,
    reactor,
    replay,
    runs,
    slow,
    stores,
    templates,
    wire,
)
from benchmarks.measures.case import Case
from benchmarks.sizes import Sizes

__all__ = ["MEASURES", "Measure"]


@dataclass(frozen=True)
class Measure:
    """
    A name for the command line, and its runs.
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
    Measure("stores", stores.cases),
    Measure("templates", templates.cases),
    Measure("http2", http2.cases),
    Measure("generator", generator.cases),
    Measure("runs", runs.cases),
)
