"""
Histograms.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.measures.histogram import Histogram

__all__ = ["HistogramTests"]


class HistogramTests(SynchronousTestCase):
    """
    Observations and their buckets.
    """

    def test_buckets(self) -> None:
        """
        A bound belongs to its bucket, and what exceeds all of them to the last one.
        """
        histogram = Histogram((1, 2, 5))
        for size in (0, 1, 1.5, 2, 5, 5.1, 100):
            histogram.observe(size)

        self.assertEqual(histogram.counts, [2, 2, 1, 2])
        self.assertAlmostEqual(histogram.sum, 114.6)

    def test_several(self) -> None:
        """
        Several observations of one size are added at once.
        """
        histogram = Histogram((1,))
        histogram.observe(0.5, 4)

        self.assertEqual(histogram.write(), {"counts": [4, 0], "sum": 2.0})

    def test_written(self) -> None:
        """
        What was written does not change later.
        """
        histogram = Histogram((1,))
        written = histogram.write()
        histogram.observe(0.5)

        self.assertEqual(written["counts"], [0, 0])
