"""
The end of topics: what readers and publishers see of it.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.history import SlowHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.shared import CompleteHistory, SharedStore
from tests.support.sinks import MemorySink
from twisted_sse import Grant, Hub
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.errors import (
    EndsNotKept,
    HistoryUnavailable,
    InvalidEvent,
    InvalidTopic,
    NoContent,
    TopicEnded,
)
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IEndingHistory, IHistoryProvider

__all__ = ["PublisherTests", "ReaderTests", "ReturnTests", "SharedTests"]


class EndCase(SynchronousTestCase):
    """
    A hub whose history is in memory.
    """

    def setUp(self) -> None:
        """
        Make it.
        """
        self.hub, self.clock = make_hub(MemoryHistory(), window_events=3)

    def publish(self, *data: str, topic: str = "a") -> list[str]:
        """
        Publish, and return the IDs.
        """
        published = [self.hub.publish(topic, one) for one in data]
        self.clock.advance(0)
        return [self.successResultOf(one).id for one in published]

    def end(self, *topics: str, **options: Any) -> str:
        """
        End *topics*, and return the ID of the end.
        """
        ended = self.hub.end(topics, **options)
        self.clock.advance(0)
        return self.successResultOf(ended).id


class ReaderTests(EndCase):
    """
    Streams that are open when their topics end.
    """

    def test_control_event(self) -> None:
        """
        Readers get a control event with the outcome and an ID, and their streams end in
        good order.
        """
        reader = Subscriber(self.hub, "a")
        self.publish("x")
        event_id = self.end("a", outcome="failed")

        self.assertEqual(reader.data, ["x"])
        self.assertEqual(
            reader.sink.blocks[-1],
            ServerSentEvent('{"outcome":"failed"}', event="topic-end", id=event_id),
        )
        self.assertEqual(reader.connection.ended, EndReason.ENDED)
        self.assertTrue(reader.sink.finished)

    def test_final_event(self) -> None:
        """
        The last event of the publisher takes the place of the control event.
        """
        reader = Subscriber(self.hub, "a")
        self.end("a", final=ServerSentEvent("bye", event="t", id="mine"))

        self.assertEqual(reader.sink.events, [ServerSentEvent("bye", event="t", id="mine")])
        self.assertEqual(reader.connection.ended, EndReason.ENDED)

    def test_several_topics(self) -> None:
        """
        A stream of several topics ends with the last of them.
        """
        reader = Subscriber(self.hub, "a", "b")
        self.end("a")
        self.publish("x", topic="b")
        goes_on = reader.connection.ended is None
        self.end("b")

        self.assertTrue(goes_on)
        self.assertEqual(reader.data, ["x"])
        self.assertEqual(reader.connection.ended, EndReason.ENDED)

    def test_some_ended_before(self) -> None:
        """
        Topics that ended before the stream began count as well.
        """
        self.end("a")
        reader = Subscriber(self.hub, "a", "b")
        self.end("b")

        self.assertEqual(reader.connection.ended, EndReason.ENDED)

    def test_patterns(self) -> None:
        """
        Streams of patterns and of everything go on.
        """
        readers = [Subscriber(self.hub, *one) for one in (["*"], ["{x}"], ["a", "a/{x}"])]
        self.end("a")
        self.publish("x", topic="a/b")

        self.assertEqual([one.data for one in readers], [["x"], [], ["x"]])
        self.assertEqual([one.connection.ended for one in readers], [None] * 3)

    def test_behind(self) -> None:
        """
        A reader that is behind gets everything before its stream ends.
        """
        sink = MemorySink(room=0)
        reader = Subscriber(self.hub, "a", sink=sink)
        for number in range(9):
            self.publish(str(number))
        self.end("a")
        open_still = reader.connection.ended is None
        sink.make_room(1 << 40)
        self.clock.pump([0] * 9)

        self.assertTrue(open_still)
        self.assertEqual(reader.data, [str(number) for number in range(9)])
        self.assertEqual(reader.connection.ended, EndReason.ENDED)

    def test_many(self) -> None:
        """
        All members of a large audience get the end; none is left.
        """
        readers = [Subscriber(self.hub, "a") for _ in range(700)]
        self.end("a")
        self.clock.pump([0] * 5)

        self.assertEqual({one.connection.ended for one in readers}, {EndReason.ENDED})
        self.assertEqual({len(one.sink.blocks) for one in readers}, {2})
        self.assertEqual(len(self.hub.connections), 0)

    def test_private_end(self) -> None:
        """
        Readers that may not read the end are not told of it: their streams go on.
        """
        stranger = Subscriber(self.hub, "a")
        reader = Subscriber(self.hub, "a", grant=Grant(subscribe=["a"], public=True))
        self.end("a", private=True)

        self.assertEqual(reader.connection.ended, EndReason.ENDED)
        self.assertIsNone(stranger.connection.ended)

    def test_new_grant(self) -> None:
        """
        A stream whose grant changes still knows which of its topics have ended.
        """
        grants = iter([Grant("ada", public=True), Grant("ada", public=True, subscribe=["b"])])
        first = next(grants)
        reader = Subscriber(self.hub, "a", "b", grant=first, reauthorize=lambda: next(grants))
        self.end("a")
        self.hub.grant_changed("ada")
        self.clock.pump([0] * 3)
        self.end("b")

        self.assertEqual(reader.connection.ended, EndReason.ENDED)

    def test_listeners(self) -> None:
        """
        Listeners are told that the topic has ended.
        """
        reasons: list[EndReason] = []
        self.hub.on_disconnect(lambda connection, reason: reasons.append(reason))
        Subscriber(self.hub, "a")
        self.end("a")

        self.assertEqual(reasons, [EndReason.ENDED])


class ReturnTests(EndCase):
    """
    Subscribers that come after the end.
    """

    def subscribe(self, last_event_id: str | None = None, *topics: str) -> Subscriber:
        """
        Subscribe, and let some turns pass.
        """
        reader = Subscriber(self.hub, *(topics or ("a",)), last_event_id=last_event_id)
        self.clock.pump([0] * 9)
        return reader

    def assert_over(self, reader: Subscriber) -> None:
        """
        Check that *reader* was told that nothing follows.
        """
        self.failureResultOf(reader.located, NoContent)
        self.assertEqual(reader.connection.ended, EndReason.ENDED)
        self.assertEqual(len(self.hub.connections), 0)

    def test_last_id(self) -> None:
        """
        With the ID of the end, or without any, nothing follows: there is no stream.
        """
        self.publish("x")
        event_id = self.end("a")

        self.assert_over(self.subscribe(event_id))
        self.assert_over(self.subscribe())

    def test_later_id(self) -> None:
        """
        With the ID of a later event of another topic, nothing follows either.
        """
        self.end("a")
        later = self.publish("y", topic="b")

        self.assert_over(self.subscribe(later[0]))

    def test_earlier_id(self) -> None:
        """
        With an earlier ID, the rest and the end follow, from the window and from history.
        """
        ids = self.publish(*"0123456789")
        self.end("a")

        for at, event_id in enumerate(ids):
            reader = self.subscribe(event_id)
            self.assertEqual(reader.data, list("0123456789")[at + 1 :])
            self.assertEqual(reader.connection.ended, EndReason.ENDED)

    def test_old_end(self) -> None:
        """
        The end is known when the window has forgotten it.
        """
        first, *_ = self.publish("x", "y")
        event_id = self.end("a")
        self.publish(*"0123456789", topic="b")

        reader = self.subscribe(first)
        self.assertEqual(reader.data, ["y"])
        self.assertEqual(reader.connection.ended, EndReason.ENDED)
        self.assert_over(self.subscribe(event_id))
        self.assert_over(self.subscribe())

    def test_beginning(self) -> None:
        """
        ``earliest`` and an unknown ID get everything that is kept, and the end.
        """
        self.publish("x")
        self.end("a")

        for event_id in ("earliest", "unknown"):
            reader = self.subscribe(event_id)
            self.assertEqual(reader.data, ["x"])
            self.assertEqual(reader.connection.ended, EndReason.ENDED)

    def test_open_topic(self) -> None:
        """
        As long as one topic is open, there is a stream.
        """
        event_id = self.end("a")
        reader = self.subscribe(event_id, "a", "b")
        self.publish("x", topic="b")

        self.assertEqual(reader.data, ["x"])
        self.assertIsNone(reader.connection.ended)

    def test_private_end(self) -> None:
        """
        A subscriber that may not read the end gets a stream.
        """
        self.end("a", private=True)

        self.assertIsNone(self.subscribe().connection.ended)

    def test_forgotten(self) -> None:
        """
        When history has forgotten the end, the topic is as if it were new.
        """
        self.hub, self.clock = make_hub(MemoryHistory(events=3))
        self.end("a")
        self.publish("0", "1", "2", topic="b")
        reader = self.subscribe()
        self.publish("new")

        self.assertEqual(reader.data, ["new"])
        self.assertIsNone(reader.connection.ended)

    def test_forgotten_while_open(self) -> None:
        """
        A reader that is still being sent the old end gets what follows if the topic has begun
        anew.
        """
        self.hub, self.clock = make_hub(MemoryHistory(events=3))
        sink = MemorySink(room=0)
        reader = Subscriber(self.hub, "a", sink=sink)
        self.end("a")
        self.publish("0", "1", "2", topic="b")
        self.publish("new")
        sink.make_room(1 << 40)
        self.clock.pump([0] * 5)

        self.assertEqual(reader.data, ["new"])
        self.assertIsNone(reader.connection.ended)

    def test_asked_once(self) -> None:
        """
        History is asked once for a topic that is open, and again only after a restart.
        """
        history = _Counting()
        self.hub, self.clock = make_hub(history)
        for _ in range(5):
            self.subscribe()
        self.subscribe(None, "a", "b")

        self.assertEqual(history.asked, [["a"], ["a", "b"]])

    def test_unavailable(self) -> None:
        """
        While history cannot tell, a new subscriber gets its stream.
        """
        history = _Counting()
        self.hub, self.clock = make_hub(history)
        self.publish("x")
        history.failure = HistoryUnavailable("away")

        self.assertIsNone(self.subscribe().connection.ended)

    def test_end_while_asking(self) -> None:
        """
        An end that comes while history is being asked is not overlooked.
        """
        history = _Counting()
        self.hub, self.clock = make_hub(history)
        self.publish("x")
        history.waiting = Deferred()
        reader = self.subscribe()
        self.end("a")
        answer, history.waiting = history.waiting, None
        answer.callback([])
        self.clock.pump([0] * 3)

        self.assertEqual(reader.connection.ended, EndReason.ENDED)


class _Counting(MemoryHistory):
    """
    Attributes:
        asked: The topics that `ends` was called with.

        failure: What `ends` raises.

        waiting: What `ends` returns, if it is given.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        self.failure: Exception | None = None
        self.waiting: Deferred[Any] | None = None

    def ends(self, topics: Any) -> Any:
        """
        See `IEndingHistory.ends`.
        """
        self.asked.append(list(topics))
        if self.failure is not None:
            raise self.failure
        return super().ends(topics) if self.waiting is None else self.waiting


