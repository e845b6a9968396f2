"""
When a follower delivers, waits and restarts; the store is a list of rows, and time a `Clock`.
"""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.following import Following, publication
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.history.bell import Bell
from twisted_sse.history.follower import PAUSE
from twisted_sse.history.outage import Outage
from twisted_sse.history.postgres.epochs import Epoch, KnownEpochs
from twisted_sse.history.postgres.follower import NET, PostgresFollower
from twisted_sse.history.postgres.paging import Look
from twisted_sse.history.postgres.row import EventRow

__all__ = ["FollowerTests"]

_FIRST = Epoch(1, "aaaaaaaa", 0, False, 0.0)


class Store:
    """
    What `PostgresReader` and its connection would tell.
    """

    pooled = False

    def __init__(self, epochs: KnownEpochs) -> None:
        self.connection = self
        self.epochs = epochs
        self.rows: list[EventRow] = []
        self.upto = 0
        self.reconnections = 0

    def add(self, *numbers: int) -> None:
        """
        Keep publications.
        """
        for number in numbers:
            one = publication(str(number))
            record = Record(number, self.epochs.id_of(number), one)
            self.rows.append(EventRow(number, record))

    def ready(self) -> Deferred[None]:
        """
        See `StoreConnection.ready`.
        """
        return succeed(None)

    def reconnect(self, reason: str) -> None:
        """
        See `PostgresConnection.reconnect`: the new connection begins an epoch.
        """
        self.reconnections += 1
        last = self.rows[-1].number if self.rows else 0
        self.epochs.update([_FIRST, Epoch(1001, "bbbbbbbb", last, True, 0.0)])

    async def follow(self, after: int) -> tuple[list[EventRow], Look]:
        """
        See `PostgresReader.follow`.
        """
        rows = [one for one in self.rows if one.number > after]
        newest = self.epochs.newest
        last = max([newest - 1, *(one.number for one in self.rows)])
        return rows, Look(self.upto, last, newest, self.epochs.lost)

    async def tail(self, limit: int) -> Tail:
        """
        See `PostgresReader.tail`.
        """
        lost = self.epochs.lost or 0
        kept = [one.record for one in self.rows if one.record and one.number >= lost][-limit:]
        before = kept[0].number - 1 if kept else self.epochs.newest - 1
        return Tail(Position(before, self.epochs.id_of(before)), kept)


class Mover:
    """
    Moves nothing.
    """

    def stop(self) -> None:
        """
        See `OutboxMover.stop`.
        """


class FollowerTests(SynchronousTestCase):
    """
    `PostgresFollower`.
    """

    def setUp(self) -> None:
        """
        Follow a store with one epoch and three publications.
        """
        self.clock = Clock()
        self.epochs = KnownEpochs()
        self.epochs.update([_FIRST])
        self.store = Store(self.epochs)
        self.store.add(1, 2, 3)
        self.bell = Bell(self.clock)
        self.following = Following()
        self.follower = PostgresFollower(
            self.store,  # type: ignore[arg-type]
            self.epochs,
            self.bell,
            Mover(),  # type: ignore[arg-type]
            Outage("The store", self.clock),
            self.clock,
            Position(1, "aaaaaaaa-1"),
            self.following.deliver,
            self.following.restart,
        )

    def numbers(self) -> list[int]:
        """
        What was delivered.
        """
        return [one.number for one in self.following.kept]

    def test_order(self) -> None:
        """
        Everything after the position is delivered, then what follows, at a notification or
        after a while.
        """
        self.assertEqual(self.numbers(), [2, 3])
        self.store.add(4)
        self.assertEqual(self.numbers(), [2, 3])
        self.bell.ring()
        self.assertEqual(self.numbers(), [2, 3, 4])
        self.store.add(5)
        self.clock.advance(NET)

        self.assertEqual(self.numbers(), [2, 3, 4, 5])
        self.assertEqual(self.following.restarts, [])
        self.assertEqual(self.epochs.known, ("aaaaaaaa", 5))

    def test_forgotten(self) -> None:
        """
        It restarts if something was forgotten before it was delivered.
        """
        self.store.upto = 5
        self.store.add(6)
        self.bell.ring()
        self.clock.advance(0)

        (tail,) = self.following.restarts
        self.assertEqual(tail.kept[-1].number, 6)
        self.store.add(7)
        self.clock.advance(PAUSE)
        self.assertEqual(self.numbers(), [2, 3, 7])

    def test_gap(self) -> None:
        """
        It restarts at a number that is missing, after what comes before that.
        """
        self.store.add(4, 6)
        self.bell.ring()
        self.clock.advance(0)

        self.assertEqual(self.numbers(), [2, 3, 4])
        self.assertEqual(len(self.following.restarts), 1)

    def test_unreadable(self) -> None:
        """
        A row that cannot be read is passed over.
        """
        self.store.rows.append(EventRow(4, None, "it has no topic"))
        self.store.add(5)
        self.bell.ring()

        self.assertEqual((self.numbers(), self.following.restarts), ([2, 3, 5], []))

    def test_new_epoch(self) -> None:
        """
        What comes after the boundary to a new epoch waits until other hubs have had time to tell
        what they have seen; then it goes on.
        """
        self.epochs.update([_FIRST, Epoch(1001, "bbbbbbbb", 4, False, 2.0)])
        self.store.add(4, 1001, 1002)
        self.bell.ring()
        self.assertEqual(self.numbers(), [2, 3, 4])
        self.clock.pump([0.1] * 18)
        self.assertEqual(self.numbers(), [2, 3, 4])
        self.clock.pump([0.1] * 5)

        self.assertEqual(self.numbers(), [2, 3, 4, 1001, 1002])
        self.assertEqual(self.following.restarts, [])

    def test_lost_by_another(self) -> None:
        """
        If another hub tells in that time that something is gone, it restarts.
        """
        self.epochs.update([_FIRST, Epoch(1001, "bbbbbbbb", 3, False, 2.0)])
        self.store.add(1001)
        self.bell.ring()
        self.epochs.update([_FIRST, Epoch(1001, "bbbbbbbb", 3, True, 2.0)])
        self.bell.ring()
        self.clock.advance(0)

        self.assertEqual(self.numbers(), [2, 3])
        self.assertEqual([one.number for one in self.following.restarts[0].kept], [1001])

    def test_lost(self) -> None:
        """
        If the store has less than was delivered, a new connection says so, and it restarts.
        """
        del self.store.rows[1:]
        self.bell.ring()
        self.clock.advance(0)

        self.assertEqual(self.store.reconnections, 1)
        self.assertEqual(self.following.restarts[0].newest, Position(1000, "bbbbbbbb-1000"))
        self.assertEqual(self.epochs.known, ("bbbbbbbb", 1000))

    def test_failovers(self) -> None:
        """
        If each of several failovers in a row has lost something, the pauses do not grow.
        """
        for count, epoch in enumerate((1001, 2001, 3001), 1):
            self.epochs.update([_FIRST, Epoch(epoch, "bbbbbbbb", epoch - 2, True, 0.0)])
            self.store.add(epoch)
            self.bell.ring()
            self.clock.advance(PAUSE)
            self.assertEqual(len(self.following.restarts), count)
            # The connection is there, and following goes on after a pause.
            self.clock.advance(PAUSE)
