"""
The numbers of a process at one moment, and those of several processes put together.

A sample maps the keys of metrics to numbers, to numbers by label, or to the content of a
`Histogram`, so JSON can hold it.
"""

from __future__ import annotations

import resource
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args

from twisted.copyright import version as twisted_version

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.connection import Connection, Phase
from twisted_sse.web.admin.metrics import METRICS, metric_named
from twisted_sse.web.admin.slices import visit_all

__all__ = [
    "Sample",
    "build_info",
    "counters_of",
    "merge_samples",
    "process_numbers",
    "take_sample",
]

#: See the module.
Sample = dict[str, Any]

_STATM = Path("/proc/self/statm")

_PAGE = resource.getpagesize()


class _Census:
    """
    What differs for each connection, added up.
    """

    def __init__(self, broker: Broker) -> None:
        # Before the connections are looked at: one that ends meanwhile is counted there.
        self.events = broker.measures.ended_events
        self.bytes = broker.measures.ended_bytes
        self.phases: Counter[str] = Counter(dict.fromkeys(get_args(Phase), 0))
        self.largest_lag = 0

    def visit(self, connection: Connection) -> None:
        """
        Count *connection*, which may have ended since it was found.
        """
        self.events += connection.sent_events
        self.bytes += connection.sent_bytes
        if connection.ended is None:
            phase = connection.phase
            self.phases[phase] += 1
            if phase in ("behind", "blocked"):
                self.largest_lag = max(self.largest_lag, connection.lag)


async def take_sample(broker: Broker, responses: int) -> Sample:
    """
    Take the numbers of this process.

    Args:
        responses: The number of open streams of generators.
    """
    census = _Census(broker)
    await visit_all(broker.admission.connections, census.visit, broker.clock)
    measures = broker.measures
    return {
        "connections": dict(census.phases),
        "connections_opened": dict(measures.opened),
        "connections_closed": dict(measures.closed),
        "connection_duration_seconds": measures.durations.write(),
        "first_byte_seconds": measures.first_byte.write(),
        "responses": responses,
        "events_published": measures.published,
        "events_not_kept": measures.not_kept,
        "events_delivered": census.events,
        "delivered_bytes": census.bytes,
        "publish_to_write_seconds": measures.publish_to_write.write(),
        "batch_events": measures.batches.write(),
        "history_append_seconds": measures.appends.write(),
        "history_read_seconds": measures.reads.write(),
        "replays": dict(measures.replays),
        "resets": dict(measures.resets),
        "lagging_connections": census.phases["behind"] + census.phases["blocked"],
        "largest_lag_events": census.largest_lag,
        "refused": dict(broker.refusals),
        "keepalives": broker.admission.keepalives,
        "reactor_stall_seconds": measures.stalls.write(),
        "processes": 1,
        "self_test_seconds": measures.self_tests.write(),
        "self_test_failures": measures.self_test_failures,
        **process_numbers(),
    }


def merge_samples(samples: Sequence[Sample]) -> Sample:
    """
    Put together the numbers of several processes; a number that none has is left out.
    """
    merged: Sample = {}
    for sample in samples:
        for key, value in sample.items():
            if key not in merged:
                merged[key] = value
            elif metric_named(key).merge == "max":
                merged[key] = max(merged[key], value)
            else:
                merged[key] = _sum(merged[key], value)
    return {metric.key: merged[metric.key] for metric in METRICS if metric.key in merged}


def counters_of(sample: Sample) -> Sample:
    """
    Leave only what never goes back: what still counts when its process has ended.
    """
    return {key: value for key, value in sample.items() if metric_named(key).kind != "gauge"}


def build_info() -> dict[str, str]:
    """
    The versions of this package, of Python and of Twisted.
    """
    try:
        own = version("twisted-sse")
    except PackageNotFoundError:
        # The package runs from a source directory, without being installed.
        own = "unknown"
    python = ".".join(map(str, sys.version_info[:3]))
    return {"version": own, "python": python, "twisted": twisted_version}


def process_numbers() -> Sample:
    """
    The memory and the processor time of this process.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    sample: Sample = {"cpu_seconds": round(used.ru_utime + used.ru_stime, 3)}
    try:
        pages = int(_STATM.read_text("ascii").split()[1])
    except OSError:
        # Only Linux has this file.
        return sample
    return {"resident_memory_bytes": pages * _PAGE, **sample}


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, Mapping):
        both = dict(one)
        for key, value in other.items():
            both[key] = _sum(both[key], value) if key in both else value
        return both
    if isinstance(one, list):
        return [a + b for a, b in zip(one, other, strict=True)]
    return one + other
