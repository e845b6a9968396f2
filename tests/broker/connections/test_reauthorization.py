"""
Open streams follow changes of their users' grants.
"""

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.support.history import SlowHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.members import RecordingSink
from tests.support.sinks import MemorySink
from tests.support.sqlite_histories import SQLiteTestCase
from twisted_sse import Forbidden, Grant, Hub, NoContent, Unauthorized
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider

__all__ = [
    "AnswerTests",
    "LaterTests",
    "MemoryReplayTests",
    "MovingTests",
    "SQLiteReplayTests",
    "StateTests",
]


class HubWithGrants:
    """
    A hub, and the current grant of each user.

    Attributes:
        allowed: By user: a grant, an exception to raise, or a function that returns the
            grant later.
    """

    def __init__(self, history: IHistoryProvider | None = None, **options: object) -> None:
        self.hub, self.clock = make_hub(history, **options)
        self.allowed: dict[str, Grant | Exception | Callable[[], Awaitable[Grant]]] = {}

    def subscribe(
        self,
        grant: Grant,
        *topics: str,
        last_event_id: str | None = None,
        sink: MemorySink | None = None,
    ) -> Subscriber:
        """
        Subscribe with *grant*, which has a user.
        """
        user = grant.user
        assert user is not None
        self.allowed[user] = grant
        subscriber = Subscriber(
            self.hub,
            *topics,
            grant=grant,
            last_event_id=last_event_id,
            sink=sink,
            reauthorize=lambda: self.answer(user),
        )
        self.clock.advance(0)
        return subscriber

    def answer(self, user: str) -> Grant | Awaitable[Grant]:
        """
        Authorize *user*, as an ``authorize`` function does.
        """
        allowed = self.allowed[user]
        if isinstance(allowed, Exception):
            raise allowed
        return allowed if isinstance(allowed, Grant) else allowed()

    def publish(self, *data: str) -> None:
        """
        Publish private events, each to the topic named by its first letter.
        """
        for one in data:
            self.hub.publish(one[0], one, private=True)
            self.clock.advance(0)


class AnswerTests(SynchronousTestCase):
    """
    What each answer does to a stream.
    """

    def setUp(self) -> None:
        """
        A user with two streams, and another user with one.
        """
        self.fixture = HubWithGrants()
        self.hub = self.fixture.hub
        self.ada = [self.fixture.subscribe(Grant("ada", subscribe=["a"]), "*") for _ in range(2)]
        self.bob = self.fixture.subscribe(Grant("bob", subscribe=["a"]), "*")

    def _change(self, allowed: Grant | Exception) -> list[Connection]:
        self.fixture.allowed["ada"] = allowed
        changed: list[Connection] = self.successResultOf(self.hub.grant_changed("ada"))
        return changed

    def test_same(self) -> None:
        """
        With an equal grant the stream continues, and nothing is sent.
        """
        changed = self._change(Grant("ada", subscribe=["a"]))
        self.fixture.publish("a1")

        self.assertEqual(changed, [one.connection for one in self.ada])
        self.assertEqual([one.data for one in self.ada], [["a1"], ["a1"]])
        self.assertEqual(len(self.fixture.hub.connections), 3)

    def test_refused(self) -> None:
        """
        A stream that may not continue ends in good order, and the others stay.
        """
        for error in (Unauthorized("Log in."), Forbidden("No."), NoContent("Never.")):
            with self.subTest(error=error):
                ada = self.fixture.subscribe(Grant("ada", subscribe=["a"]), "*")
                changed = self._change(error)
                self.fixture.publish("a1")

                self.assertIn(ada.connection, changed)
                self.assertEqual(ada.connection.ended, EndReason.REVOKED)
                self.assertTrue(ada.sink.finished)
                self.assertEqual(ada.data, [])
        self.assertEqual(self.bob.data, ["a1"] * 3)
        self.assertEqual(self.fixture.clock.getDelayedCalls(), [])

    def test_refused_slow_reader(self) -> None:
        """
        A blocked stream is aborted, so its reader gets none of the unsent events.
        """
        self.ada[0].sink.pause()
        self._change(Forbidden("No."))

        self.assertEqual(self.ada[0].connection.ended, EndReason.REVOKED)
        self.assertTrue(self.ada[0].sink.aborted)

    def test_broken(self) -> None:
        """
        If `authorize` fails, the stream breaks off, and the error is logged.
        """
        self._change(KeyError("a bug"))

        self.assertEqual([one.sink.truncated for one in self.ada], [True] * 2)

        self.assertEqual([one.connection.ended for one in self.ada], [EndReason.FAILED] * 2)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 2)
        self.assertIsNone(self.bob.connection.ended)

    def test_no_grant(self) -> None:
        """
        An answer that is not a grant counts as a failure.
        """
        self.fixture.allowed["ada"] = lambda: None  # type: ignore[assignment, return-value]
        self.successResultOf(self.hub.grant_changed("ada"))

        self.assertEqual([one.connection.ended for one in self.ada], [EndReason.FAILED] * 2)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 2)

    def test_expired(self) -> None:
        """
        A grant that has already expired ends the stream.
        """
        self.fixture.clock.advance(10)
        self._change(Grant("ada", subscribe=["a"], expires=10))

        self.assertEqual([one.connection.ended for one in self.ada], [EndReason.REVOKED] * 2)

    def test_another_expiry(self) -> None:
        """
        Only the newest grant's expiry counts.
        """
        self._change(Grant("ada", subscribe=["a"], expires=10))
        self._change(Grant("ada", subscribe=["a"], expires=20))
        self.fixture.clock.advance(19)
        before = self.ada[0].connection.ended
        self.fixture.clock.advance(1)

        self.assertIsNone(before)
        self.assertEqual(self.ada[0].connection.ended, EndReason.EXPIRED)

    def test_another_user(self) -> None:
        """
        A stream whose user's name changed is found by the new name.
        """
        self.fixture.allowed["grace"] = Forbidden("No.")
        self._change(Grant("grace", subscribe=["a"]))
        found = self.hub.connections.of_user("grace")
        again = self.successResultOf(self.hub.grant_changed("ada"))

        self.assertEqual(found, [one.connection for one in self.ada])
        self.assertEqual(again, [])

    def test_no_user(self) -> None:
        """
        A stream whose new grant has no user cannot be found again, and stays.
        """
        self._change(Grant(public=True))
        again = self._change(Forbidden("No."))
        self.hub.publish("a", "for all")
        self.fixture.clock.advance(0)

        self.assertEqual(again, [])
        self.assertEqual(self.ada[0].data, ["for all"])

    def test_unknown(self) -> None:
        """
        A user without streams is not an error.
        """
        self.assertEqual(self.successResultOf(self.hub.grant_changed("eve")), [])

    def test_released(self) -> None:
        """
        Nothing is kept of streams that have ended.
        """
        for one in (*self.ada, self.bob):
            one.leave()

        self.assertEqual(self.successResultOf(self.hub.grant_changed("ada")), [])
        self.assertEqual(self.fixture.clock.getDelayedCalls(), [])


