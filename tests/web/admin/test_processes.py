"""
What a process tells of its history.
"""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.history import AbsentHistory
from tests.support.hubs import make_hub
from twisted_sse.events.holdings import Holdings
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IDescribedHistory, IHistoryProvider
from twisted_sse.web.admin.processes import describe_history

__all__ = ["DescribeTests"]


@implementer(IDescribedHistory)
class _SlowToTell(MemoryHistory):
    """
    Tells what it holds when a test says so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answer: Deferred[Holdings] = Deferred(lambda _: self.fail())

    def fail(self) -> None:
        """
        Fail, because it was cancelled.
        """
        raise AssertionError("It was cancelled.")

    def describe(self) -> Deferred[Holdings]:  # type: ignore[override]
        """
        See `IDescribedHistory.describe`.
        """
        return self.answer


class DescribeTests(SynchronousTestCase):
    """
    Asking a history what it holds.
    """

    def ask(self, history: IHistoryProvider) -> Deferred[Holdings]:
        """
        Ask it.
        """
        hub, self.clock = make_hub(history)
        return describe_history(hub.broker)

    def test_told(self) -> None:
        """
        It tells.
        """
        holdings = self.successResultOf(self.ask(MemoryHistory(events=7)))

        self.assertEqual((holdings.events, (holdings.bounds or {})["events"]), (0, 7))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """
        One that is slow is not waited for, nor cancelled; what it tells later is left.
        """
        history = _SlowToTell()
        asking = self.ask(history)
        self.assertNoResult(asking)

        self.clock.advance(1)
        history.answer.callback(Holdings(3))

        self.assertEqual(self.successResultOf(asking), Holdings())

    def test_failed(self) -> None:
        """
        One that fails tells nothing, nor does one that cannot tell.
        """
        history = _SlowToTell()
        asking = self.ask(history)
        history.answer.errback(ZeroDivisionError())

        self.assertEqual(self.successResultOf(asking), Holdings())
        self.assertEqual(self.successResultOf(self.ask(AbsentHistory())), Holdings())
