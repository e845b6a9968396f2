"""
The log of a worker, on its way into the parent's.
"""

import os

from twisted.logger import LogEvent, Logger, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.connections.endlog import ACCESS_LOGGER
from twisted_sse.server.workers.log import LineLog, write_event

__all__ = ["LogTests"]


class LogTests(SynchronousTestCase):
    """
    `write_event` and `LineLog`.
    """

    def carry(self, *events: LogEvent) -> list[LogEvent]:
        """
        Write *events* to a pipe, and log what comes out of it.
        """
        reading, writing = os.pipe()
        for event in events:
            write_event(event, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as file, capturedLogs() as logged:
            log = LineLog(3, LogLevel.warn)
            log.feed(file.read())
            log.end()
        return list(logged)

    def test_event(self) -> None:
        """
        Level, namespace and text stay, line breaks included.
        """
        with capturedLogs() as events:
            Logger(namespace="hub.part").error("It is {what}\nreally", what="späť")

        (arrived,) = self.carry(*events)

        self.assertEqual(formatEvent(arrived), "worker 3: It is späť\nreally")
        self.assertEqual(arrived["log_level"], LogLevel.error)
        self.assertEqual(arrived["log_namespace"], "hub.part")

    def test_fields(self) -> None:
        """
        The fields of a message stay apart, for logs in JSON.
        """
        with capturedLogs() as events:
            Logger(namespace="hub").info("{count:g} of {topic!r}", count=1.0, topic="a")
            Logger(namespace="hub").info("{worker} {what}", worker=1, what="b")

        first, second = self.carry(*events)

        self.assertEqual((first["count"], first["topic"], first["worker"]), (1.0, "a", 3))
        self.assertEqual(formatEvent(first), "worker 3: 1 of 'a'")
        self.assertEqual(formatEvent(second), "worker 3: 1 b")

    def test_access_log(self) -> None:
        """
        Lines of the access log have no prefix, because programs read them.
        """
        with capturedLogs() as events:
            Logger(namespace=ACCESS_LOGGER).info("{address} - -", address="192.0.2.1")

        (arrived,) = self.carry(*events)

        self.assertEqual(formatEvent(arrived), "192.0.2.1 - -")

    def test_failure(self) -> None:
        """
        A failure arrives with its traceback.
        """
        with capturedLogs() as events:
            try:
                1 / 0  # noqa: B018
            except ZeroDivisionError:
                Logger(namespace="hub").failure("No good")

        (arrived,) = self.carry(*events)
        self.flushLoggedErrors(ZeroDivisionError)

        self.assertIn("ZeroDivisionError", formatEvent(arrived))

    def test_other_lines(self) -> None:
        """
        Lines of the interpreter become events, also those that look like JSON.
        """
        log = LineLog(1, LogLevel.warn)
        with capturedLogs() as logged:
            log.feed(b"Fatal Python error\n[1, 2, 3]\n\xff")
            log.feed(b"\n")

        self.assertEqual(
            [formatEvent(event) for event in logged],
            ["worker 1: Fatal Python error", "worker 1: [1, 2, 3]", "worker 1: \ufffd"],
        )
        self.assertEqual({event["log_level"] for event in logged}, {LogLevel.warn})

    def test_no_line_end(self) -> None:
        """
        Output without line ends is bounded.
        """
        log = LineLog(1, LogLevel.warn)
        for _ in range(100):
            log.feed(b"x" * 65536)

        with capturedLogs() as logged:
            log.end()

        self.assertLessEqual(len(formatEvent(logged[0])), 65536 + 20)

    def test_no_parent(self) -> None:
        """
        Without a parent, logging does nothing.
        """
        reading, writing = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, writing)

        self.assertIsNone(write_event({"log_format": "hello"}, writing))