class StateTests(SynchronousTestCase):
    """
    The grant's state, for the application.
    """

    def test_begins(self) -> None:
        """
        A connection starts with its own copy, and keeps it when the grant changes.
        """
        fixture = HubWithGrants()
        grant = Grant("ada", public=True, state={"name": "Ada"})
        one, other = (fixture.subscribe(grant, "a").connection for _ in range(2))
        one.state["name"] = "Countess"
        fixture.allowed["ada"] = Grant("ada", public=True, state={"name": "Eve"})
        fixture.hub.grant_changed("ada")

        self.assertEqual((one.state, other.state), ({"name": "Countess"}, {"name": "Ada"}))


class MovingTests(SynchronousTestCase):
    """
    A stream whose topics change continues from its position.
    """

    BOTH = Grant("ada", subscribe=["a", "b"])
    ONLY_A = Grant("ada", subscribe=["a"])
    ONLY_B = Grant("ada", subscribe=["b"])

    def _change(self, fixture: HubWithGrants, grant: Grant) -> None:
        fixture.allowed["ada"] = grant
        fixture.hub.grant_changed("ada")

    def test_live(self) -> None:
        """
        Events withheld earlier are not sent; newly granted ones are sent from now on.
        """
        fixture = HubWithGrants()
        ada = fixture.subscribe(self.ONLY_A, "*")
        fixture.publish("a1", "b1")
        self._change(fixture, self.ONLY_B)
        fixture.publish("a2", "b2")
        self._change(fixture, self.BOTH)
        fixture.publish("a3", "b3")

        self.assertEqual(ada.data, ["a1", "b2", "a3", "b3"])
        self.assertTrue(ada.connection.live)

    def test_counted(self) -> None:
        """
        Receipts count the subscribers that may read the event now.
        """
        fixture = HubWithGrants()
        fixture.subscribe(self.ONLY_A, "*")
        self._change(fixture, self.ONLY_B)
        receipts = [fixture.hub.publish(topic, "x", private=True) for topic in "ab"]
        fixture.clock.advance(0)

        counts = [self.successResultOf(one).subscribers for one in receipts]
        self.assertEqual(counts, [0, 1])

    def test_keepalive(self) -> None:
        """
        A change of grant does not make a keepalive come early.
        """
        fixture = HubWithGrants(keepalive=15.0)
        ada = fixture.subscribe(self.ONLY_A, "*")
        fixture.clock.pump([1.0] * 14)
        fixture.publish("a1")
        self._change(fixture, self.BOTH)
        fixture.clock.pump([1.0] * 14)
        early = ada.sink.received.count(b"\n:\n")
        fixture.clock.pump([1.0] * 2)

        self.assertEqual((early, ada.sink.received.count(b"\n:\n")), (0, 1))

    def test_slow_reader(self) -> None:
        """
        A stream that is behind gets the unsent events that the new grant allows.
        """
        fixture = HubWithGrants()
        sink = MemorySink()
        ada = fixture.subscribe(self.ONLY_A, "*", sink=sink)
        fixture.publish("a1", "b1")
        sink.pause()
        fixture.publish("a2", "b2")
        self._change(fixture, self.ONLY_B)
        fixture.publish("a3", "b3")
        sink.make_room(1 << 20)
        fixture.clock.advance(0)

        self.assertEqual(ada.data, ["a1", "b2", "b3"])

    def test_while_history_is_read(self) -> None:
        """
        A page read for the old grant is not sent: the stream gets nothing withheld, and nothing
        twice.
        """
        history = SlowHistory(MemoryHistory())
        fixture = HubWithGrants(history, window_events=1)
        self._fill(fixture, history, "a1", "b1", "a2", "b2", "a3", "b3")
        ada = fixture.subscribe(self.BOTH, "*", last_event_id="earliest")
        reading = ada.connection.reading
        self._change(fixture, self.ONLY_B)
        self._settle(fixture, history)

        self.assertTrue(reading)
        self.assertEqual(ada.data, ["b1", "b2", "b3"])
        self.assertTrue(ada.connection.live)

    def test_changed_back(self) -> None:
        """
        The page is not sent even if the grant is the old one again when history answers.
        """
        history = SlowHistory(MemoryHistory())
        fixture = HubWithGrants(history, window_events=1)
        self._fill(fixture, history, "a1", "b1", "a2", "b2")
        ada = fixture.subscribe(self.ONLY_A, "*", last_event_id="earliest")
        self._change(fixture, self.ONLY_B)
        self._change(fixture, self.ONLY_A)
        self._settle(fixture, history)

        self.assertEqual(ada.data, ["a1", "a2"])

    def test_ends_while_history_is_read(self) -> None:
        """
        A stream may end while history is read.
        """
        history = SlowHistory(MemoryHistory())
        fixture = HubWithGrants(history, window_events=1)
        self._fill(fixture, history, "a1", "b1", "a2")
        ada = fixture.subscribe(self.ONLY_A, "*", last_event_id="earliest")
        self._change(fixture, self.ONLY_B)
        history.answer_next()
        ada.leave()
        self._settle(fixture, history)

        self.assertEqual(ada.data, [])
        self.assertEqual(len(fixture.hub.connections), 0)

    def test_while_it_is_written_to(self) -> None:
        """
        A change reported during a write takes effect right after it.
        """
        fixture = HubWithGrants()
        sink = RecordingSink()
        ada = fixture.subscribe(self.ONLY_A, "*", sink=sink)
        sink.on_send = lambda: self._change(fixture, self.ONLY_B)
        fixture.publish("a1")
        sink.on_send = lambda: None
        fixture.publish("a2", "b2")

        self.assertEqual(ada.data, ["a1", "b2"])

    def _fill(self, fixture: HubWithGrants, history: SlowHistory, *data: str) -> None:
        for one in data:
            fixture.hub.publish(one[0], one, private=True)
            fixture.clock.advance(0)
            history.answer_next()
            fixture.clock.advance(0)

    def _settle(self, fixture: HubWithGrants, history: SlowHistory) -> None:
        for _ in range(20):
            history.answer_next()
            fixture.clock.advance(0)