@implementer(IHistoryProvider)
class _Plain:
    """
    A history that cannot keep ends.
    """

    def __init__(self) -> None:
        memory = MemoryHistory()
        self.append, self.since, self.tail = memory.append, memory.since, memory.tail


@implementer(IEndingHistory)
class _Slow(SlowHistory):
    """
    A slow history that keeps ends.
    """

    def ends(self, topics: Any) -> Any:
        """
        See `IEndingHistory.ends`.
        """
        return self.history.ends(topics)


class PublisherTests(EndCase):
    """
    What publishers are told.
    """

    def test_refused(self) -> None:
        """
        Nothing more is published to a topic that has ended, and nothing ends twice.
        """
        self.end("a", "b")
        refused = [self.hub.publish(["c", "b"], "x"), self.hub.end("a", "failed")]
        taken = self.hub.publish("c", "x")
        self.clock.advance(0)

        errors = [self.failureResultOf(one, TopicEnded).value for one in refused]
        self.assertEqual([one.topics for one in errors], [("b",), ("a",)])
        self.assertIn("'b' has ended", str(errors[0]))
        self.assertTrue(self.successResultOf(taken).id)

    def test_same_turn(self) -> None:
        """
        In one turn, what precedes the end is kept, and what follows it is refused.
        """
        reader = Subscriber(self.hub, "a")
        before = self.hub.publish("a", "x")
        end = self.hub.end("a")
        after = self.hub.publish("a", "y")
        other = self.hub.publish("b", "z")
        self.clock.advance(0)

        for one in (before, end, other):
            self.assertTrue(self.successResultOf(one).id)
        self.failureResultOf(after, TopicEnded)
        self.assertEqual(reader.data, ["x"])

    def test_others_unaffected(self) -> None:
        """
        Of a batch that history refuses, only those fail that are for ended topics: all or
        none of each publisher's.
        """
        self.end("a")
        fine = [self.hub.publish("b", str(number)) for number in range(3)]
        with self.hub.batch():
            mixed = [self.hub.publish("b", "no"), self.hub.publish("a", "no")]
        fine.append(self.hub.publish("b", "3"))
        self.clock.advance(0)

        for one in mixed:
            self.failureResultOf(one, TopicEnded)
        for one in fine:
            self.assertTrue(self.successResultOf(one).id)
        kept = self.hub.history.tail(9).kept
        self.assertEqual([one.publication.event.data for one in kept[1:]], list("0123"))

    def test_refused_end(self) -> None:
        """
        An end that is refused with its batch ends nothing.
        """
        self.end("a")
        with self.hub.batch():
            ends = [self.hub.end("b"), self.hub.publish("a", "no")]
        after = self.hub.publish("b", "x")
        self.clock.advance(0)

        for one in ends:
            self.failureResultOf(one, TopicEnded)
        self.assertTrue(self.successResultOf(after).id)

    def test_slow_history(self) -> None:
        """
        The same is true of a history that answers later.
        """
        history = _Slow(MemoryHistory())
        self.hub, self.clock = make_hub(history)
        end = self.hub.end("a")
        self.clock.advance(0)
        history.answer_next()
        late, other = self.hub.publish("a", "x"), self.hub.publish("b", "x")
        for _ in range(4):
            self.clock.advance(0)
            if history.waiting:
                history.answer_next()

        self.assertTrue(self.successResultOf(end).id)
        self.failureResultOf(late, TopicEnded)
        self.assertTrue(self.successResultOf(other).id)

    def test_not_kept(self) -> None:
        """
        A history that cannot keep ends refuses them, and takes everything else.
        """
        self.hub, self.clock = make_hub(_Plain())
        end, other = self.hub.end("a"), self.hub.publish("a", "x")
        self.clock.advance(0)

        error = self.failureResultOf(end, EndsNotKept).value
        self.assertEqual(
            str(error), "A _Plain cannot keep that topics have ended: use another history."
        )
        self.assertTrue(self.successResultOf(other).id)

    def test_arguments(self) -> None:
        """
        Every argument is checked at once.
        """
        cases: list[tuple[tuple[Any, ...], type[Exception], str]] = [
            (("a", "over"), InvalidEvent, "The outcome of an end is 'over': give one of done"),
            (("a", "done", "bye"), InvalidEvent, "The final event is 'bye': give a ServerSent"),
            (([], "done"), InvalidTopic, "topic"),
        ]
        for arguments, kind, sentence in cases:
            with self.assertRaisesRegex(kind, sentence):
                self.hub.end(*arguments)


