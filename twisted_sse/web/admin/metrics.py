"""
Every metric: its name, its meaning, and how the numbers of several processes become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from twisted_sse.broker.connections.connection import Phase
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.measures.measures import Measures
from twisted_sse.events.preamble import ResetReason
from twisted_sse.transport.refusals import LIMITS

__all__ = ["METRICS", "PREFIX", "Metric", "metric_named"]

#: What the names of all metrics begin with.
PREFIX = "twisted_sse_"

_M = Measures()


@dataclass(frozen=True, kw_only=True)
class Metric:
    """
    Attributes:
        key: Its name without `PREFIX`, and without the ``_total`` of a counter.

        kind: A counter only grows, a gauge is what it is now.

        help: What it is, as a sentence.

        label: The name of its label; empty if it has none.

        values: The values of the label that are told even if nothing was counted.

        bounds: The upper bounds of the buckets of a histogram.

        merge: What it is of several processes: their sum, or the largest.
    """

    key: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    label: str = ""
    values: Sequence[str] = ()
    bounds: Sequence[float] = ()
    merge: Literal["sum", "max"] = "sum"

    @property
    def name(self) -> str:
        """
        The name that it is exported by.
        """
        return f"{PREFIX}{self.key}{'_total' if self.kind == 'counter' else ''}"


#: All metrics, in the order in which they are told.
METRICS: Sequence[Metric] = (
    Metric(
        key="connections",
        kind="gauge",
        help="Open connections of subscribers, by how far they are.",
        label="state",
        values=get_args(Phase),
    ),
    Metric(
        key="connections_opened",
        kind="counter",
        help="Connections that were admitted, by protocol.",
        label="protocol",
        values=("HTTP/1.1", "HTTP/2"),
    ),
    Metric(
        key="connections_closed",
        kind="counter",
        help="Connections that have ended, by reason.",
        label="reason",
        values=tuple(reason.value for reason in EndReason),
    ),
    Metric(
        key="connection_duration_seconds",
        kind="histogram",
        help="How long connections lasted that have ended.",
        bounds=_M.durations.bounds,
    ),
    Metric(
        key="first_byte_seconds",
        kind="histogram",
        help="The time from the admission of a subscriber until its stream has begun.",
        bounds=_M.first_byte.bounds,
    ),
    Metric(
        key="responses",
        kind="gauge",
        help="Open streams of generators (EventSourceResponse).",
    ),
    Metric(
        key="events_published",
        kind="counter",
        help="Events that were published here and kept by history.",
    ),
    Metric(
        key="events_not_kept",
        kind="counter",
        help="Events that history has not kept, as far as is known; publishers were told.",
    ),
    Metric(
        key="events_delivered",
        kind="counter",
        help="Events that were sent to subscribers, once for each.",
    ),
    Metric(
        key="delivered_bytes",
        kind="counter",
        help="Bytes of streams that were sent to subscribers, with their framing.",
    ),
    Metric(
        key="publish_to_write_seconds",
        kind="histogram",
        help="The time from publishing an event until every live subscriber was written to.",
        bounds=_M.publish_to_write.bounds,
    ),
    Metric(
        key="batch_events",
        kind="histogram",
        help="How many events history was given at once.",
        bounds=_M.batches.bounds,
    ),
    Metric(
        key="history_append_seconds",
        kind="histogram",
        help="How long history took to keep a batch.",
        bounds=_M.appends.bounds,
    ),
    Metric(
        key="history_read_seconds",
        kind="histogram",
        help="How long history took to find a page of missed events.",
        bounds=_M.reads.bounds,
    ),
    Metric(
        key="history_events",
        kind="gauge",
        help="Events that history holds, if it can tell.",
        merge="max",
    ),
    Metric(
        key="history_bytes",
        kind="gauge",
        help="Bytes that history holds, as it counts them for its bounds, if it can tell.",
        merge="max",
    ),
    Metric(
        key="replays",
        kind="counter",
        help="Pages of missed events that were sent, by where they came from.",
        label="source",
        values=("window", "history"),
    ),
    Metric(
        key="resets",
        kind="counter",
        help="Streams that were told that missed events cannot be found, by reason.",
        label="reason",
        values=tuple(reason.value for reason in ResetReason),
    ),
    Metric(
        key="lagging_connections",
        kind="gauge",
        help="Connections that have not been sent everything.",
    ),
    Metric(
        key="largest_lag_events",
        kind="gauge",
        help="How many events the slowest connection is behind, at most those in the window.",
        merge="max",
    ),
    Metric(
        key="refused",
        kind="counter",
        help="What was refused because a limit was reached, by limit.",
        label="limit",
        values=tuple(LIMITS),
    ),
    Metric(
        key="keepalives",
        kind="counter",
        help="Keepalive comments that were due.",
    ),
    Metric(
        key="reactor_stall_seconds",
        kind="histogram",
        help="By how much a timer fired late, four times a second: the reactor was held.",
        bounds=_M.stalls.bounds,
    ),
    Metric(
        key="self_test_seconds",
        kind="histogram",
        help="How long an event of the self-test took until the hub had it, with --self-test.",
        bounds=_M.self_tests.bounds,
    ),
    Metric(
        key="self_test_failures",
        kind="counter",
        help="Events of the self-test that have not arrived.",
    ),
    Metric(
        key="resident_memory_bytes",
        kind="gauge",
        help="Memory that all processes of the hub hold, if the system tells.",
    ),
    Metric(
        key="cpu_seconds",
        kind="counter",
        help="Processor time of all processes of the hub.",
    ),
    Metric(
        key="processes",
        kind="gauge",
        help="Processes that serve the hub.",
    ),
)

_BY_KEY = {metric.key: metric for metric in METRICS}


def metric_named(key: str) -> Metric:
    """
    Return the metric with that key.

    Raises:
        KeyError: There is none.
    """
    return _BY_KEY[key]
