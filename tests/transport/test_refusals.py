"""
The counters of refusals.
"""

import re

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.refusals import LIMITS, METRIC, Refusals

__all__ = ["RefusalsTests"]


class RefusalsTests(SynchronousTestCase):
    """
    `Refusals`.
    """

    def test_count(self) -> None:
        """
        Each limit has a counter of its own, which begins at zero.
        """
        refusals = Refusals()
        for limit in ("body", "topics", "body"):
            refusals.count(limit)

        self.assertEqual((refusals["body"], refusals["topics"]), (2, 1))
        self.assertEqual(sum(number for _, number in refusals), 3)
        self.assertEqual([limit for limit, _ in refusals], list(LIMITS))

    def test_unknown(self) -> None:
        """
        A limit without a reserved name cannot be counted.
        """
        with self.assertRaises(KeyError):
            Refusals().count("patience")

    def test_names(self) -> None:
        """
        The names are fit for a metric and its labels.
        """
        for name in (METRIC, *LIMITS):
            self.assertRegex(name, re.compile(r"[a-z][a-z_]*"))

    def test_log(self) -> None:
        """
        The log shows the first refusal of each limit, and no other.
        """
        refusals = Refusals()
        with capturedLogs() as logged:
            for limit in ("body", "body", "topics"):
                refusals.count(limit)

        self.assertEqual(len(logged), 2)
        self.assertEqual(
            formatEvent(logged[0]),
            "The limit body has refused a request whose body is too large; further refusals are"
            " only counted",
        )