class LaterTests(SynchronousTestCase):
    """
    Answers that come later.
    """

    def setUp(self) -> None:
        """
        A user whose answers the test gives.
        """
        self.fixture = HubWithGrants()
        self.hub = self.fixture.hub
        self.ada = self.fixture.subscribe(Grant("ada", subscribe=["a"]), "*")
        self.asked: list[Deferred[Grant]] = []
        self.fixture.allowed["ada"] = self._ask

    def _ask(self) -> Deferred[Grant]:
        self.asked.append(Deferred())
        return self.asked[-1]

    def test_until_answered(self) -> None:
        """
        Until the answer comes, the old grant applies, and `grant_changed` waits.
        """
        changed = self.hub.grant_changed("ada")
        self.fixture.publish("a1")
        self.assertNoResult(changed)
        self.asked[0].callback(Grant("ada", subscribe=["b"]))
        self.fixture.publish("a2", "b2")

        self.assertEqual(self.successResultOf(changed), [self.ada.connection])
        self.assertEqual(self.ada.data, ["a1", "b2"])

    def test_refused(self) -> None:
        """
        A refusal or a failure may also come later.
        """
        bob = self.fixture.subscribe(Grant("bob", subscribe=["a"]), "*")
        self.fixture.allowed["bob"] = self._ask
        for user in ("ada", "bob"):
            self.hub.grant_changed(user)
        self.asked[0].errback(Forbidden("No."))
        self.asked[1].errback(KeyError("a bug"))

        self.assertEqual(self.ada.connection.ended, EndReason.REVOKED)
        self.assertEqual(bob.connection.ended, EndReason.FAILED)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_changed_again(self) -> None:
        """
        If the grant changes again before the answer, it is asked for again, and both calls wait for
        the last answer.
        """
        first, second = self.hub.grant_changed("ada"), self.hub.grant_changed("ada")
        self.asked[0].callback(Grant("ada", subscribe=["a", "b"]))
        self.assertNoResult(first)
        self.asked[1].callback(Grant("ada", subscribe=["b"]))
        self.fixture.publish("a1", "b1")

        self.assertEqual(len(self.asked), 2)
        self.assertEqual(self.successResultOf(first), self.successResultOf(second))
        self.assertEqual(self.ada.data, ["b1"])

    def test_changed_to_plain(self) -> None:
        """
        The second answer may come at once.
        """
        changed = self.hub.grant_changed("ada")
        self.hub.grant_changed("ada")
        self.fixture.allowed["ada"] = Grant("ada", subscribe=["b"])
        self.asked[0].callback(Grant("ada", subscribe=["a"]))
        self.fixture.publish("a1", "b1")

        self.successResultOf(changed)
        self.assertEqual(self.ada.data, ["b1"])

    def test_ends_meanwhile(self) -> None:
        """
        The answer for a stream that has ended is ignored.
        """
        for answer in (Grant("ada", public=True), Forbidden("No."), KeyError("a bug")):
            with self.subTest(answer=answer):
                ada = self.fixture.subscribe(Grant("ada", subscribe=["a"]), "*")
                self.fixture.allowed["ada"] = self._ask
                changed = self.hub.grant_changed("ada")
                for connection in self.hub.connections:
                    connection.gone()
                for one in [one for one in self.asked if not one.called]:
                    one.errback(answer) if isinstance(answer, Exception) else one.callback(answer)

                self.assertIn(ada.connection, self.successResultOf(changed))
                self.assertEqual(ada.connection.ended, EndReason.GONE)
                self.assertEqual(len(self.hub.connections), 0)

    def test_newcomer(self) -> None:
        """
        A grant that changes while its subscriber is being admitted is asked for again.
        """
        ask = self.hub.broker.admission.reauthorizer.ask(self._ask)
        assert isinstance(ask, Deferred)
        self.hub.grant_changed("grace")
        self.hub.grant_changed("bob")
        self.asked[0].callback(Grant("grace", subscribe=["a"]))
        self.assertNoResult(ask)
        self.asked[1].callback(Grant("grace"))

        self.assertEqual(self.successResultOf(ask), Grant("grace"))


