"""
Presence of one hub: who counts, and what the application is told.
"""

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from twisted_sse import Grant, Hub, Presence, PresenceMember
from twisted_sse.broker.connections.connection import Connection

__all__ = ["CountingTests", "ListenerTests", "SettingsTests"]

ADA = Grant("ada", info={"name": "Ada"}, subscribe=["*"])
EVE = Grant("eve", subscribe=["*"])


def users(hub: Hub, topic: str) -> list[str]:
    """
    The names of the members on *topic*.
    """
    return [one.user for one in hub.presence.of(topic)]


class CountingTests(SynchronousTestCase):
    """
    Which subscribers are on which topics.
    """

    def setUp(self) -> None:
        """
        A hub with presence.
        """
        self.hub, self.clock = make_hub(presence=True)

    def test_member(self) -> None:
        """
        A user is on the topics that the stream names, with the info of the grant.
        """
        Subscriber(self.hub, "a", "b", grant=ADA)

        self.assertEqual(self.hub.presence.of("a"), [PresenceMember("ada", {"name": "Ada"})])
        self.assertEqual(users(self.hub, "b"), ["ada"])
        self.assertEqual((self.hub.presence.count("c"), users(self.hub, "c")), (0, []))

    def test_tabs(self) -> None:
        """
        Several streams of a user are one member, until the grace after the last one.
        """
        tabs = [Subscriber(self.hub, "a", grant=ADA) for _ in range(3)]
        self.assertEqual(self.hub.presence.count("a"), 1)

        for tab in tabs:
            tab.leave()
            self.clock.advance(9.9)
            self.assertEqual(self.hub.presence.count("a"), 1)
        self.clock.advance(0.1)

        self.assertEqual(self.hub.presence.count("a"), 0)

    def test_anonymous(self) -> None:
        """
        Streams without a user count each, as long as they are open.
        """
        streams = [Subscriber(self.hub, "a") for _ in range(2)]
        Subscriber(self.hub, "a", grant=ADA)
        self.assertEqual((self.hub.presence.count("a"), self.hub.presence.anonymous("a")), (3, 2))

        streams[0].leave()

        self.assertEqual((self.hub.presence.count("a"), users(self.hub, "a")), (2, ["ada"]))

    def test_patterns(self) -> None:
        """
        Streams that select by a template or by * are on no topic.
        """
        Subscriber(self.hub, "{any}", grant=ADA)
        Subscriber(self.hub, "*", grant=EVE)

        self.assertEqual(self.hub.presence.count("a"), 0)

    def test_watch(self) -> None:
        """
        A stream that only watches does not count.
        """
        Subscriber(self.hub, "a", grant=ADA, presence="watch")
        Subscriber(self.hub, "a", grant=EVE, presence="events")

        self.assertEqual(users(self.hub, "a"), ["eve"])

    def test_unreadable(self) -> None:
        """
        A user is not on a topic that the grant does not let read.
        """
        Subscriber(self.hub, "a", "b", grant=Grant("ada", subscribe=["a"]))

        self.assertEqual((users(self.hub, "a"), users(self.hub, "b")), (["ada"], []))

    def test_names_that_cannot_be_told(self) -> None:
        """
        A user whose name is too long, or no text, is anonymous.
        """
        for name in ("x" * 1025, "\ud800", 7):
            Subscriber(self.hub, "a", grant=Grant(name, public=True))  # type: ignore[arg-type]

        self.assertEqual((users(self.hub, "a"), self.hub.presence.anonymous("a")), ([], 3))

    def test_reconnects(self) -> None:
        """
        A thousand reconnects within the grace are neither a leave nor a join.
        """
        told: list[object] = []
        self.hub.presence.on_join(lambda topic, member: told.append(("join", member.user)))
        self.hub.presence.on_leave(lambda topic, member: told.append(("leave", member.user)))
        watcher = Subscriber(self.hub, "a", grant=EVE, presence="events")
        stream = Subscriber(self.hub, "a", grant=ADA)
        self.clock.advance(1)
        told.clear()
        before = len(watcher.sink.received)
        for _ in range(1000):
            stream.leave()
            self.clock.advance(9.9)
            self.assertEqual(users(self.hub, "a"), ["eve", "ada"])
            stream = Subscriber(self.hub, "a", grant=ADA)
            self.clock.advance(0)

        self.assertEqual(told, [])
        self.assertEqual(watcher.sink.received[before:], b"")

    def test_grant_changes(self) -> None:
        """
        A new grant moves its stream to the topics that it covers, and to its user.
        """
        grant = Grant("ada", subscribe=["a", "b"])
        Subscriber(self.hub, "a", "b", "c", grant=grant, reauthorize=lambda: grant)
        grant = Grant("ada", subscribe=["b", "c"])
        self.hub.grant_changed("ada")
        self.clock.advance(10)
        self.assertEqual([users(self.hub, one) for one in "abc"], [[], ["ada"], ["ada"]])

        grant = Grant("eve", subscribe=["b", "c"])
        self.hub.grant_changed("ada")
        self.clock.advance(10)

        self.assertEqual([users(self.hub, one) for one in "abc"], [[], ["eve"], ["eve"]])

    def test_released(self) -> None:
        """
        Nothing remains of streams that have ended.
        """
        presence = self.hub.presence
        for grant, wish in [(ADA, "events"), (EVE, "watch"), (Grant(public=True), None)]:
            Subscriber(self.hub, "a", "b", grant=grant, presence=wish).leave()  # type: ignore[arg-type]
        self.clock.advance(10)

        self.assertEqual((presence.count("a"), presence.count("b")), (0, 0))
        self.assertEqual(presence._visits, {})
        self.assertEqual(presence._feeds._feeds, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """
        While the hub stops nobody leaves, and then nothing is scheduled.
        """
        stream = Subscriber(self.hub, "a", grant=ADA, presence="events")
        left: list[str] = []
        self.hub.presence.on_leave(lambda topic, member: left.append(member.user))
        service = self.hub.service(grace=60)
        service.startService()
        self.clock.advance(0)
        stopping = service.stopService()
        self.clock.pump([0.1] * 20)

        self.assertIsNotNone(stream.connection.ended)
        self.assertEqual((left, self.clock.getDelayedCalls()), ([], []))
        self.successResultOf(stopping)


class ListenerTests(SynchronousTestCase):
    """
    `HubPresence.on_join` and `HubPresence.on_leave`.
    """

    def setUp(self) -> None:
        """
        A hub whose listeners write down what they are told.
        """
        self.hub, self.clock = make_hub(presence=Presence(grace=1))
        self.heard: list[tuple[str, str, PresenceMember]] = []
        self.hub.presence.on_join(lambda *told: self.heard.append(("join", *told)))
        self.hub.presence.on_leave(lambda *told: self.heard.append(("leave", *told)))

    def test_told(self) -> None:
        """
        They are told the topic and the member, with the info of the join.
        """
        Subscriber(self.hub, "a", grant=ADA).leave()
        self.clock.advance(1)

        member = PresenceMember("ada", {"name": "Ada"})
        self.assertEqual(self.heard, [("join", "a", member), ("leave", "a", member)])

    def test_before_on_connect(self) -> None:
        """
        A listener for connections finds the new member.
        """
        found: list[list[str]] = []

        @self.hub.on_connect
        def connected(connection: Connection) -> None:
            found.append(users(self.hub, "a"))

        Subscriber(self.hub, "a", grant=ADA)

        self.assertEqual(found, [["ada"]])

    def test_failure(self) -> None:
        """
        The failure of one is logged, and the others are called.
        """

        @self.hub.presence.on_join
        def broken(topic: str, member: PresenceMember) -> None:
            raise ValueError(topic)

        self.hub.presence.on_join(lambda *told: self.heard.append(("last", *told)))
        Subscriber(self.hub, "a", grant=EVE)

        self.assertEqual([kind for kind, *_ in self.heard], ["join", "last"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_closes(self) -> None:
        """
        A listener may close the stream that has joined; it then leaves every topic.
        """

        @self.hub.presence.on_join
        def close(topic: str, member: PresenceMember) -> None:
            self.hub.disconnect(member.user)

        Subscriber(self.hub, "a", "b", "c", grant=EVE, presence="events")
        self.clock.advance(1)

        self.assertEqual([self.hub.presence.count(topic) for topic in "abc"], [0, 0, 0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_not_callable(self) -> None:
        """
        What is no function is refused.
        """
        for register in (self.hub.presence.on_join, self.hub.presence.on_leave):
            with self.assertRaises(TypeError) as caught:
                register("listener")  # type: ignore[type-var]
            self.assertIn("The listener is 'listener': give a function", str(caught.exception))


class SettingsTests(SynchronousTestCase):
    """
    The argument *presence* of a hub.
    """

    def test_off(self) -> None:
        """
        A hub without presence says how to get it.
        """
        hub, _ = make_hub()
        for ask in (lambda: hub.presence, hub.presence_resource):
            with self.assertRaises(RuntimeError) as caught:
                ask()
            self.assertIn("write Hub(presence=True)", str(caught.exception))

    def test_full(self) -> None:
        """
        Streams that found no room are not shown, and their end takes nothing away.
        """
        hub, clock = make_hub(presence=Presence(most=1))
        with capturedLogs():
            streams = [Subscriber(hub, "a", grant=one) for one in (ADA, EVE)]
        streams[1].leave()
        clock.advance(10)

        self.assertEqual(users(hub, "a"), ["ada"])
