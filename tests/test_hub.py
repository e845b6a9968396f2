"""
The hub as applications use it.
"""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.http import Served
from tests.support.hubs import Subscriber, make_hub
from tests.support.stores import BookkeepingHistory
from twisted_sse import Grant, ServerSentEvent
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.errors import (
    HistoryUnavailable,
    HubClosed,
    InvalidEvent,
    InvalidSelector,
    InvalidTopic,
)
from twisted_sse.events.publication import Receipt
from twisted_sse.history import MemoryHistory

__all__ = ["BatchTests", "DisconnectTests", "PublishTests", "PushTests", "ResourceTests"]


class PublishTests(SynchronousTestCase):
    """
    `Hub.publish`.
    """

    def setUp(self) -> None:
        """
        A hub and a subscriber.
        """
        self.hub, self.clock = make_hub()
        self.subscriber = Subscriber(self.hub, "a")
        self.clock.advance(0)

    def test_without_waiting(self) -> None:
        """
        Events are sent in the order of the `publish` calls, although nobody waits for them.
        """
        for number in range(100):
            self.hub.publish("a", number)
            if number % 7 == 0:
                self.clock.advance(0)
        self.clock.advance(0)

        self.assertEqual(self.subscriber.data, [str(number) for number in range(100)])

    def test_event(self) -> None:
        """
        All fields arrive, given as arguments or as an event.
        """
        self.hub.publish("a", "x", event="e", id="1", retry=7)
        self.hub.publish("a", ServerSentEvent("x", event="e", id="1", retry=7))
        self.clock.advance(0)

        sent = [one for one in self.subscriber.sink.events if one.event == "e"]
        self.assertEqual(sent, [ServerSentEvent("x", event="e", id="1", retry=7)] * 2)

    def test_invalid(self) -> None:
        """
        What cannot be sent is refused at once, and not published.
        """
        self.assertRaises(InvalidTopic, self.hub.publish, "", "x")
        self.assertRaises(InvalidEvent, self.hub.publish, "a", object())
        self.assertRaises(InvalidEvent, self.hub.publish, "a", "x", id="")
        self.clock.advance(0)

        self.assertEqual(self.hub.broker.position.number, 0)

    def test_two_hubs(self) -> None:
        """
        Two hubs are independent.
        """
        other, clock = make_hub()
        other.publish("a", "x")
        clock.advance(0)
        self.clock.advance(0)

        self.assertEqual(self.subscriber.data, [])