class MemoryReplayTests(TestCase):
    """
    A returning subscriber gets what its current grant allows, from memory.
    """

    async def test_lost_topic(self) -> None:
        """
        Events of a topic that the user may no longer read are not replayed.
        """
        await self.check(MemoryHistory())

    async def check(self, history: IHistoryProvider) -> None:
        """
        Read two topics, lose one of them, and resume.
        """
        # The window holds one event, so history is read.
        hub = Hub(history, keepalive=None, send_timeout=None, window_events=1)
        ids = []
        for data in ("a1", "b1", "a2", "b2", "a3"):
            ids.append((await hub.publish(data[0], data, private=True)).id)

        before = await self.read(hub, Grant("ada", subscribe=["a", "b"]), ids[0], "a3")
        after = await self.read(hub, Grant("ada", subscribe=["b"]), ids[0], "b2")

        self.assertEqual(before, ["b1", "a2", "b2", "a3"])
        self.assertEqual(after, ["b1", "b2"])
        self.assertEqual(len(hub.connections), 0)

    async def read(self, hub: Hub, grant: Grant, after: str, until: str) -> list[str | None]:
        """
        Read events after the ID *after*, until the stream is live and has received *until*.
        """
        subscriber = Subscriber(hub, "*", grant=grant, last_event_id=after)
        while not (until in subscriber.data and subscriber.connection.live):
            await deferLater(hub.clock, 0)
        subscriber.leave()
        return subscriber.data


class SQLiteReplayTests(SQLiteTestCase, MemoryReplayTests):
    """
    The same from a SQLite file.
    """

    async def test_lost_topic(self) -> None:
        """
        Events of a topic that the user may no longer read are not replayed.
        """
        await self.check(self.open())
