"""
Floods of log lines are folded.
"""

from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.log.folding import FoldingObserver

__all__ = ["FoldingTests"]


class FoldingTests(SynchronousTestCase):
    """
    `FoldingObserver`.
    """

    def setUp(self) -> None:
        """
        Make a logger, and another one that is exempt.
        """
        self.clock = Clock()
        self.clock.advance(100)
        self.events: list[LogEvent] = []
        self.observer = FoldingObserver(
            self.events.append, frozenset(["access"]), self.clock.seconds
        )
        self.logger = Logger(namespace="hub", observer=self.observer)

    @property
    def lines(self) -> list[str]:
        """
        What was logged.
        """
        return [formatEvent(event) for event in self.events]

    def test_few(self) -> None:
        """
        A few lines are all logged, at once.
        """
        for number in range(20):
            self.logger.warn("Refused {number}", number=number)

        self.assertEqual(self.lines, [f"Refused {number}" for number in range(20)])

    def test_many(self) -> None:
        """
        Of many lines the first are logged, and then how many there were.
        """
        for number in range(1019):
            self.logger.warn("Refused {number}", number=number)
        self.assertEqual(len(self.lines), 20)

        self.clock.advance(1)
        self.logger.warn("Something else")
        self.assertEqual(
            self.lines[20:], ["And 999 more lines like this in the last second", "Something else"]
        )
        self.assertEqual(self.events[20]["log_namespace"], "hub")

    def test_others(self) -> None:
        """
        A flood of one kind hides no line of another kind.
        """
        for _ in range(100):
            self.logger.warn("Refused")
            self.logger.info("Refused")
        self.logger.warn("Broken")

        self.assertEqual(len(self.lines), 41)
        self.assertEqual(self.lines[-1], "Broken")

    def test_next_second(self) -> None:
        """
        Each second begins anew.
        """
        for _ in range(3):
            for _ in range(21):
                self.logger.warn("Refused")
            self.clock.advance(1)
        self.observer.flush()

        self.assertEqual(self.lines.count("Refused"), 60)
        self.assertEqual(self.lines.count("And 1 more lines like this in the last second"), 3)

    def test_exempt(self) -> None:
        """
        Lines of an exempt logger are never left out.
        """
        access = Logger(namespace="access", observer=self.observer)
        for _ in range(100):
            access.info("GET")

        self.assertEqual(len(self.lines), 100)
