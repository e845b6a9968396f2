"""
The order of publications, who gets them, and what is let go.
"""

import gc

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.sinks import MemorySink
from tests.support.stores import BookkeepingHistory
from twisted_sse import Grant, Hub
from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.grant import ANONYMOUS
from twisted_sse.errors import HistoryUnavailable, HubClosed, UnknownEventID
from twisted_sse.events.publication import Tail
from twisted_sse.history import MemoryHistory

__all__ = ["DeliveryTests", "ReleaseTests", "StartTests", "StopTests"]


def living() -> int:
    """
    How many connections, audiences and sinks there are that something refers to.
    """
    gc.collect()
    return sum(isinstance(one, Connection | Audience | MemorySink) for one in gc.get_objects())


class LateHistory(BookkeepingHistory):
    """
    Does not know at once where it ends.
    """

    def __init__(self) -> None:
        super().__init__(MemoryHistory())
        self.asked_for_tail: list[Deferred[Tail]] = []

    def tail(self, limit: int) -> Deferred[Tail]:  # type: ignore[override]
        """
        See `IHistoryProvider.tail`.
        """
        self.asked_for_tail.append(Deferred())
        return self.asked_for_tail[-1]

    def tell(self) -> None:
        """
        Say it now.
        """
        self.asked_for_tail.pop().callback(self.history.tail(100))


class StartTests(SynchronousTestCase):
    """
    Before it is known where history ends.
    """

    def test_by_itself(self) -> None:
        """
        A hub starts when it is first needed.
        """
        hub, clock = make_hub()
        self.assertFalse(hub.broker.ready)
        done = hub.publish("a", "1")
        clock.advance(0)

        self.assertTrue(hub.broker.ready)
        self.assertEqual(self.successResultOf(done).subscribers, 0)

    def test_asked_once(self) -> None:
        """
        However many come meanwhile, history is asked once, and all go on in their order.
        """
        history = LateHistory()
        hub, clock = make_hub(history)
        subscriber = Subscriber(hub, "a")
        done = [hub.publish("a", str(number)) for number in range(3)]
        started = hub.broker.start()
        self.assertEqual(len(history.asked_for_tail), 1)
        self.assertNoResult(started)
        history.tell()
        clock.advance(0)
        clock.advance(0)

        self.successResultOf(started)
        self.assertEqual([self.successResultOf(one).subscribers for one in done], [1, 1, 1])
        self.assertEqual(subscriber.data, ["0", "1", "2"])
        self.assertEqual(history.batches, [["0", "1", "2"]])

    def test_nonsense(self) -> None:
        """
        A provider with a bug counts as one that is away, and the log has the bug.
        """
        history = LateHistory()
        history.tail = lambda limit: 1 / 0  # type: ignore[assignment]
        hub, clock = make_hub(history)
        done = hub.publish("a", "1")
        clock.advance(0)

        self.failureResultOf(done, HistoryUnavailable)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_nothing(self) -> None:
        """
        Nothing to publish is nothing to keep.
        """
        history = LateHistory()
        hub, _ = make_hub(history)

        self.assertEqual(self.successResultOf(hub.broker.submit([])), [])
        self.assertEqual(history.batches, [])

    def test_where_history_ends(self) -> None:
        """
        A hub goes on where an earlier one has ended.
        """
        store = MemoryHistory()
        first, clock = make_hub(store)
        first.publish("a", "1")
        clock.advance(0)
        position = first.broker.position
        second, clock = make_hub(store)
        newcomer = Subscriber(second, "a")
        returning = Subscriber(second, "a", last_event_id="earliest")
        clock.advance(0)
        clock.advance(0)

        assert newcomer.start is not None
        self.assertEqual(newcomer.start.position, position)
        self.assertEqual((newcomer.data, returning.data), ([], ["1"]))

    def test_fails_at_first(self) -> None:
        """
        While history is away publications are refused and subscribers wait; later the first
        of either starts the hub.
        """
        history = AbsentHistory()
        hub, clock = make_hub(history)
        self.failureResultOf(hub.broker.start(), HistoryUnavailable)
        self.failureResultOf(hub.publish("a", "1"), HistoryUnavailable)
        early = Subscriber(hub, "a")
        self.successResultOf(early.located)
        self.assertFalse(hub.broker.ready)
        history.away = False
        subscriber = Subscriber(hub, "a")
        hub.publish("a", "2")
        clock.advance(0)
        clock.advance(0)
        clock.advance(1)
        hub.publish("a", "3")
        clock.advance(0)

        self.assertTrue(hub.broker.ready)
        self.assertEqual(subscriber.data, ["2", "3"])
        self.assertEqual(early.data, ["3"])

    def test_all_who_wait_are_told(self) -> None:
        """
        One failure is told to everybody who waits.
        """
        history = LateHistory()
        hub, _ = make_hub(history)
        waiting = [hub.publish("a", "1"), hub.publish("a", "2")]
        history.asked_for_tail.pop().errback(HistoryUnavailable("The store is away."))

        for one in waiting:
            self.failureResultOf(one, HistoryUnavailable)
        self.assertEqual(history.batches, [])

    def test_order_while_starting(self) -> None:
        """
        What is published when the hub has started follows what was published before.
        """
        history = LateHistory()
        hub, clock = make_hub(history)
        hub.broker.start().addCallback(lambda _: hub.publish("a", "later"))
        hub.publish("a", "sooner")
        history.tell()
        clock.advance(0)

        self.assertEqual([one for batch in history.batches for one in batch], ["sooner", "later"])

    def test_stopped_before_it_started(self) -> None:
        """
        A hub that was stopped while it waited for history gives it nothing any more.
        """
        history = LateHistory()
        hub, clock = make_hub(history)
        done = hub.publish("a", "1")
        started = hub.broker.start()
        hub.broker.stop()
        history.tell()
        clock.advance(1)

        self.assertEqual(history.batches, [])
        self.failureResultOf(started, HubClosed)
        self.failureResultOf(done, HubClosed)
        self.assertEqual(clock.getDelayedCalls(), [])


