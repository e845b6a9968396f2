"""
Presence of several hubs on one store.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber
from tests.support.shared import SharedMemoryHistory, SharedStore
from twisted_sse import Grant, Hub, MemoryHistory, Presence
from twisted_sse.events.presence import Occupancy, PresenceNews
from twisted_sse.interfaces import PRESENCE_BATCH

__all__ = ["AwayTests", "BusyTests", "EndTests", "SharingTests"]

ADA = Grant("ada", info=["x"], subscribe=["*"])
EVE = Grant("eve", subscribe=["*"])
NOBODY = Grant(public=True)


class FragileHistory(SharedMemoryHistory):
    """
    A history whose hub can be cut off alone, and that counts its calls.
    """

    cut = False
    batches: Sequence[int] = ()

    def exchange(
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> Any:
        """
        See `IPresenceStore.exchange`.
        """
        self.batches = [*self.batches, len(changes)]
        return Deferred() if self.cut else super().exchange(node, changes, after, ttl)


class Cluster:
    """
    Three hubs that have started, and what the listeners of the last one were told.
    """

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.store = SharedStore(self.clock)
        self.histories = [FragileHistory(self.store) for _ in range(3)]
        self.hubs = [
            Hub(one, keepalive=None, presence=Presence(**options), reactor=self.clock)
            for one in self.histories
        ]
        self.told: list[tuple[str, str]] = []
        presence = self.hubs[2].presence
        presence.on_join(lambda topic, member: self.told.append(("join", member.user)))
        presence.on_leave(lambda topic, member: self.told.append(("leave", member.user)))
        self.services = [hub.service(grace=1, spread=5) for hub in self.hubs]
        for service in self.services:
            service.startService()
        self.wait(1)

    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def join(self, hub: int, grant: Grant, *topics: str) -> Subscriber:
        """
        Open a stream at a hub.
        """
        return Subscriber(self.hubs[hub], *(topics or ("a",)), grant=grant)

    def users(self, topic: str = "a") -> list[list[str]]:
        """
        The members at each hub, sorted.
        """
        return [sorted(one.user for one in hub.presence.of(topic)) for hub in self.hubs]


class SharingTests(SynchronousTestCase):
    """
    Hubs that work.
    """

    def setUp(self) -> None:
        """
        Three hubs.
        """
        self.cluster = Cluster()

    def test_everywhere(self) -> None:
        """
        Within two seconds, every hub knows who is at the others, with their info.
        """
        self.cluster.join(0, ADA)
        self.cluster.join(1, NOBODY)
        self.cluster.join(1, NOBODY)
        self.cluster.wait(2)

        for hub in self.cluster.hubs:
            self.assertEqual(hub.presence.of("a"), [("ada", ["x"])])
            self.assertEqual(hub.presence.anonymous("a"), 2)

    def test_moves(self) -> None:
        """
        A user who goes on to another hub within the grace neither leaves nor joins.
        """
        stream = self.cluster.join(0, ADA)
        self.cluster.wait(2)
        for number in range(1, 50):
            stream.leave()
            self.cluster.wait(7)
            stream = self.cluster.join(number % 3, ADA)
        self.cluster.wait(15)

        self.assertEqual(self.cluster.told, [("join", "ada")])
        self.assertEqual(self.cluster.users(), [["ada"]] * 3)

    def test_leave(self) -> None:
        """
        A user leaves when no hub has a connection any more, and the grace is over.
        """
        streams = [self.cluster.join(number, ADA) for number in (0, 1)]
        self.cluster.wait(2)
        for stream in streams:
            self.assertEqual(self.cluster.users(), [["ada"]] * 3)
            stream.leave()
            self.cluster.wait(12)

        self.assertEqual(self.cluster.users(), [[]] * 3)
        self.assertEqual(self.cluster.told, [("join", "ada"), ("leave", "ada")])

    def test_late_hub(self) -> None:
        """
        A hub that starts later knows who is there.
        """
        self.cluster.join(0, ADA)
        self.cluster.wait(1)
        late = Hub(
            SharedMemoryHistory(self.cluster.store),
            keepalive=None,
            presence=True,
            reactor=self.cluster.clock,
        )
        late.service().startService()
        self.cluster.wait(0.1)

        self.assertEqual(late.presence.count("a"), 1)

    def test_quiet(self) -> None:
        """
        A quiet hub calls once in a second, and nothing is kept.
        """
        before = self.cluster.store.presence.calls
        self.cluster.wait(60)

        self.assertLess(abs(self.cluster.store.presence.calls - before - 180), 10)
        self.assertEqual(self.cluster.store.presence.log, [])
        self.assertEqual(self.cluster.store.memory.tail(9).kept, [])

    def test_batches(self) -> None:
        """
        Many members are announced in batches, right after each other.
        """
        for number in range(250):
            self.cluster.join(0, Grant(f"user {number}", subscribe=["*"]))
        self.cluster.wait(1.2)

        sizes = [size for size in self.cluster.histories[0].batches if size]
        self.assertEqual(sizes, [PRESENCE_BATCH, PRESENCE_BATCH, 50])
        self.assertEqual(self.cluster.hubs[2].presence.count("a"), 250)

    def test_large_batches(self) -> None:
        """
        A batch of long names has fewer of them.
        """
        topics = [f"{number}{'x' * 4000}" for number in range(12)]
        self.cluster.join(0, ADA, *topics)
        self.cluster.wait(1.2)

        sizes = [size for size in self.cluster.histories[0].batches if size]
        self.assertEqual(sizes, [8, 4])
        self.assertEqual(self.cluster.hubs[2].presence.count(topics[11]), 1)

    def test_local(self) -> None:
        """
        Without a store for presence, each hub tells of its own subscribers.
        """
        clock = Clock()
        hub = Hub(MemoryHistory(), keepalive=None, presence=True, reactor=clock)
        hub.service().startService()
        Subscriber(hub, "a", grant=ADA)
        clock.advance(0)

        self.assertEqual((hub.presence.count("a"), clock.getDelayedCalls()), (1, []))


class EndTests(SynchronousTestCase):
    """
    Hubs that end.
    """

    def setUp(self) -> None:
        """
        Three hubs, and users at the first one.
        """
        self.cluster = Cluster()
        self.cluster.join(0, ADA)
        self.cluster.join(0, EVE)
        self.cluster.join(0, NOBODY)
        self.cluster.wait(2)

    def kill(self) -> None:
        """
        Let the first hub do nothing more, as a process that was killed.
        """
        self.cluster.histories[0].cut = True
        # Its own log says that the store is silent.
        self.addCleanup(self.flushLoggedErrors, TimeoutError)

    def test_killed(self) -> None:
        """
        The users of a hub that is killed are gone within the grace and 7 seconds, and not
        before the grace is over.
        """
        self.kill()
        self.cluster.wait(10)
        self.assertEqual(self.cluster.users()[1:], [["ada", "eve"]] * 2)

        self.cluster.wait(7)

        self.assertEqual(self.cluster.users()[1:], [[]] * 2)
        self.assertEqual(self.cluster.hubs[1].presence.count("a"), 0)
        self.assertEqual(
            sorted(self.cluster.told), [(k, u) for k in ("join", "leave") for u in ("ada", "eve")]
        )

    def test_killed_with_many(self) -> None:
        """
        More users than are removed in one turn are gone as well.
        """
        for number in range(1500):
            self.cluster.join(0, Grant(f"user {number}", subscribe=["*"]))
        self.cluster.wait(3)
        counts = [hub.presence.count("a") for hub in self.cluster.hubs]
        self.kill()
        self.cluster.wait(17)

        self.assertEqual(counts, [1503] * 3)
        self.assertEqual([hub.presence.count("a") for hub in self.cluster.hubs[1:]], [0, 0])
        self.assertEqual([len(hub.presence._roster) for hub in self.cluster.hubs[1:]], [0, 0])

    def test_killed_and_back(self) -> None:
        """
        Those who come back to another hub in time do not leave.
        """
        self.kill()
        self.cluster.wait(9)
        self.cluster.join(1, ADA)
        self.cluster.wait(20)

        self.assertEqual(self.cluster.told[2:], [("leave", "eve")])
        self.assertEqual(self.cluster.users()[1:], [["ada"]] * 2)

    def test_cut_off(self) -> None:
        """
        A hub that was taken for dead announces everybody again when it is back.
        """
        self.kill()
        self.cluster.wait(20)
        self.cluster.histories[0].cut = False
        self.cluster.wait(12)

        self.assertEqual(self.cluster.users(), [["ada", "eve"]] * 3)
        self.assertEqual([hub.presence.anonymous("a") for hub in self.cluster.hubs], [1] * 3)

    def test_drained(self) -> None:
        """
        The users of a hub that stops have the spread, the reconnection time and the grace
        to come back to another one: nobody leaves.
        """
        self.cluster.services[0].stopService()
        self.cluster.wait(12)
        self.cluster.join(1, ADA)
        self.cluster.wait(3)
        self.cluster.join(2, EVE)
        self.cluster.wait(30)

        self.assertEqual(self.cluster.told, [("join", "ada"), ("join", "eve")])
        self.assertEqual(self.cluster.users()[1:], [["ada", "eve"]] * 2)
        self.assertEqual(self.cluster.hubs[1].presence.anonymous("a"), 0)

    def test_drained_for_good(self) -> None:
        """
        Those who do not come back leave after that time.
        """
        self.cluster.services[0].stopService()
        # The spread is 5 seconds, the reconnection time 3, and the grace 10.
        self.cluster.wait(17)
        self.assertEqual(self.cluster.users()[1:], [["ada", "eve"]] * 2)

        self.cluster.wait(4)

        self.assertEqual(self.cluster.users()[1:], [[]] * 2)


class AwayTests(SynchronousTestCase):
    """
    A store that is away for a while.
    """

    def setUp(self) -> None:
        """
        Three hubs with one user each.
        """
        self.cluster = Cluster()
        self.bob = Grant("bob", subscribe=["*"])
        self.streams = [self.cluster.join(n, one) for n, one in enumerate([ADA, EVE, self.bob])]
        self.cluster.wait(2)
        self.everybody = ["ada", "bob", "eve"]
        self.cluster.told.clear()

    def test_away(self) -> None:
        """
        Each hub shows the users of others as they were, and its own as they are.
        """
        self.cluster.store.interrupt()
        self.streams[0].leave()
        self.cluster.wait(300)

        self.assertEqual(self.cluster.users(), [["bob", "eve"], self.everybody, self.everybody])

    def test_back(self) -> None:
        """
        When it is back, nobody has left who is still there, and changes are made up for.
        """
        self.cluster.store.interrupt()
        self.streams[0].leave()
        self.cluster.join(1, Grant("new", subscribe=["*"]))
        self.cluster.wait(300)
        self.cluster.store.resume()
        self.cluster.wait(30)

        self.assertEqual(sorted(self.cluster.told), [("join", "new"), ("leave", "ada")])
        self.assertEqual(self.cluster.users(), [["bob", "eve", "new"]] * 3)

    def test_lost(self) -> None:
        """
        A store that has lost its data is told everybody again, and nobody leaves.
        """
        self.cluster.store.wipe()
        self.cluster.wait(60)

        self.assertEqual(self.cluster.told, [])
        self.assertEqual(self.cluster.users(), [self.everybody] * 3)

    def test_lost_with_a_hub(self) -> None:
        """
        Those of a hub that died with the data are gone after its life.
        """
        self.cluster.histories[0].cut = True
        self.addCleanup(self.flushLoggedErrors, TimeoutError)
        self.cluster.store.wipe()
        self.cluster.wait(10)
        self.assertEqual(self.cluster.users()[1:], [self.everybody] * 2)

        self.cluster.wait(8)

        self.assertEqual(self.cluster.users()[1:], [["bob", "eve"]] * 2)

    def test_coming_and_going(self) -> None:
        """
        However many come and go meanwhile, what waits is bounded, and then all is right.
        """
        cluster = Cluster(grace=0, most=50)
        cluster.join(0, ADA)
        cluster.wait(1)
        cluster.store.interrupt()
        for number in range(500):
            cluster.join(0, Grant(f"user {number}", subscribe=["*"])).leave()
        sharing = cluster.hubs[0].presence._sharing
        assert sharing is not None
        self.assertLessEqual(len(sharing._pending), 50)
        cluster.store.resume()
        cluster.wait(10)

        self.assertEqual(cluster.users(), [["ada"]] * 3)


class BrokenHistory(SharedMemoryHistory):
    """
    A history whose *answer* to presence is what the test says.
    """

    answer: Callable[[], Any]
    calls = 0

    def exchange(self, *arguments: Any) -> Any:
        """
        See `IPresenceStore.exchange`.
        """
        self.calls += 1
        return self.answer()


class BusyTests(SynchronousTestCase):
    """
    Stores that fail, are slow, or have much to tell.
    """

    def start(self, answer: Callable[[], Any]) -> None:
        """
        Start a hub whose store answers so.
        """
        self.clock = Clock()
        self.history = BrokenHistory(SharedStore(self.clock))
        self.history.answer = answer
        self.hub = Hub(self.history, keepalive=None, presence=True, reactor=self.clock)
        self.service = self.hub.service()
        self.service.startService()

    def wait(self, seconds: int) -> None:
        """
        Let time pass.
        """
        self.clock.pump([0.5] * seconds * 2)

    def test_fails(self) -> None:
        """
        A store that fails is called again each second, and the log says it once.
        """

        def fail() -> PresenceNews:
            raise ValueError("broken")

        self.start(fail)
        self.wait(5)

        self.assertEqual(self.history.calls, 5)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_silent(self) -> None:
        """
        A store that does not answer is called again after ten seconds.
        """
        self.start(lambda: Deferred())
        self.wait(12)

        self.assertEqual(self.history.calls, 2)
        self.assertEqual(len(self.flushLoggedErrors(TimeoutError)), 1)

    def test_more(self) -> None:
        """
        While there is more at hand, the next call does not wait.
        """
        answers = [PresenceNews(True, str(n), [], more=n < 5) for n in range(6)]
        self.start(lambda: answers.pop(0))
        self.clock.advance(0)

        self.assertEqual(self.history.calls, 6)

    def test_stop(self) -> None:
        """
        A silent store does not hold up the end of the hub for long.
        """
        self.start(lambda: Deferred())
        self.clock.advance(0)
        stopping = self.service.stopService()
        self.wait(10)

        self.successResultOf(stopping)
        self.wait(20)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.flushLoggedErrors(TimeoutError)
