"""
What a page draws: rates and quantiles, from two samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted_sse.web.admin.metrics import metric_named
from twisted_sse.web.admin.sample import Sample

__all__ = ["point_between", "quantile"]

# What is told per second, and the metric that it is of.
_RATES = {
    "opened": "connections_opened",
    "closed": "connections_closed",
    "published": "events_published",
    "not_kept": "events_not_kept",
    "delivered": "events_delivered",
    "bytes": "delivered_bytes",
    "refused": "refused",
    "resets": "resets",
    "cpu": "cpu_seconds",
}

# Quantiles, their metrics, and the part of all observations that they are of.
_QUANTILES = {
    "latency_p50": ("publish_to_write_seconds", 0.5),
    "latency_p99": ("publish_to_write_seconds", 0.99),
    "append_p99": ("history_append_seconds", 0.99),
    "stall_p99": ("reactor_stall_seconds", 0.99),
}


def point_between(earlier: Sample, later: Sample, recent: Sample, seconds: float) -> dict[str, Any]:
    """
    Tell what happened between two samples, and how it is at the end.

    Args:
        recent: A sample from before *earlier*, or the same one: quantiles are of what
            happened since, because a single second may have few events.

        seconds: The time between *earlier* and *later*.

    Returns:
        Times are in seconds, sizes in bytes, rates per second; a quantile is ``None`` if
        nothing happened.
    """

    return {
        **{
            name: round((_total(later, key) - _total(earlier, key)) / seconds, 3)
            for name, key in _RATES.items()
        },
        **{
            name: _quantile_since(recent, later, key, part)
            for name, (key, part) in _QUANTILES.items()
        },
        **_at_the_end(later),
    }


def _at_the_end(later: Sample) -> dict[str, Any]:
    connections: Mapping[str, int] = later.get("connections", {})
    return {
        "connections": sum(connections.values()),
        "states": connections,
        "lagging": later.get("lagging_connections", 0),
        "largest_lag": later.get("largest_lag_events", 0),
        "memory": later.get("resident_memory_bytes"),
        "history_events": later.get("history_events"),
        "history_bytes": later.get("history_bytes"),
        "processes": later.get("processes", 0),
        "total_published": later.get("events_published", 0),
        "total_delivered": later.get("events_delivered", 0),
    }


def _quantile_since(recent: Sample, later: Sample, key: str, part: float) -> float | None:
    before, after = recent.get(key), later.get(key)
    if after is None:
        return None
    counts: Sequence[int] = after["counts"]
    if before is not None:
        counts = [max(0, a - b) for a, b in zip(counts, before["counts"], strict=True)]
    return quantile(metric_named(key).bounds, counts, part)


def quantile(bounds: Sequence[float], counts: Sequence[int], part: float) -> float | None:
    """
    Estimate the size that *part* of all observations do not exceed.

    Inside a bucket, observations count as evenly spread; those above all bounds count as
    the largest bound.

    Args:
        counts: Of each bucket, and of what is above all bounds.

    Returns:
        ``None`` if there are no observations.
    """
    total = sum(counts)
    if not total:
        return None
    wanted = part * total
    below = 0
    lower = 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and below + count >= wanted:
            return lower + (bound - lower) * (wanted - below) / count
        below += count
        lower = bound
    return float(bounds[-1])


def _total(sample: Sample, key: str) -> float:
    value = sample.get(key, 0)
    return float(sum(value.values()) if isinstance(value, Mapping) else value)
