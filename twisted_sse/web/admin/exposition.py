"""
Samples in the formats of Prometheus, by prometheus-client.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted_sse.web.admin.metrics import METRICS, PREFIX, Metric
from twisted_sse.web.admin.sample import Sample, build_info

__all__ = ["check_prometheus", "expose"]


def check_prometheus() -> None:
    """
    Check that prometheus-client is installed, and import it, which takes 20 ms.

    Raises:
        ModuleNotFoundError: It is not; the message says how to install it.
    """
    try:
        import prometheus_client.exposition  # noqa: F401
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "/metrics needs prometheus-client: pip install 'twisted-sse[metrics]'"
        ) from None


def expose(sample: Sample, accept: str) -> tuple[bytes, str]:
    """
    Write *sample*.

    Args:
        accept: The header ``Accept`` of the request.

    Returns:
        The text, and its media type.
    """
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    # One for each answer: the global registry is the application's.
    registry = CollectorRegistry()
    registry.register(_Collector(sample))
    write, content_type = choose_encoder(accept)
    return write(registry), content_type


class _Collector:
    """
    What a registry asks for metrics.
    """

    def __init__(self, sample: Sample) -> None:
        self._sample = sample

    def describe(self) -> list[Any]:
        """
        See `prometheus_client.registry.Collector.describe`: so that registering asks for
        no numbers.
        """
        return []

    def collect(self) -> Iterator[Any]:
        """
        See `prometheus_client.registry.Collector.collect`.
        """
        from prometheus_client.core import InfoMetricFamily

        for metric in METRICS:
            if metric.key in self._sample:
                yield _family(metric, self._sample[metric.key])
        yield InfoMetricFamily(
            f"{PREFIX}build", "The versions of the package, Python and Twisted.", build_info()
        )


def _family(metric: Metric, value: Any) -> Any:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    name = f"{PREFIX}{metric.key}"
    labels = [metric.label] if metric.label else []
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(name, metric.help)
        histogram.add_metric([], _cumulative(metric, value["counts"]), value["sum"])
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(name, metric.help, labels=labels)
    numbers = {**dict.fromkeys(metric.values, 0), **value} if labels else {"": value}
    for label, number in numbers.items():
        family.add_metric([label] if labels else [], number)
    return family


def _cumulative(metric: Metric, counts: list[int]) -> list[tuple[str, float]]:
    bounds = [*(f"{float(bound)!r}" for bound in metric.bounds), "+Inf"]
    buckets: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets
