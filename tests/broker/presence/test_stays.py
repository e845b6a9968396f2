"""
Who this hub has, and the grace.
"""

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.clocks import CostlyClock
from twisted_sse.broker.presence.stays import Stays
from twisted_sse.events.presence import Occupancy

__all__ = ["StaysTests"]


class StaysTests(SynchronousTestCase):
    """
    Connections that begin and end.
    """

    def setUp(self) -> None:
        """
        Nobody is here.
        """
        self.clock: Clock = Clock()
        self.reports: list[Occupancy] = []
        self.stays = self.make()

    def make(self, grace: float = 10.0, most: int = 100) -> Stays:
        """
        Make stays that report to this test.
        """
        return Stays(grace, most, self.clock, self.reports.append)

    def test_grace(self) -> None:
        """
        A user leaves when the grace after the last connection is over, and not before.
        """
        self.stays.enter("a", "ada", '"x"')
        self.stays.enter("a", "ada", None)
        self.stays.leave("a", "ada")
        self.clock.advance(60)
        self.stays.leave("a", "ada")
        self.clock.advance(9.9)
        self.assertEqual(self.reports, [Occupancy("a", "ada", 1, '"x"')])

        self.clock.advance(0.1)

        self.assertEqual(self.reports[1:], [Occupancy("a", "ada", 0)])
        self.assertEqual((len(self.stays), self.clock.getDelayedCalls()), (0, []))

    def test_grace_begins_again(self) -> None:
        """
        Each end of the last connection begins the grace again, for each user alone.
        """
        for user in ("ada", "eve"):
            self.stays.enter("a", user, None)
        self.stays.leave("a", "ada")
        self.clock.advance(4)
        self.stays.enter("a", "ada", None)
        self.stays.leave("a", "eve")
        self.clock.advance(1)
        self.stays.leave("a", "ada")
        self.clock.advance(9)
        self.assertEqual(self.reports[2:], [Occupancy("a", "eve", 0)])

        self.clock.advance(1)

        self.assertEqual(self.reports[3:], [Occupancy("a", "ada", 0)])

    def test_no_grace(self) -> None:
        """
        Without grace, a user leaves at once.
        """
        stays = self.make(grace=0)
        stays.enter("a", "ada", None)
        stays.leave("a", "ada")

        self.assertEqual(self.reports, [Occupancy("a", "ada", 1), Occupancy("a", "ada", 0)])

    def test_anonymous(self) -> None:
        """
        Connections without a user count as long as they are open.
        """
        self.stays.enter("a", None, None)
        self.stays.enter("a", None, None)
        self.stays.leave("a", None)
        self.stays.leave("a", None)

        self.assertEqual([one.number for one in self.reports], [1, 2, 1, 0])
        self.assertEqual((len(self.stays), self.clock.getDelayedCalls()), (0, []))

    def test_full(self) -> None:
        """
        One more than the most is not shown, and the log says so once; it is shown when
        there is room.
        """
        stays = self.make(most=2)
        stays.enter("a", "ada", None)
        stays.enter("a", None, None)
        with capturedLogs() as logs:
            refused = [stays.enter("a", "eve", None), stays.enter("b", None, None)]
        stays.leave("a", None)

        self.assertEqual((refused, len(logs)), ([False, False], 1))
        self.assertIn("no more than {most} members", logs[0]["log_format"])
        self.assertTrue(stays.enter("a", "eve", None))

    def test_full_of_the_absent(self) -> None:
        """
        A user without a connection makes room for one who has one.
        """
        stays = self.make(most=2)
        for user in ("ada", "bob"):
            stays.enter("a", user, None)
        stays.leave("a", "bob")
        stays.leave("a", "ada")

        self.assertTrue(stays.enter("a", "eve", None))
        self.assertEqual(self.reports[2:], [Occupancy("a", "bob", 0), Occupancy("a", "eve", 1)])

    def test_many_leave(self) -> None:
        """
        Many users who leave together do so a few in each turn.
        """
        self.clock = CostlyClock()
        stays = self.make(most=1000)
        for number in range(500):
            stays.enter("a", str(number), None)
        for number in range(500):
            stays.leave("a", str(number))
        remaining = []
        self.clock.advance(10)
        for _ in range(3):
            remaining.append(len(stays))
            self.clock.advance(0)

        self.assertEqual(remaining, [300, 100, 0])
        self.assertEqual(len(list(stays)), 0)

    def test_suspended(self) -> None:
        """
        Nobody leaves a hub that stops, not even those whose grace has begun.
        """
        for user in ("ada", "eve", None):
            self.stays.enter("a", user, None)
        self.stays.leave("a", "ada")
        self.stays.suspend()
        self.stays.leave("a", "eve")
        self.stays.leave("a", None)
        self.clock.advance(100)

        self.assertEqual(len(self.reports), 3)
        self.assertEqual([one.user for one in self.stays], ["ada", "eve", None])
