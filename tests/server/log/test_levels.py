"""
Levels of the log.
"""

from twisted.logger import LogEvent, Logger, LogLevel, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.log.levels import filtered, read_level

__all__ = ["LevelTests"]


class LevelTests(SynchronousTestCase):
    """
    `read_level` and `filtered`.
    """

    def logged(self, *levels: str) -> list[str]:
        """
        Log one line of each level by two loggers, and return what passes.
        """
        events: list[LogEvent] = []
        observer = filtered(events.append, [read_level(text) for text in levels])
        for name in ("hub", "hub.history"):
            logger = Logger(namespace=name, observer=observer)
            for level in LogLevel.iterconstants():
                logger.emit(level, f"{name} {level.name}")
        return [formatEvent(event) for event in events]

    def test_default(self) -> None:
        """
        Everything but debug is logged.
        """
        names = ["info", "warn", "error", "critical"]

        self.assertEqual(
            self.logged(), [f"{one} {level}" for one in ("hub", "hub.history") for level in names]
        )

    def test_all(self) -> None:
        """
        A level applies to all loggers.
        """
        self.assertEqual(
            self.logged("error"),
            ["hub error", "hub critical", "hub.history error", "hub.history critical"],
        )

    def test_one(self) -> None:
        """
        A level of one logger applies to it and to those below it.
        """
        self.assertEqual(
            self.logged("critical", "hub.history=error"),
            ["hub critical", "hub.history error", "hub.history critical"],
        )

    def test_refused(self) -> None:
        """
        What is no level is refused, with those that are.
        """
        with self.assertRaisesRegex(ValueError, "'loud' is not a level: use one of debug, info"):
            read_level("loud")
        with self.assertRaisesRegex(ValueError, "names no logger"):
            read_level("=debug")
