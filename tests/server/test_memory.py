"""
Returning memory to the system.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server import memory
from twisted_sse.server.memory import MemoryTrim

__all__ = ["MemoryTrimTests"]


class MemoryTrimTests(SynchronousTestCase):
    """
    `MemoryTrim`.
    """

    def setUp(self) -> None:
        """
        Start the service.
        """
        self.clock = Clock()
        self.count = self.trimmed = 0
        self.service = MemoryTrim(lambda: self.count, self.clock, self.trim)
        self.service.startService()

    def trim(self) -> None:
        """
        Count a call.
        """
        self.trimmed += 1

    def see(self, *counts: int) -> int:
        """
        Have so many connections, one after the other; how often memory was returned.
        """
        before = self.trimmed
        for self.count in counts:
            self.clock.advance(5)
        return self.trimmed - before

    def test_half_left(self) -> None:
        """
        Memory is returned once when half of the connections have ended, and once for the rest.
        """
        self.assertEqual(self.see(1000, 900, 501), 0)
        self.assertEqual(self.see(500, 450, 400), 1)
        self.assertEqual(self.see(0, 0), 1)

    def test_few(self) -> None:
        """
        A few connections are not worth it.
        """
        self.assertEqual(self.see(199, 0, 199, 0), 0)

    def test_stop(self) -> None:
        """
        A service that has stopped does nothing.
        """
        self.service.stopService()

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_library(self) -> None:
        """
        The call of the C library does no harm.
        """
        memory._malloc_trim()
