"""
Changing the topics of open streams: in every interleaving with publishing, slow readers
and a history that answers late, and case by case.

The rule: up to the position of a change a stream has what its old topics have, then the backlog
that was asked for, then what its new topics have; nothing twice, missed, or out of order.
"""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.shared import SharedMemoryHistory, SharedStore
from tests.support.sinks import MemorySink
from twisted_sse import Grant, Hub
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.topicchanges import ChangeRefused, TopicRequest
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Record
from twisted_sse.history import MemoryHistory
from twisted_sse.topics import Matcher, Selection

__all__ = ["CaseTests", "EndedTests", "RandomStepsTests", "RefusalTests"]

ADA = Grant("ada", public=True)
BOB = Grant("bob", subscribe=["a", "c"])


def ask(
    hub: Hub,
    subscriber: Subscriber,
    add: str = "",
    remove: str = "",
    last_event_id: str | None = None,
    max_topics: int | None = None,
    user: str | None = None,
    repeat: bool = False,
) -> Deferred[Any]:
    """
    Ask to change topics of one letter.
    """
    connection = subscriber.connection
    request = TopicRequest(tuple(add), tuple(remove), last_event_id, max_topics, repeat)
    user = connection.user if user is None else user
    return Deferred.fromCoroutine(hub.broker.change_topics(connection.name, user, request))


def publish(hub: Hub, clock: Clock, topics: str | list[str], data: str) -> str:
    """
    Publish, let a turn pass, and return the ID.
    """
    ids: list[str] = []
    hub.publish(topics, data).addCallback(lambda receipt: ids.append(receipt.id))
    clock.advance(0)
    return ids[0]


class Reader:
    """
    What a stream has to contain, worked out from the stream itself and from history.

    Attributes:
        expected: The numbers of the events, in order.

        received: The numbers of those that have come.
    """

    def __init__(self, grant: Grant, topics: str, start: int, records: list[Record]) -> None:
        self._grant = grant
        self._topics = set(topics)
        self._position = start
        self._records = records
        self._numbers = {one.id: one.number for one in records}
        self._added: set[str] = set()
        self._begin: tuple[int, str] | None = None
        self.expected: list[int] = []
        self.received: list[int] = []

    def read(self, blocks: list[ServerSentEvent], begins: list[tuple[int, str]]) -> None:
        """
        Read a stream.

        Args:
            begins: The positions that backlogs were asked from, in order, and their topics if
                the backlog repeats what was sent.
        """
        for block in blocks:
            if block.event == "stream-topics":
                self._change(block, begins)
            elif block.data is not None and block.event is None:
                self.received.append(self._numbers[block.id or ""])

    def go_on(self, until: int) -> None:
        """
        Expect what the present topics have up to *until*.
        """
        self._expect(self._topics, self._position, until)
        self._position = until

    def _change(self, block: ServerSentEvent, begins: list[tuple[int, str]]) -> None:
        told = json.loads(block.data or "")
        topics = set(told["topics"])
        if not told["complete"]:
            self._begin = begins.pop(0)
            return
        position = self._numbers.get(block.id or "", 0)
        self.go_on(position)
        if self._begin is not None:
            begin, repeated = self._begin
            sent = () if repeated else set(self.expected)
            self._expect(set(repeated) or topics - self._topics, begin, position, sent)
            self._begin = None
        self._topics = topics

    def _expect(self, topics: set[str], after: int, until: int, but: Any = ()) -> None:
        for one in self._records:
            publication = one.publication
            wanted = topics.intersection(publication.topics) or "*" in topics
            interest = self._grant.interest(Selection.of(["*"]))
            readable = interest.may_read(publication.topics, publication.private)
            if after < one.number <= until and wanted and readable and one.number not in but:
                self.expected.append(one.number)