class BatchTests(SynchronousTestCase):
    """
    `Hub.batch`.
    """

    def setUp(self) -> None:
        """
        A hub that records its batches, and a subscriber.
        """
        self.history = BookkeepingHistory(MemoryHistory())
        self.hub, self.clock = make_hub(self.history)
        self.subscriber = Subscriber(self.hub, "a")
        self.clock.advance(0)

    def test_together(self) -> None:
        """
        Events published inside are handed over together at the end, and each gets its receipt.
        """
        with self.hub.batch():
            done = [self.hub.publish("a", str(number)) for number in range(3)]
            self.clock.advance(1)
            self.assertEqual(self.history.batches, [])
        self.clock.advance(0)

        ids = [self.successResultOf(one).id for one in done]
        self.assertEqual(self.history.batches, [["0", "1", "2"]])
        self.assertEqual(self.subscriber.ids, ids)

    def test_raises(self) -> None:
        """
        If the block raises, none of it is published, and each Deferred fails with CancelledError.
        """
        with self.assertRaises(ZeroDivisionError), self.hub.batch():
            told: Deferred[Receipt] = self.hub.publish("a", "1")
            caught: list[object] = []
            told.addErrback(lambda failure: caught.append(failure.type))
            self.hub.publish("a", "2")
            1 / 0  # noqa: B018
        self.hub.publish("a", "3")
        self.clock.advance(0)

        self.assertEqual(self.history.batches, [["3"]])
        self.assertEqual(caught, [CancelledError])

    def test_tried_again(self) -> None:
        """
        Publishing again when a batch is cancelled does not add to that batch.
        """
        with self.assertRaises(ZeroDivisionError), self.hub.batch():
            told = self.hub.publish("a", "1")
            told.addErrback(lambda _: self.hub.publish("a", "2"))
            1 / 0  # noqa: B018
        self.clock.advance(0)

        self.assertEqual(self.history.batches, [["2"]])

    def test_invalid(self) -> None:
        """
        What cannot be sent is refused at once, and the whole batch with it.
        """
        with self.assertRaises(InvalidTopic), self.hub.batch():
            self.hub.publish("a", "1")
            self.hub.publish("", "2")
        self.clock.advance(0)

        self.assertEqual(self.history.batches, [])

    def test_nested(self) -> None:
        """
        A nested batch is part of the outer one, unless it raises.
        """
        with self.hub.batch():
            self.hub.publish("a", "1")
            with self.hub.batch():
                inner = self.hub.publish("a", "2")
            with self.assertRaises(ZeroDivisionError), self.hub.batch():
                self.hub.publish("a", "3")
                1 / 0  # noqa: B018
            self.clock.advance(0)
            self.assertEqual(self.history.batches, [])
        self.clock.advance(0)

        self.assertEqual(self.history.batches, [["1", "2"]])
        self.successResultOf(inner)

    def test_two_hubs(self) -> None:
        """
        A batch applies to one hub only.
        """
        other, clock = make_hub()
        with self.hub.batch(), other.batch():
            kept = self.hub.publish("a", "1")
            lost = other.publish("a", "1")
        self.clock.advance(0)

        self.successResultOf(kept)
        self.assertNoResult(lost)
        clock.advance(0)
        self.successResultOf(lost)

    def test_not_kept(self) -> None:
        """
        If history cannot keep the batch, or the hub has stopped, every publication fails.
        """
        self.hub, self.clock = make_hub(AbsentHistory())
        with self.hub.batch():
            away = [self.hub.publish("a", "1"), self.hub.publish("a", "2")]
        self.hub.broker.stop_accepting()
        with self.hub.batch():
            closed = self.hub.publish("a", "3")

        for one in away:
            self.failureResultOf(one, HistoryUnavailable)
        self.failureResultOf(closed, HubClosed)

    def test_waiting_inside(self) -> None:
        """
        While a coroutine waits inside its batch, other code publishes as usual.
        """
        wait: Deferred[None] = Deferred()

        async def publish() -> None:
            with self.hub.batch():
                self.hub.publish("a", "1")
                await wait
                self.hub.publish("a", "2")

        task = Deferred.fromCoroutine(publish())
        self.hub.publish("a", "other")
        self.clock.advance(0)
        wait.callback(None)
        self.clock.advance(0)

        self.successResultOf(task)
        self.assertEqual(self.history.batches, [["other"], ["1", "2"]])

    def test_outlived(self) -> None:
        """
        A coroutine that was started inside and continues after the end publishes as usual.
        """
        wait: Deferred[None] = Deferred()

        async def publish() -> None:
            await wait
            self.hub.publish("a", "later")

        with self.hub.batch():
            task = Deferred.fromCoroutine(publish())
        wait.callback(None)
        self.clock.advance(0)

        self.successResultOf(task)
        self.assertEqual(self.history.batches, [["later"]])


class DisconnectTests(SynchronousTestCase):
    """
    `Hub.disconnect`.
    """

    def test_user(self) -> None:
        """
        All streams of a user end after the final event; the others stay.
        """
        hub, clock = make_hub()
        ada = [Subscriber(hub, topic, grant=Grant("ada", public=True)) for topic in "ab"]
        bob = Subscriber(hub, "a", grant=Grant("bob", public=True))
        clock.advance(0)
        ended = hub.disconnect("ada", ServerSentEvent("bye"))
        hub.publish("a", "1")
        clock.advance(0)

        self.assertEqual(ended, [one.connection for one in ada])
        self.assertEqual([one.data for one in ada], [["bye"], ["bye"]])
        self.assertEqual([one.sink.finished for one in ada], [True, True])
        self.assertEqual({one.connection.ended for one in ada}, {EndReason.CLOSED})
        self.assertEqual((bob.data, bob.connection.ended), (["1"], None))

    def test_before_it_began(self) -> None:
        """
        A request whose stream has not begun is answered, too, when its user is disconnected.
        """
        history = SlowHistory(MemoryHistory())
        served = Served(history, authorize=lambda request: Grant("ada", public=True))
        caller = served.call("GET", "/events?topic=a", {"Last-Event-ID": "unknown"})
        served.hub.disconnect("ada")
        history.answer_next()
        served.clock.advance(0)

        self.assertTrue(caller.answer.ended)