class DeliveryTests(SynchronousTestCase):
    """
    Who gets what.
    """

    def setUp(self) -> None:
        """
        A hub.
        """
        self.hub, self.clock = make_hub()

    def test_once(self) -> None:
        """
        A subscriber of several topics gets an event of several topics once.
        """
        both = Subscriber(self.hub, "a", "b", "{any}")
        self.clock.advance(0)
        self.hub.publish(["a", "b", "c"], "1")
        self.clock.advance(0)

        self.assertEqual(both.data, ["1"])

    def test_private(self) -> None:
        """
        What is private is for those who may read one of its topics, live and in replay.
        """
        reader = Grant("ada", subscribe=["a"], public=True)
        other = Grant("bob", subscribe=["b"], public=True)
        grants = [reader, other, ANONYMOUS]
        live = [Subscriber(self.hub, "a", grant=grant) for grant in grants]
        self.clock.advance(0)
        self.hub.publish("a", "secret", private=True)
        self.hub.publish("a", "open")
        self.clock.advance(0)
        late = [
            Subscriber(self.hub, "a", grant=grant, last_event_id="earliest") for grant in grants
        ]
        self.clock.advance(0)
        self.clock.advance(0)

        expected = [["secret", "open"], ["open"], ["open"]]
        self.assertEqual([one.data for one in live], expected)
        self.assertEqual([one.data for one in late], expected)

    def test_receipts(self) -> None:
        """
        A receipt counts those the event was handed to, those who catch up and wait included.
        """
        for topics in (["a"], ["a", "b"], ["*"], ["b"]):
            Subscriber(self.hub, *topics)
        slow = Subscriber(self.hub, "a")
        self.clock.advance(0)
        slow.sink.pause()
        gone = Subscriber(self.hub, "a")
        gone.leave()
        done = [self.hub.publish(topics, "1") for topics in ("a", "b", ["a", "b"], "c")]
        self.clock.advance(0)

        self.assertEqual([self.successResultOf(one).subscribers for one in done], [4, 3, 5, 1])

    def test_ids(self) -> None:
        """
        The ID of a receipt is what subscribers see, the publisher's own included.
        """
        subscriber = Subscriber(self.hub, "a")
        self.clock.advance(0)
        done = [self.hub.publish("a", "1"), self.hub.publish("a", "2", id="mine")]
        self.clock.advance(0)

        ids = [self.successResultOf(one).id for one in done]
        self.assertEqual(subscriber.ids, ids)
        self.assertEqual(ids[1], "mine")

    def test_not_kept(self) -> None:
        """
        What history could not keep is not sent.
        """
        history = BookkeepingHistory(MemoryHistory())
        hub, clock = make_hub(history)
        subscriber = Subscriber(hub, "a")
        clock.advance(0)
        history.away = True
        done = hub.publish("a", "lost")
        clock.advance(0)
        self.failureResultOf(done, HistoryUnavailable)
        history.away = False
        hub.publish("a", "kept")
        clock.advance(0)

        self.assertEqual(subscriber.data, ["kept"])

    def test_all_or_none(self) -> None:
        """
        A submission of several has a receipt for each, in order.
        """
        done = self.hub.broker.submit([])
        self.clock.advance(0)

        self.assertEqual(self.successResultOf(done), [])

    def test_window_options(self) -> None:
        """
        The window's bounds are obeyed: what is beyond them comes from history.
        """
        for options, expected in (
            ({"window_events": 2}, 1),
            ({"window_bytes": 300}, 1),
            ({"window_events": 2000, "window_bytes": 1 << 20}, 0),
        ):
            with self.subTest(options=options):
                history = BookkeepingHistory(MemoryHistory())
                hub, clock = make_hub(history, **options)
                first = hub.publish("a", "first")
                for _ in range(40):
                    hub.publish("a", "x")
                clock.advance(0)
                Subscriber(hub, "a", last_event_id=self.successResultOf(first).id)
                clock.advance(0)
                self.assertEqual(len(history.asked), expected)

    def test_position(self) -> None:
        """
        The hub tells the position of the newest publication.
        """
        done = self.hub.publish("a", "1", id="mine")
        self.clock.advance(0)

        self.successResultOf(done)
        self.assertEqual(self.hub.broker.position, (1, "mine"))