class SharedTests(SynchronousTestCase):
    """
    Two hubs that share a history.
    """

    def setUp(self) -> None:
        """
        Make them.
        """
        self.store = SharedStore()
        self.one, self.clock = make_hub(CompleteHistory(self.store))
        self.two = Hub(CompleteHistory(self.store), reactor=self.clock, keepalive=None)

    def test_everywhere(self) -> None:
        """
        A topic that one hub ends has ended at the other.
        """
        reader = Subscriber(self.two, "a")
        self.clock.advance(0)
        ended = self.one.end("a")
        self.clock.advance(0)
        late = self.two.publish("a", "x")
        self.clock.advance(0)

        self.assertTrue(self.successResultOf(ended).id)
        self.assertEqual(reader.connection.ended, EndReason.ENDED)
        self.failureResultOf(late, TopicEnded)

    def test_not_delivered_yet(self) -> None:
        """
        A stream does not end before this hub has been delivered the end.
        """
        Subscriber(self.two, "b")
        self.clock.advance(0)
        self.store.prompt = False
        self.one.end("a")
        self.clock.advance(0)
        reader = Subscriber(self.two, "a")
        self.clock.pump([0] * 3)
        open_still = reader.connection.ended is None
        self.store.prompt = True
        self.store.wake()
        self.clock.pump([0] * 3)

        self.assertTrue(open_still)
        self.assertEqual(reader.sink.blocks[-1].event, "topic-end")
        self.assertEqual(reader.connection.ended, EndReason.ENDED)