class Scenario:
    """
    A hub whose history answers late, its subscribers, and the steps of a test.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryHistory(clock=self.clock)
        self.history = SlowHistory(self.store)
        self.hub = Hub(self.history, keepalive=None, window_events=4, reactor=self.clock)
        self.subscribers: list[tuple[Subscriber, Grant, str]] = []
        self.begins: dict[Subscriber, list[tuple[int, str]]] = {}
        self.answers: list[Any] = []
        self.count = 0

    def publish(self, topics: str, private: bool, size: int) -> None:
        """
        Publish the next number, padded with *size* bytes.
        """
        self.count += 1
        self.hub.publish(list(topics), f"{self.count}{'.' * size}", private=private)

    def turn(self) -> None:
        """
        Run one reactor turn.
        """
        self.clock.advance(0)

    def answer(self) -> None:
        """
        Let history answer.
        """
        self.history.answer_next()

    def subscribe(self, topics: str, grant: Grant, earliest: bool, room: int) -> None:
        """
        Subscribe from now on, or to everything that is kept.
        """
        subscriber = Subscriber(
            self.hub,
            *topics,
            last_event_id="earliest" if earliest else None,
            sink=MemorySink(room),
            grant=grant,
            fixed=False,
        )
        self.subscribers.append((subscriber, grant, topics))
        self.begins[subscriber] = []

    def change(self, index: int, add: str, remove: str, since: int | None, repeat: bool) -> None:
        """
        Change the topics of one subscriber.
        """
        if not self.subscribers:
            return
        subscriber = self.subscribers[index % len(self.subscribers)][0]
        records, last_event_id, begin = self.records(), None, -1
        if since is not None:
            chosen = records[since % len(records)] if records and since else None
            last_event_id = "earliest" if chosen is None else chosen.id
            begin = -1 if chosen is None else chosen.number
        connection = subscriber.connection

        def changed(topics: Any) -> None:
            backlog = connection.backlog
            if backlog is not None and backlog.first:
                self.begins[subscriber].append((begin, add if repeat else ""))
            self.answers.append(topics)

        asking = ask(self.hub, subscriber, add, remove, last_event_id, repeat=repeat)
        asking.addCallbacks(changed, self._refused)

    def read(self, room: int) -> None:
        """
        Let all subscribers read up to *room* bytes.
        """
        for subscriber, _, _ in self.subscribers:
            subscriber.sink.make_room(room)

    def settle(self) -> None:
        """
        Run until nothing is left to do.
        """
        for _ in range(150):
            self.read(1 << 20)
            self.turn()
            self.answer()

    def records(self) -> list[Record]:
        """
        All records ever kept, in order.
        """
        return list(self.store.since(None, Selection.of(["*"]), 1 << 20))

    def _refused(self, failure: Failure) -> None:
        failure.trap(ChangeRefused)
        self.answers.append(failure.value)


class RandomStepsTests(SynchronousTestCase):
    """
    Publishing, reading, answering and changing topics, in any order.
    """

    LETTERS = st.sampled_from(["a", "b", "c", "ab", "bc", "abc"])
    MAYBE = st.one_of(st.just(""), LETTERS)
    ACTIONS = st.one_of(
        st.tuples(st.just("publish"), LETTERS, st.booleans(), st.sampled_from([0, 0, 30_000])),
        st.tuples(st.just("publish"), LETTERS, st.just(False), st.just(0)),
        st.tuples(st.just("turn")),
        st.tuples(st.just("answer")),
        st.tuples(
            st.just("subscribe"),
            LETTERS,
            st.sampled_from([ADA, BOB]),
            st.booleans(),
            st.sampled_from([0, 50, 1 << 20, 1 << 20]),
        ),
        st.tuples(
            st.just("change"),
            st.integers(0, 3),
            MAYBE,
            MAYBE,
            st.one_of(st.none(), st.integers(0, 20)),
            st.booleans(),
        ),
        st.tuples(st.just("read"), st.sampled_from([20, 100, 1 << 20])),
    )

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(st.lists(ACTIONS, min_size=30, max_size=70))
    def test_expected_events(self, actions: list[Any]) -> None:
        """
        Nothing of the new topics is missed, and nothing more of the old ones comes, in order.
        """
        scenario = Scenario()
        for name, *arguments in actions:
            getattr(scenario, name)(*arguments)
        scenario.settle()

        records = scenario.records()
        for subscriber, grant, topics in scenario.subscribers:
            assert subscriber.start is not None
            reader = Reader(grant, topics, subscriber.start.position.number, records)
            reader.read(subscriber.sink.blocks, scenario.begins[subscriber])
            reader.go_on(records[-1].number if records else 0)
            self.assertEqual(reader.received, reader.expected)
            self.assertEqual(scenario.begins[subscriber], [])
            self.assertIsNone(subscriber.connection.backlog)


class CaseTests(SynchronousTestCase):
    """
    One stream of topic a.
    """

    def setUp(self) -> None:
        """
        Publish 1 to a, 2 to b, 3 to both, and subscribe.
        """
        self.hub, self.clock = make_hub()
        self.ids = [
            publish(self.hub, self.clock, topics, data)
            for topics, data in (("a", "1"), ("b", "2"), (["a", "b"], "3"))
        ]
        self.reader = Subscriber(self.hub, "a", fixed=False)
        self.clock.advance(0)

    def test_while_it_opens(self) -> None:
        """
        A listener may change the topics of a stream that begins; it gets what it has missed.
        """
        asked: list[Any] = []

        def greet(connection: Connection) -> None:
            self.reader.connection = connection
            asked.append(ask(self.hub, self.reader, "b", last_event_id=self.ids[0]))

        self.hub.on_connect(greet)
        other = Subscriber(self.hub, "a", fixed=False)
        self.clock.advance(0)
        self.successResultOf(asked[0])
        self.clock.advance(0)

        self.assertEqual(other.data, ["2", "3"])
        self.publish("b", "4")
        self.assertEqual(other.data, ["2", "3", "4"])

    def change(self, *arguments: Any, **options: Any) -> Any:
        """
        Change the topics, and let a turn pass.
        """
        topics = self.successResultOf(ask(self.hub, self.reader, *arguments, **options))
        self.clock.advance(0)
        return topics

    def publish(self, topic: str, data: str) -> None:
        """
        Publish, and let a turn pass.
        """
        self.hub.publish(topic, data)
        self.clock.advance(0)

    def told(self) -> list[Any]:
        """
        What the stream tells about its topics.
        """
        blocks = self.reader.sink.blocks
        return [json.loads(one.data or "") for one in blocks if one.event == "stream-topics"]

    def test_from_now_on(self) -> None:
        """
        Without a position the new topics count from the change on.
        """
        topics = self.change("b", "a")
        self.publish("a", "old")
        self.publish("b", "new")

        self.assertEqual(topics, ["b"])
        self.assertEqual(self.told(), [{"topics": ["b"], "complete": True}])
        self.assertEqual(self.reader.data, ["new"])
        self.assertEqual(list(self.reader.connection.topics), ["b"])

    def test_backlog(self) -> None:
        """
        With a position the events of the added topics come first, and then the position of the
        stream again.
        """
        self.publish("a", "4")
        self.change("b", last_event_id=self.ids[0])
        self.publish("b", "5")

        self.assertEqual(self.reader.data, ["4", "2", "3", "5"])
        self.assertEqual([one["complete"] for one in self.told()], [False, True])
        last = [one for one in self.reader.sink.blocks if one.event == "stream-topics"][-1]
        self.assertEqual(last.id, self.reader.sink.events[0].id)

    def test_sent_before(self) -> None:
        """
        What the stream has sent because of another topic is not sent again.
        """
        self.hub.publish(["a", "c"], "4")
        self.publish("c", "5")
        self.change("c", "a", last_event_id="earliest")
        self.change("a", "c", last_event_id="earliest")

        self.assertEqual(self.reader.data, ["4", "5", "1", "3"])

    def test_repeat(self) -> None:
        """
        With ``repeat`` it is sent again, and so are events of topics that the stream has already.
        """
        self.publish("a", "4")
        self.publish("c", "5")
        self.change("ac", last_event_id=self.ids[0], repeat=True)
        self.publish("c", "6")

        self.assertEqual(self.reader.data, ["4", "3", "4", "5", "6"])

    def test_same_position(self) -> None:
        """
        A backlog that begins where the stream stands has no events and no first marker.
        """
        self.change("b", last_event_id=self.ids[-1])

        self.assertEqual(self.told(), [{"topics": ["a", "b"], "complete": True}])

    def test_slow_reader(self) -> None:
        """
        A reader that takes nothing gets everything in order when it reads again.
        """
        self.reader.sink.room = 0
        self.publish("a", "4")
        self.change("b", "a", last_event_id=self.ids[0])
        self.publish("a", "5")
        self.publish("b", "6")
        self.reader.sink.make_room(1 << 20)
        self.clock.advance(0)

        self.assertEqual(self.reader.data, ["4", "2", "3", "6"])

    def test_forgotten(self) -> None:
        """
        If history forgets a part of the backlog meanwhile, the reader is told, and goes on.
        """
        self.hub, self.clock = make_hub(MemoryHistory(events=4), window_events=2)
        ids = [publish(self.hub, self.clock, topic, topic) for topic in ("b", "b", "a")]
        self.reader = Subscriber(self.hub, "a", fixed=False)
        self.clock.advance(0)
        self.reader.sink.pause()
        self.change("b", last_event_id=ids[0])
        for _ in range(3):
            self.publish("c", "c")
        self.reader.sink.make_room(1)
        self.clock.advance(0)

        blocks = [one.event for one in self.reader.sink.blocks]
        first = blocks.index("stream-topics")
        self.assertEqual(blocks[first:], ["stream-topics", "stream-reset", "stream-topics"])

    def test_grant(self) -> None:
        """
        A grant that changes in the middle of a backlog counts for the rest of it.
        """
        reader = self.reader = Subscriber(self.hub, "a", fixed=False, grant=ADA)
        self.clock.advance(0)
        reader.sink.pause()
        self.change("b", last_event_id="earliest", user="ada")
        grant = Grant("ada", subscribe=["a"])
        self.hub.broker.admission.reauthorizer.hold(reader.connection, grant, lambda: grant)
        self.hub.grant_changed("ada")
        reader.sink.make_room(1)
        self.clock.advance(0)

        self.assertEqual(reader.data, ["3"])

    def test_pattern(self) -> None:
        """
        Selectors of all kinds may be added and removed.
        """
        request = TopicRequest(("rooms/{room}", Matcher("exact", "{x}")), ("a",), None, None)
        changing = self.hub.broker.change_topics(self.reader.connection.name, None, request)
        topics = self.successResultOf(Deferred.fromCoroutine(changing))
        self.clock.advance(0)
        for topic in ("rooms/1", "{x}", "y"):
            self.publish(topic, topic)

        self.assertEqual(topics, ["rooms/{room}", "{x}"])
        self.assertEqual(self.reader.data, ["rooms/1", "{x}"])

    def test_envelope(self) -> None:
        """
        The topics that events tell are those that the stream has then.
        """
        self.reader = Subscriber(self.hub, "a", fixed=False, envelope="topic")
        self.clock.advance(0)
        self.change("b", "a", last_event_id=self.ids[1])
        self.clock.advance(0)

        self.assertEqual(self.reader.data, ['{"topics":["b"],"data":"3"}'])

    def test_ended_topics(self) -> None:
        """
        A stream whose new topics have all ended gets the rest of them, and ends.
        """
        self.hub.end("b", "done")
        self.clock.advance(0)
        self.change("b", "a", last_event_id=self.ids[1])
        self.clock.advance(0)

        types = [one.event for one in self.reader.sink.blocks if one.data is not None]
        self.assertEqual(types[-3:], [None, "topic-end", "stream-topics"])
        self.assertTrue(self.reader.sink.finished)

    def test_shared_history(self) -> None:
        """
        A hub reads the backlog from the history that it shares with others.
        """
        store = SharedStore()
        one, one_clock = make_hub(SharedMemoryHistory(store), window_events=1)
        two, two_clock = make_hub(SharedMemoryHistory(store), window_events=1)
        self.reader = Subscriber(two, "a", fixed=False)
        two_clock.advance(0)
        ids = [publish(one, one_clock, topic, topic) for topic in "bcbab"]
        two_clock.advance(0)
        asking = ask(two, self.reader, "b", last_event_id=ids[0])
        for _ in range(5):
            two_clock.advance(0)

        self.successResultOf(asking)
        self.assertEqual(self.reader.ids, [ids[3], ids[2], ids[4]])

    def test_last_event(self) -> None:
        """
        A stream that ends in good order ends after its backlog.
        """
        self.reader.sink.pause()
        self.change("b", last_event_id="earliest")
        self.reader.connection.drain(ServerSentEvent("bye"))
        self.reader.sink.make_room(1)
        self.clock.advance(0)
        self.clock.advance(0)

        self.assertEqual(self.reader.data, ["2", "3", "bye"])
        self.assertTrue(self.reader.sink.finished)


class EndedTests(SynchronousTestCase):
    """
    Topics that have ended, and streams that change to them.
    """

    def setUp(self) -> None:
        """
        A hub with an ended topic, and a stream of an open one.
        """
        self.hub, self.clock = make_hub(MemoryHistory())
        self.first = publish(self.hub, self.clock, "e", "before the end")
        self.hub.end("e")
        self.clock.advance(0)
        self.subscriber = Subscriber(self.hub, "a", grant=ADA, fixed=False)
        self.clock.advance(0)

    def test_added(self) -> None:
        """
        The backlog of an ended topic is sent with its end, and the stream goes on for the others.
        """
        changed = ask(self.hub, self.subscriber, add="e", last_event_id=self.first)
        self.clock.pump([0] * 5)
        self.successResultOf(changed)
        publish(self.hub, self.clock, "a", "still there")

        self.assertIsNone(self.subscriber.connection.ended)
        types = [block.event for block in self.subscriber.sink.blocks]
        self.assertEqual(types[1:], ["stream-topics", "topic-end", "stream-topics", None])

    def test_only_ended_topics(self) -> None:
        """
        A stream that has only ended topics left is told of its topics, and ends in good order.
        """
        changed = ask(self.hub, self.subscriber, add="e", remove="a", last_event_id=self.first)
        self.clock.pump([0] * 5)
        self.successResultOf(changed)

        self.assertEqual(self.subscriber.connection.ended, EndReason.ENDED)
        types = [block.event for block in self.subscriber.sink.blocks]
        self.assertEqual(types[1:], ["stream-topics", "topic-end", "stream-topics"])


class RefusalTests(SynchronousTestCase):
    """
    What is refused changes nothing.
    """

    def setUp(self) -> None:
        """
        Subscribe bob to a.
        """
        self.hub, self.clock = make_hub()
        publish(self.hub, self.clock, "a", "1")
        self.reader = Subscriber(self.hub, "a", fixed=False, grant=BOB)
        self.clock.advance(0)

    def refusal(self, *arguments: Any, **options: Any) -> ChangeRefused:
        """
        Ask for a change, and return why it is refused.
        """
        before = list(self.reader.connection.topics)
        failure = self.failureResultOf(
            ask(self.hub, self.reader, *arguments, **options), ChangeRefused
        )
        self.clock.advance(0)
        self.assertEqual(list(self.reader.connection.topics), before)
        self.assertTrue(self.reader.connection.live)
        found = failure.value
        assert isinstance(found, ChangeRefused)
        return found

    def test_reasons(self) -> None:
        """
        Each has its sentence.
        """
        cases: list[tuple[tuple[str, ...], dict[str, Any], str, str]] = [
            ((), {}, "invalid", "Say which topics"),
            (("",), {"remove": "a"}, "invalid", "No topic would be left"),
            (("c",), {"max_topics": 1}, "invalid", "At most 1 topics"),
            (("abc",), {"max_topics": 2}, "invalid", "At most 2 topics"),
            (("{",), {}, "invalid", ""),
            (("b",), {}, "forbidden", "does not allow reading"),
            (("c",), {"user": "eve"}, "forbidden", "somebody else"),
            (("c",), {"last_event_id": "elsewhere-1"}, "unknown", "'elsewhere-1'"),
        ]
        for arguments, options, refusal, sentence in cases:
            with self.subTest(refusal=refusal, sentence=sentence):
                found = self.refusal(*arguments, **options)
                self.assertEqual(found.refusal, refusal)
                self.assertIn(sentence, found.detail)

    def test_fixed(self) -> None:
        """
        The topics of a resource with topics of its own are fixed.
        """
        self.reader.connection.fixed = True

        self.assertEqual(self.refusal("c").refusal, "forbidden")

    def test_two_at_once(self) -> None:
        """
        A second change has to wait until the reader has been sent the first one.
        """
        self.reader.sink.pause()
        self.successResultOf(ask(self.hub, self.reader, "c", last_event_id="earliest"))
        second = self.failureResultOf(ask(self.hub, self.reader, "", "a"), ChangeRefused)
        self.reader.sink.make_room(1)
        self.clock.advance(0)
        self.successResultOf(ask(self.hub, self.reader, "", "a"))

        self.assertEqual(second.value.refusal, "later")

    def test_ahead(self) -> None:
        """
        A position that the stream has not reached has to wait.
        """
        self.reader.sink.pause()
        ahead = publish(self.hub, self.clock, "a", "2")
        changing = ask(self.hub, self.reader, "c", last_event_id=ahead)
        failure = self.failureResultOf(changing, ChangeRefused)

        self.assertEqual(failure.value.refusal, "later")

    def test_unknown_name(self) -> None:
        """
        A name that no connection has changes nothing.
        """
        request = TopicRequest(("c",), (), None, None)
        changing = self.hub.broker.change_topics("x" * 22, "bob", request)

        self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(changing)))

    def test_ended(self) -> None:
        """
        A stream that ends while its change is looked up keeps its topics.
        """
        history = SlowHistory(MemoryHistory())
        hub, clock = make_hub(history, window_events=1)
        published = [hub.publish("a", str(number)) for number in range(3)]
        clock.advance(0)
        history.answer_next()
        ids = [self.successResultOf(one).id for one in published]
        reader = Subscriber(hub, "a", fixed=False)
        clock.advance(0)
        changing = ask(hub, reader, "c", last_event_id=ids[0])
        reader.leave()
        history.answer_next()

        self.assertEqual(self.failureResultOf(changing, ChangeRefused).value.refusal, "later")

    def test_unavailable(self) -> None:
        """
        While history is not available, a position cannot be found.
        """
        history = AbsentHistory(away=False)
        hub, clock = make_hub(history, window_events=1)
        ids = [publish(hub, clock, "a", str(number)) for number in range(3)]
        reader = Subscriber(hub, "a", fixed=False)
        clock.advance(0)
        history.away = True
        changing = ask(hub, reader, "c", last_event_id=ids[0])

        self.failureResultOf(changing, HistoryUnavailable)