class PushTests(SynchronousTestCase):
    """
    `Hub.push`.
    """

    def setUp(self) -> None:
        """
        A hub with three subscribers.
        """
        self.hub, self.clock = make_hub()
        self.ada, self.bob, self.eve = (
            Subscriber(self.hub, "a", grant=Grant(user, public=True))
            for user in ("ada", "bob", "eve")
        )
        self.clock.advance(0)

    def _data(self) -> list[list[str | None]]:
        return [one.data for one in (self.ada, self.bob, self.eve)]

    def test_all(self) -> None:
        """
        All open connections get the event at once, and no later ones.
        """
        pushed = self.hub.push(ServerSentEvent("ready?"))
        late = Subscriber(self.hub, "a", last_event_id="earliest")
        self.clock.advance(0)

        self.assertEqual(pushed, 3)
        self.assertEqual(self._data(), [["ready?"]] * 3)
        self.assertEqual(late.data, [])

    def test_where(self) -> None:
        """
        Only connections for which the predicate is true get it.
        """
        pushed = self.hub.push(ServerSentEvent("x"), where=lambda one: one.user != "bob")

        self.assertEqual(pushed, 2)
        self.assertEqual(self._data(), [["x"], [], ["x"]])

    def test_cannot_be_written_to(self) -> None:
        """
        A connection that is full never gets it, and is not counted.
        """
        self.ada.sink.pause()
        pushed = self.hub.push(ServerSentEvent("x"))
        self.ada.sink.make_room(100)
        self.clock.advance(0)

        self.assertEqual(pushed, 2)
        self.assertEqual(self._data(), [[], ["x"], ["x"]])

    def test_raises(self) -> None:
        """
        If the predicate raises, no connection gets it.
        """
        with self.assertRaises(KeyError):
            self.hub.push(ServerSentEvent("x"), where=lambda one: {"ada": True}[str(one.user)])

        self.assertEqual(self._data(), [[], [], []])

    def test_ends_others(self) -> None:
        """
        The predicate may end connections.
        """

        def where(connection: Connection) -> bool:
            self.hub.disconnect("eve")
            return True

        self.assertEqual(self.hub.push(ServerSentEvent("x"), where), 2)
        self.assertEqual(self._data(), [["x"], ["x"], []])

    def test_id(self) -> None:
        """
        An event with an ID is refused, because nobody could resume from it.
        """
        with self.assertRaises(InvalidEvent):
            self.hub.push(ServerSentEvent("x", id="1"))

        self.assertEqual(self._data(), [[], [], []])


class ResourceTests(SynchronousTestCase):
    """
    `Hub.resource` and `Hub.subscribe`, over HTTP.
    """

    def setUp(self) -> None:
        """
        A hub with a site.
        """
        self.served = Served(retry=1234)
        self.hub = self.served.hub

    def test_retry_first(self) -> None:
        """
        Every stream begins with a control event, which has the reconnection time.
        """
        self.served.serve(self.hub.subscribe("a"))
        answer = self.served.get("/")

        self.assertEqual([(one.event, one.retry) for one in answer.events], [("stream-open", 1234)])

    def test_fixed_topics(self) -> None:
        """
        A resource for fixed topics ignores the topics in the request.
        """
        self.served.serve(self.hub.subscribe("a", "b"))
        caller = self.served.call("GET", "/?topic=c")
        for topic in "abc":
            self.served.publish(topic, topic=topic)

        data = [one.data for one in caller.answer.events if one.id and not one.event]
        self.assertEqual(data, ["a", "b"])

    def test_priming(self) -> None:
        """
        A stream tells its position by an event, by a block with only an ID, or not at all.
        """
        expected = {"event": ["stream-open"], "block": [None], None: [None]}
        for priming, types in expected.items():
            with self.subTest(priming=priming):
                resource = self.hub.resource(topics=["a"], priming=priming)  # type: ignore[arg-type]
                self.served.serve(resource)
                answer = self.served.get("/")
                self.assertEqual([one.event for one in answer.events], types)

    def test_no_topics(self) -> None:
        """
        A resource for no topics is refused at once.
        """
        self.assertRaises(InvalidSelector, self.hub.subscribe)
        self.assertRaises(InvalidSelector, self.hub.subscribe, "")
