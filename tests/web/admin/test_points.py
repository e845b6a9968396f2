"""
Rates and quantiles.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.web.admin.metrics import metric_named
from twisted_sse.web.admin.points import point_between, quantile
from twisted_sse.web.admin.sample import Sample

__all__ = ["PointTests", "QuantileTests"]


class QuantileTests(SynchronousTestCase):
    """
    Quantiles of histograms.
    """

    def test_estimates(self) -> None:
        """
        Observations are spread evenly inside a bucket, and stay below the largest bound.
        """
        bounds = (1, 2, 4)
        cases = [
            ([0, 0, 0, 0], 0.5, None),
            ([10, 0, 0, 0], 0.5, 0.5),
            ([10, 10, 0, 0], 0.5, 1.0),
            ([10, 10, 0, 0], 0.75, 1.5),
            ([0, 0, 4, 0], 0.99, 3.98),
            ([1, 0, 0, 9], 0.99, 4.0),
        ]
        for counts, part, expected in cases:
            found = quantile(bounds, counts, part)

            if expected is None:
                self.assertIsNone(found)
            else:
                self.assertAlmostEqual(found or 0, expected, 6, str(counts))


class PointTests(SynchronousTestCase):
    """
    What happened between two samples.
    """

    def sample(self, published: int, fast: int, slow: int) -> Sample:
        """
        Make a sample with publications, of which some took less than a millisecond and some
        more than a second.
        """
        counts = [0] * (len(metric_named("publish_to_write_seconds").bounds) + 1)
        counts[0], counts[-4] = fast, slow
        return {
            "events_published": published,
            "connections": {"live": 2, "behind": 1},
            "resets": {"unknown-id": published},
            "publish_to_write_seconds": {"counts": counts, "sum": 0.0},
            "largest_lag_events": 5,
        }

    def test_rates(self) -> None:
        """
        Rates are per second, whatever the time between the samples was.
        """
        point = point_between(self.sample(10, 0, 0), self.sample(40, 0, 0), {}, 2.0)

        self.assertEqual((point["published"], point["resets"], point["delivered"]), (15, 15, 0))
        self.assertEqual((point["connections"], point["largest_lag"]), (3, 5))

    def test_quantiles(self) -> None:
        """
        Quantiles are of what happened since the recent sample, not since the start.
        """
        recent, later = self.sample(0, 0, 1000), self.sample(0, 100, 1000)

        point = point_between(recent, later, recent, 1.0)
        silent = point_between(later, later, later, 1.0)

        self.assertLess(point["latency_p99"], 0.001)
        self.assertIsNone(silent["latency_p99"])
