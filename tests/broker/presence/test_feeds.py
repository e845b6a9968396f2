"""
What streams are told about who is on their topics.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.clocks import CostlyClock
from tests.support.hubs import Subscriber, make_hub
from tests.support.sinks import MemorySink
from twisted_sse import Grant, Hub, Presence

__all__ = ["FeedTests", "RandomTests"]

NAMES = Grant("watcher", subscribe=["*"], public=True)
COUNTS = Grant("watcher", public=True)


def told(subscriber: Subscriber) -> list[tuple[str, Any]]:
    """
    The presence events that *subscriber* has received.
    """
    return [(event.event or "", event.json()) for event in subscriber.sink.events]


def kinds(subscriber: Subscriber) -> list[str]:
    """
    Their types, without what they have in common.
    """
    return [kind.removeprefix("presence-") for kind, _ in told(subscriber)]


class FeedTests(SynchronousTestCase):
    """
    Streams that watch a topic.
    """

    def setUp(self) -> None:
        """
        A hub with presence and a short grace.
        """
        self.hub, self.clock = make_hub(presence=Presence(grace=1))

    def watch(self, *topics: str, grant: Grant = NAMES, room: int = 1 << 40) -> Subscriber:
        """
        Open a stream that is told who is on *topics*, and does not count.
        """
        sink = MemorySink(room)
        stream = Subscriber(self.hub, *topics, grant=grant, presence="watch", sink=sink)
        self.clock.advance(0)
        return stream

    def join(self, user: str | None, topic: str = "a") -> Subscriber:
        """
        Open a stream of *user*.
        """
        return Subscriber(self.hub, topic, grant=Grant(user, subscribe=["*"]))

    def test_state_first(self) -> None:
        """
        The state comes first, for each topic.
        """
        self.join("ada")
        self.join(None)

        stream = self.watch("a", "b")

        states = {data["topic"]: data for _, data in told(stream)}
        self.assertEqual(kinds(stream), ["state", "state"])
        self.assertEqual(states["a"]["members"], [{"user": "ada", "info": None}])
        self.assertEqual((states["a"]["count"], states["a"]["anonymous"]), (2, 1))
        self.assertEqual((states["b"]["count"], states["b"]["members"]), (0, []))

    def test_changes(self) -> None:
        """
        Then every join and leave follows in its order, with the count.
        """
        stream = self.watch("a")
        ada = self.join("ada")
        self.join("eve")
        ada.leave()
        self.clock.pump([0.1] * 12)

        self.assertEqual(kinds(stream), ["state", "join", "join", "leave"])
        self.assertEqual(
            [data for _, data in told(stream)[1:]],
            [
                {"topic": "a", "count": 1, "user": "ada", "info": None},
                {"topic": "a", "count": 2, "user": "eve", "info": None},
                {"topic": "a", "count": 1, "user": "ada"},
            ],
        )

    def test_together(self) -> None:
        """
        Changes within a tenth of a second are one write.
        """
        stream = self.watch("a")
        before = stream.sink.received
        for user in ("ada", "bob", "eve"):
            self.join(user)
            self.clock.advance(0.03)
        self.assertEqual(stream.sink.received, before)

        self.clock.advance(0.02)

        self.assertEqual(kinds(stream), ["state", "join", "join", "join"])

    def test_anonymous(self) -> None:
        """
        A count that anonymous streams have changed follows once a second at most.
        """
        stream = self.watch("a")
        for _ in range(5):
            self.join(None)
        self.clock.advance(0.9)
        self.assertEqual(kinds(stream), ["state"])

        self.clock.advance(0.1)

        self.assertEqual(told(stream)[1:], [("presence-count", {"topic": "a", "count": 5})])

    def test_back_and_forth(self) -> None:
        """
        A count that is as before is not told.
        """
        stream = self.watch("a")
        self.join(None).leave()
        self.clock.advance(5)

        self.assertEqual(kinds(stream), ["state"])

    def test_counts_only(self) -> None:
        """
        A grant that does not cover the topic privately is told counts, and no names.
        """
        stream = self.watch("a", grant=COUNTS)
        self.join("ada")
        self.join("eve")
        self.clock.advance(1)

        self.assertEqual(
            told(stream),
            [
                ("presence-state", {"topic": "a", "count": 0}),
                ("presence-count", {"topic": "a", "count": 2}),
            ],
        )

    def test_not_readable(self) -> None:
        """
        Nothing is told about a topic that the grant does not let read.
        """
        stream = self.watch("a", "b", grant=Grant("watcher", subscribe=["b"]))

        self.assertEqual([data["topic"] for _, data in told(stream)], ["b"])

    def test_not_asked(self) -> None:
        """
        A stream that does not ask is told nothing.
        """
        stream = self.join("ada")
        self.join("eve")
        self.clock.advance(5)

        self.assertEqual(told(stream), [])

    def test_blocked(self) -> None:
        """
        A reader that was slow gets what it has missed, in order.
        """
        stream = self.watch("a")
        stream.sink.room = 0
        stream.sink.pause()
        for user in ("ada", "bob", "eve"):
            self.join(user)
            self.clock.advance(0.1)
        self.assertEqual(kinds(stream), ["state"])

        stream.sink.make_room(1 << 40)
        self.clock.advance(0)

        self.assertEqual(kinds(stream), ["state", "join", "join", "join"])

    def test_blocked_for_long(self) -> None:
        """
        A reader that has missed more than is at hand gets the state again.
        """
        stream = self.watch("a")
        stream.sink.room = 0
        stream.sink.pause()
        for number in range(300):
            self.join(str(number))
        self.clock.advance(0.1)

        stream.sink.make_room(1 << 40)
        self.clock.advance(0)

        self.assertEqual(kinds(stream), ["state", "state"])
        self.assertEqual(len(told(stream)[1][1]["members"]), 300)

    def test_grant_changes(self) -> None:
        """
        With a new grant, the stream is told the state that it may know now.
        """
        grant = COUNTS
        self.join("ada")
        stream = Subscriber(self.hub, "a", grant=grant, reauthorize=lambda: grant, presence="watch")
        self.clock.advance(0)
        grant = NAMES
        self.hub.grant_changed("watcher")
        self.clock.advance(0)

        (_, first), (_, second) = told(stream)
        self.assertEqual(("members" in first, "members" in second), (False, True))

    def test_slices(self) -> None:
        """
        Many watchers are told a few in each turn.
        """
        clock = CostlyClock()
        hub = Hub(keepalive=None, presence=True, reactor=clock)
        watchers = [Subscriber(hub, "a", grant=NAMES, presence="watch") for _ in range(500)]
        numbers = []
        for _ in range(3):
            clock.advance(0)
            numbers.append(sum(bool(told(one)) for one in watchers))

        self.assertEqual(numbers, [200, 400, 500])


class RandomTests(SynchronousTestCase):
    """
    Whatever happens, state and changes together are exact.
    """

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["join", "leave", "block", "read", "wait"]),
                st.integers(0, 3),
            ),
            max_size=60,
        )
    )
    def test_exact(self, steps: list[tuple[str, int]]) -> None:
        """
        A watcher that follows the events knows who is there, and how many.
        """
        hub, clock = make_hub(presence=Presence(grace=0.5))
        watcher = Subscriber(hub, "a", grant=NAMES, presence="watch")
        streams: list[Subscriber] = []
        for step, number in steps:
            if step == "join":
                user = [None, "ada", "bob", "eve"][number]
                streams.append(Subscriber(hub, "a", grant=Grant(user, subscribe=["*"])))
            elif step == "leave" and streams:
                streams.pop(number % len(streams)).leave()
            elif step == "block":
                watcher.sink.room = 0
                watcher.sink.pause()
            elif step == "read":
                watcher.sink.make_room(1 << 40)
            else:
                clock.advance(number / 4)
        watcher.sink.make_room(1 << 40)
        clock.pump([0.1] * 20)

        known: list[str] = []
        count = -1
        for kind, data in told(watcher):
            count = data["count"]
            if kind == "presence-state":
                known = [one["user"] for one in data["members"]]
            elif kind == "presence-join":
                self.assertNotIn(data["user"], known)
                known.append(data["user"])
            elif kind == "presence-leave":
                known.remove(data["user"])
        self.assertEqual(known, [one.user for one in hub.presence.of("a")])
        self.assertEqual(count, hub.presence.count("a"))