class ReleaseTests(SynchronousTestCase):
    """
    What remains of those who have left: nothing.
    """

    def test_connections(self) -> None:
        """
        An ended connection, its sink and its audience are freed, live, blocked and waiting ones.
        """
        before = living()
        history = SlowHistory(MemoryHistory())
        hub, clock = make_hub(history, keepalive=15.0)
        kinds = [(None, 1 << 20), (None, 0), ("earliest", 1 << 20), ("unknown", 1 << 20)]
        came = [
            Subscriber(hub, f"topic-{number}", last_event_id=asked, sink=MemorySink(room))
            for number, (asked, room) in enumerate(kinds)
        ]
        clock.advance(0)
        for number in range(len(kinds)):
            hub.publish(f"topic-{number}", "x")
        clock.advance(0)
        history.answer_next()
        clock.advance(0)
        during = living()
        for one in came:
            one.leave()
        while history.waiting:
            history.answer_next()
            clock.advance(0)
        clock.advance(0)
        del came, one

        self.assertEqual(during - before, 3 * len(kinds))
        self.assertEqual(living(), before)
        self.assertEqual(len(hub.connections), 0)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_no_calls(self) -> None:
        """
        When everybody has left, nothing is scheduled, whatever went on before.
        """
        hub, clock = make_hub(keepalive=15.0, send_timeout=60.0)
        came = [Subscriber(hub, "a") for _ in range(5)]
        clock.advance(0)
        came[0].sink.pause()
        hub.publish("a", "1")
        clock.advance(20)
        self.assertEqual(len(clock.getDelayedCalls()), 2)
        for one in came:
            one.leave()

        self.assertEqual(clock.getDelayedCalls(), [])

    def test_unknown_id_while_away(self) -> None:
        """
        An error of `UnknownEventID` is an answer and is not logged.
        """
        hub, clock = make_hub(AbsentHistory(away=False))
        subscriber = Subscriber(hub, "a", last_event_id="x")
        clock.advance(0)

        self.assertIsNotNone(subscriber.start)
        self.assertEqual(self.flushLoggedErrors(UnknownEventID), [])


class StopTests(SynchronousTestCase):
    """
    A hub that takes nothing more.
    """

    def test_closed(self) -> None:
        """
        Behind closed doors nobody is taken in and nothing is published; who is here stays.
        """
        hub, clock = make_hub()
        subscriber = Subscriber(hub, "a")
        clock.advance(0)
        under_way = hub.publish("a", "1")
        hub.broker.stop_accepting()
        self.assertEqual((hub.broker.closed, hub.broker.ready), (True, False))
        self.assertRaises(HubClosed, Subscriber, hub, "a")
        self.failureResultOf(hub.publish("a", "2"), HubClosed)
        clock.advance(0)

        self.successResultOf(under_way)
        self.assertEqual(subscriber.data, ["1"])

    def test_stop(self) -> None:
        """
        Whoever still waits for history is told that it was not published.
        """
        hub, clock = make_hub()
        self.successResultOf(hub.broker.start())
        waiting = hub.publish("a", "1")
        hub.broker.stop()

        self.failureResultOf(waiting, HubClosed)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_defaults(self) -> None:
        """
        A hub has a history in memory on its own clock, and no limits.
        """
        clock = Clock()
        hub = Hub(reactor=clock)

        self.assertIsInstance(hub.history, MemoryHistory)
        self.assertIs(hub.clock, clock)
        self.assertIs(hub.broker.clock, clock)
        self.assertEqual(hub.broker.retry, 3000)
