"""
What all followers have in common, and the log of outages.
"""

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.follower import PAUSE, Follower, RestartPause
from twisted_sse.history.outage import Outage, Unreadable

__all__ = ["FollowerTests", "OutageTests", "RestartPauseTests", "UnreadableTests"]


class _Failing(Follower):
    """
    Fails as *errors* say, one after the other.
    """

    def __init__(self, clock: Clock, errors: list[Exception]) -> None:
        self.errors = errors
        super().__init__(clock, lambda records: None, lambda tail: None)

    async def _run(self) -> None:
        raise self.errors.pop(0)

    def check(self) -> None:
        """
        See `Follower.check`.
        """


class FollowerTests(SynchronousTestCase):
    """
    A follower never ends by itself.
    """

    def test_unexpected(self) -> None:
        """
        After an error that nobody expected it goes on after a pause; the same error is logged
        once.
        """
        clock = Clock()
        errors: list[Exception] = [OverflowError("large"), OverflowError("large"), KeyError("n")]
        follower = _Failing(clock, [*errors, KeyError("n")])
        for _ in range(3):
            clock.advance(PAUSE)

        self.assertEqual(follower.errors, [])
        self.assertEqual(len(self.flushLoggedErrors(OverflowError)), 1)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)


class RestartPauseTests(SynchronousTestCase):
    """
    Pauses before restarts.
    """

    def test_grow(self) -> None:
        """
        Repeats have longer and longer pauses, up to half a minute; after some quiet seconds
        there is none again.
        """
        pause, now, pauses = RestartPause(), 0.0, []
        for _ in range(8):
            pauses.append(pause.next(now))
            now += pauses[-1]
        self.assertEqual(pauses, [0, 1, 2, 4, 8, 16, 30, 30])

        self.assertEqual(pause.next(now + 10), 0)

    def test_lives(self) -> None:
        """
        The pauses begin with the shortest one again in another life of the store.
        """
        pause = RestartPause()

        self.assertEqual([pause.next(0, life) for life in "aabbbcc"], [0, 1, 1, 2, 4, 1, 2])


class OutageTests(SynchronousTestCase):
    """
    One line when an outage begins, and one when it has ended.
    """

    def setUp(self) -> None:
        """
        Make an outage.
        """
        self.clock = Clock()
        self.outage = Outage("The store", self.clock)

    def test_lines(self) -> None:
        """
        Whatever fails meanwhile, and however often, there are two lines, with the first reason.
        """
        with capturedLogs() as logged:
            for _ in range(5):
                self.outage.begin("writing", "it is full")
                self.outage.begin("reading", "it is away")
                self.outage.end("writing")
            self.assertRaisesRegex(HistoryUnavailable, "it is away", self.outage.check)
            self.outage.end("reading")
            self.outage.check()
            self.clock.advance(1)
            self.outage.end("reading")

        self.assertEqual(
            [formatEvent(one) for one in logged],
            [
                "The store is not available: it is full; trying again",
                "The store is available again after 1 seconds; the reason was: it is full",
            ],
        )

    def test_flapping(self) -> None:
        """
        A store that works for less than a second in between has one outage.
        """
        with capturedLogs() as logged:
            for _ in range(20):
                self.outage.begin("writing", "it is full")
                self.clock.advance(0.5)
                self.outage.end("writing")
                self.clock.advance(0.5)
            self.clock.advance(1)

        self.assertEqual([one["log_level"] for one in logged], [LogLevel.warn, LogLevel.info])

    def test_stop(self) -> None:
        """
        A stop leaves no timer behind.
        """
        self.outage.begin("writing", "it is full")
        self.outage.end("writing")
        self.outage.stop()

        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.outage.check()


class UnreadableTests(SynchronousTestCase):
    """
    Lines about entries that are passed over.
    """

    def test_bounded(self) -> None:
        """
        Each entry has one line, and a damaged store does not fill the log.
        """
        unreadable = Unreadable("The store")
        with capturedLogs() as logged:
            for _ in range(3):
                unreadable.note("5-1", "it has no topic")
        self.assertEqual(
            [formatEvent(one) for one in logged],
            ["The store: the entry '5-1' cannot be read and is passed over: it has no topic"],
        )
        with capturedLogs() as logged:
            for number in range(1000):
                unreadable.note(number, "it has no topic")

        self.assertLess(len(logged), 30)
        self.assertIn("more entries", formatEvent(logged[-1]) or "")
