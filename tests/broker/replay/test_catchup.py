"""
From replay to live, case by case; `tests.broker.replay.test_handover` plays the random ones.
"""

import json
from typing import Any

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import SlowHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.members import RecordingSink
from tests.support.sinks import MemorySink
from tests.support.stores import BookkeepingHistory
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.replay.pages import PAGE_EVENTS
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import UNLOCATED, StreamStart
from twisted_sse.events.publication import Position, Receipt
from twisted_sse.history import MemoryHistory

__all__ = [
    "AbsenceTests",
    "ForgettingTests",
    "HistoryTests",
    "LeavingTests",
    "LocateTests",
    "SharingTests",
    "SlowAnswerTests",
    "WindowTests",
]


class Stream:
    """
    A hub with a small window, a store that keeps books, and what was published.
    """

    def __init__(self, *, slow: bool = False, events: int = 10_000, **options: Any) -> None:
        self.store = MemoryHistory(events=events)
        self.books = BookkeepingHistory(self.store)
        self.slow = SlowHistory(self.store)
        options.setdefault("window_events", 4)
        self.hub, self.clock = make_hub(self.slow if slow else self.books, **options)
        self.ids: list[str] = []

    def publish(self, *data: str, topic: str = "a") -> None:
        """
        Publish each of *data* in a turn of its own.
        """
        for one in data:
            self.hub.publish(topic, one).addCallback(self._note)
            self.clock.advance(0)
            self.slow.answer_next()

    def come(self, last_event_id: str | None = None, sink: MemorySink | None = None) -> Subscriber:
        """
        Subscribe.
        """
        return Subscriber(self.hub, "a", last_event_id=last_event_id, sink=sink)

    def settle(self) -> None:
        """
        Let everything come to its end.
        """
        for _ in range(30):
            self.clock.advance(0)
            self.slow.answer_next()

    def _note(self, receipt: Receipt) -> None:
        self.ids.append(receipt.id)


def numbers(first: int, last: int) -> list[str]:
    """
    The numbers *first* to *last*, as text.
    """
    return [str(number) for number in range(first, last + 1)]


def resets(subscriber: Subscriber) -> list[dict[str, str]]:
    """
    The gaps that *subscriber* was told of.
    """
    blocks = subscriber.sink.blocks
    return [json.loads(one.data or "") for one in blocks if one.event == "stream-reset"]


class LocateTests(SynchronousTestCase):
    """
    Where a stream begins.
    """

    def setUp(self) -> None:
        """
        Six events, of which the window has four.
        """
        self.stream = Stream()
        self.stream.publish(*numbers(1, 6))

    def test_nothing_asked(self) -> None:
        """
        Without a last event ID it begins at the head.
        """
        newcomer = self.stream.come()
        self.stream.settle()

        self.assertEqual(newcomer.start, (self.stream.hub.broker.position, False, None))
        self.assertEqual(newcomer.data, [])

    def test_earliest(self) -> None:
        """
        ``earliest`` is everything that is kept.
        """
        newcomer = self.stream.come("earliest")
        self.stream.settle()

        self.assertEqual(newcomer.data, numbers(1, 6))
        self.assertEqual(resets(newcomer), [])

    def test_known(self) -> None:
        """
        With any ID that is kept, it goes on right behind that.
        """
        for number in range(1, 7):
            with self.subTest(number=number):
                event_id = self.stream.ids[number - 1]
                returning = self.stream.come(event_id)
                self.stream.settle()
                assert returning.start is not None
                self.assertTrue(returning.start.resumed)
                self.assertEqual(returning.start.position.id, event_id)
                self.assertEqual(returning.data, numbers(number + 1, 6))

    def test_unknown(self) -> None:
        """
        With an ID that is not known, it tells of the gap and begins with the oldest.
        """
        returning = self.stream.come("another-life-7")
        self.stream.settle()

        self.assertEqual(
            resets(returning), [{"reason": "unknown-id", "lastEventID": "another-life-7"}]
        )
        self.assertEqual(returning.data, numbers(1, 6))

    def test_unavailable(self) -> None:
        """
        When history is away, nobody can tell: the stream is open, and waits.
        """
        self.stream.books.away = True
        returning = self.stream.come(self.stream.ids[0])
        self.stream.clock.advance(1)
        self.assertEqual(returning.start, StreamStart(UNLOCATED))
        self.assertEqual(returning.sink.received, b"retry: 3000\n\n")
        self.stream.books.away = False
        self.stream.clock.advance(1)
        self.stream.settle()

        first, *_ = returning.sink.blocks[1:]
        self.assertEqual((first.event, first.id), ("stream-open", self.stream.ids[0]))
        self.assertEqual(returning.ids[0], self.stream.ids[1])

    def test_before_the_first(self) -> None:
        """
        The position of an empty history is one to come back with.
        """
        stream = Stream()
        first = stream.come()
        assert first.start is not None
        stream.publish(*numbers(1, 9))
        returning = stream.come(first.start.position.id)
        stream.settle()

        self.assertEqual(returning.data, numbers(1, 9))

    def test_duplicate_id(self) -> None:
        """
        The oldest publication with an ID counts, also when the window knows only a newer one.
        """
        stream = Stream()
        stream.hub.publish("a", "1", id="mine")
        stream.publish(*numbers(2, 9))
        stream.hub.publish("a", "10", id="mine")
        stream.publish("11")
        returning = stream.come("mine")
        stream.settle()

        self.assertEqual(returning.data, numbers(2, 11))


class WindowTests(SynchronousTestCase):
    """
    What the window covers.
    """

    def test_no_question(self) -> None:
        """
        Who is within the window is served without asking history.
        """
        stream = Stream()
        stream.publish(*numbers(1, 9))
        for event_id in stream.ids[5:]:
            stream.come(event_id)
        stream.settle()

        self.assertEqual(stream.books.asked, [])

    def test_floor(self) -> None:
        """
        Who has seen the last event that the window has forgotten gets all that follows.
        """
        stream = Stream()
        stream.publish(*numbers(1, 9))
        returning = stream.come(stream.ids[4])
        stream.settle()

        self.assertEqual(returning.data, numbers(6, 9))

    def test_blocked(self) -> None:
        """
        Who was slow for a while gets what it missed from the window, once.
        """
        stream = Stream()
        sink = MemorySink()
        slow = stream.come(sink=sink)
        stream.settle()
        sink.pause()
        stream.publish(*numbers(1, 4))
        self.assertEqual(slow.data, [])

        sink.make_room(0)
        stream.settle()
        stream.publish("5")
        self.assertEqual(slow.data, numbers(1, 5))
        self.assertEqual(stream.books.asked, [])

    def test_cut(self) -> None:
        """
        A page ends with the frame that makes it 64 KiB.
        """
        stream = Stream(window_events=100)
        stream.publish(*["x" * 32 * 1024] * 5)
        sink = RecordingSink()
        stream.come(stream.ids[0], sink)
        stream.settle()

        self.assertEqual([one.count(b"data: ") for one in sink.payloads], [2, 2])

    def test_unwanted(self) -> None:
        """
        What somebody does not want is passed over, and nothing is written for it.
        """
        stream = Stream(window_events=5000)
        stream.publish("1")
        for number in range(2500):
            stream.hub.publish("other", str(number))
        stream.publish("2")
        sink = RecordingSink()
        returning = stream.come(stream.ids[0], sink)
        stream.settle()
        stream.publish("3")

        self.assertEqual(returning.data, ["2", "3"])
        self.assertEqual(len(sink.payloads), 2)


class HistoryTests(SynchronousTestCase):
    """
    What is older than the window.
    """

    def test_pages(self) -> None:
        """
        However many pages it takes: all, once, in order.
        """
        for count in (PAGE_EVENTS - 1, PAGE_EVENTS, PAGE_EVENTS + 1, 3 * PAGE_EVENTS, 1000):
            with self.subTest(count=count):
                stream = Stream()
                stream.publish(*numbers(1, count + 1))
                returning = stream.come(stream.ids[0])
                stream.settle()
                stream.publish("live")
                self.assertEqual(returning.data, [*numbers(2, count + 1), "live"])

    def test_exactly_one_page(self) -> None:
        """
        History is asked once for a page that is exactly full and ends at the head.
        """
        stream = Stream()
        stream.publish(*numbers(0, PAGE_EVENTS))
        stream.come(stream.ids[0])
        stream.settle()

        self.assertEqual(stream.books.asked, [stream.ids[0]])

    def test_cut(self) -> None:
        """
        A page from history ends with the frame that makes it 64 KiB, and the next goes on there.
        """
        stream = Stream()
        sizes = ["x" * 32 * 1024] * 9
        stream.publish(*[f"{number}{size}" for number, size in enumerate(sizes)])
        sink = RecordingSink()
        returning = stream.come(stream.ids[0], sink)
        stream.settle()

        self.assertEqual([one.count(b"data: ") for one in sink.payloads], [2, 2, 2, 2])
        self.assertEqual([(one or "")[0] for one in returning.data], list("12345678"))

    def test_sparse(self) -> None:
        """
        Publications that are not for the subscriber do not hold it up.
        """
        stream = Stream()
        stream.publish("1")
        for number in range(600):
            stream.hub.publish("a", str(number), private=True)
        stream.settle()
        stream.publish("2")
        sink = RecordingSink()
        returning = stream.come(stream.ids[0], sink)
        stream.settle()
        stream.publish("3")

        self.assertEqual(returning.data, ["2", "3"])
        self.assertEqual(len(sink.payloads), 2)

    def test_oldest_is_not_reused(self) -> None:
        """
        What follows the oldest is asked anew each time, because the oldest changes.
        """
        stream = Stream(events=10)
        stream.publish(*numbers(1, 10))
        first = stream.come("earliest")
        stream.settle()
        stream.publish(*numbers(11, 15))
        second = stream.come("earliest")
        stream.settle()

        self.assertEqual(first.data, numbers(1, 15))
        self.assertEqual(second.data, numbers(6, 15))

    def test_position(self) -> None:
        """
        A page that ends within what history has leaves its reader where it ends.
        """
        stream = Stream()
        stream.publish(*[f"{number}{'x' * 70_000}" for number in range(6)])
        sink = MemorySink(room=1000)
        returning = stream.come(stream.ids[0], sink)
        stream.clock.advance(0)

        self.assertEqual(returning.connection.position, Position(2, stream.ids[1]))


class SlowAnswerTests(SynchronousTestCase):
    """
    What happens between a question and its answer.
    """

    def setUp(self) -> None:
        """
        Ten events, and somebody who has come back with the first one's ID.
        """
        self.stream = Stream(slow=True)
        self.stream.publish(*numbers(1, 10))
        self.returning = self.stream.come(self.stream.ids[0])

    def test_published_meanwhile(self) -> None:
        """
        What is published while history is read comes once.
        """
        self.stream.hub.publish("a", "11")
        self.stream.settle()
        self.stream.publish("12")

        self.assertEqual(self.returning.data, numbers(2, 12))

    def test_live_meanwhile(self) -> None:
        """
        What the audience was sent while history was read comes once too.
        """
        live = self.stream.come()
        self.stream.clock.advance(0)
        self.stream.hub.publish("a", "11")
        self.stream.clock.advance(0)
        # The second answer that is due is that of `append`.
        self.stream.slow.waiting.pop(1)()
        self.stream.settle()

        self.assertEqual(live.data, ["11"])
        self.assertEqual(self.returning.data, numbers(2, 11))

    def test_blocked_meanwhile(self) -> None:
        """
        Who is full when the answer comes gets it when there is room.
        """
        slow = self.stream.come("earliest")
        self.stream.clock.advance(0)
        slow.sink.pause()
        self.stream.settle()
        self.assertEqual(slow.data, [])

        slow.sink.make_room(0)
        self.stream.settle()
        self.assertEqual(slow.data, numbers(1, 10))


class SharingTests(SynchronousTestCase):
    """
    Many who come back with the same ID.
    """

    def test_single_flight(self) -> None:
        """
        100 who ask for the same while history is slow are one question and one object.
        """
        stream = Stream(slow=True)
        stream.publish(*numbers(1, 20))
        sinks = [RecordingSink() for _ in range(100)]
        returning = [stream.come(stream.ids[0], sink) for sink in sinks]

        self.assertEqual(len(stream.slow.waiting), 1)
        stream.settle()
        self.assertEqual({tuple(one.data) for one in returning}, {tuple(numbers(2, 20))})
        for sink in sinks:
            self.assertIs(sink.payloads[0], sinks[0].payloads[0])

    def test_one_after_the_other(self) -> None:
        """
        Who comes later finds the page that was made before.
        """
        stream = Stream()
        stream.publish(*numbers(1, 20))
        sinks = [RecordingSink() for _ in range(100)]
        for sink in sinks:
            stream.come(stream.ids[0], sink)
            stream.settle()

        self.assertEqual(stream.books.asked, [stream.ids[0]])
        for sink in sinks:
            self.assertIs(sink.payloads[0], sinks[0].payloads[0])

    def test_window_page(self) -> None:
        """
        A page from the window is shared as well.
        """
        stream = Stream()
        stream.publish(*numbers(1, 4))
        sinks = [RecordingSink() for _ in range(10)]
        for sink in sinks:
            stream.come(stream.ids[0], sink)
        stream.settle()

        for sink in sinks:
            self.assertIs(sink.payloads[0], sinks[0].payloads[0])

    def test_interests_do_not_share(self) -> None:
        """
        Who wants other topics gets its own page.
        """
        stream = Stream()
        stream.publish("1", "2", "3")
        stream.publish("b", topic="b")
        stream.publish(*numbers(4, 9))
        stream.come(stream.ids[0])
        stream.settle()
        both = Subscriber(stream.hub, "a", "b", last_event_id=stream.ids[0])
        stream.settle()

        self.assertEqual(both.data, ["2", "3", "b", *numbers(4, 9)])


class ForgettingTests(SynchronousTestCase):
    """
    History forgets what a slow reader still needs.
    """

    def _fall_behind(self, fallen_behind: str) -> tuple[Stream, Subscriber]:
        stream = Stream(events=8, fallen_behind=fallen_behind)
        sink = MemorySink()
        slow = stream.come(sink=sink)
        stream.settle()
        stream.publish("1", "2")
        sink.pause()
        stream.publish(*numbers(3, 20))
        sink.make_room(0)
        stream.settle()
        return stream, slow

    def test_resume(self) -> None:
        """
        It is told of the gap, and goes on from the oldest that is kept.
        """
        stream, slow = self._fall_behind("resume")
        stream.publish("21")

        self.assertEqual(resets(slow), [{"reason": "fell-behind", "lastEventID": stream.ids[1]}])
        self.assertEqual(slow.data, ["1", "2", *numbers(13, 21)])

    def test_order_of_frames(self) -> None:
        """
        The gap is told before anything that follows it.
        """
        _, slow = self._fall_behind("resume")

        types = [one.event or one.data for one in slow.sink.blocks if one.data is not None]
        self.assertEqual(types[:5], ["stream-open", "1", "2", "stream-reset", "13"])

    def test_latest(self) -> None:
        """
        Or it gets the newest event of each topic, and is live.
        """
        stream, slow = self._fall_behind("latest")
        stream.publish("21")

        self.assertEqual(len(resets(slow)), 1)
        self.assertEqual(slow.data, ["1", "2", "20", "21"])

    def test_disconnect(self) -> None:
        """
        Or its stream ends, and it has to come back.
        """
        stream, slow = self._fall_behind("disconnect")

        self.assertEqual(slow.connection.ended, EndReason.FELL_BEHIND)
        self.assertTrue(slow.sink.finished)
        self.assertEqual(len(stream.hub.connections), 0)

    def test_between_pages(self) -> None:
        """
        The same when history forgets between one page and the next.
        """
        stream = Stream(events=8)
        sink = MemorySink()
        stream.publish(*[f"{number}{'x' * 70_000}" for number in range(1, 9)])
        sink.room = 1000
        slow = stream.come(stream.ids[0], sink)
        stream.clock.advance(0)
        stream.publish(*[f"{number}{'x' * 70_000}" for number in range(9, 30)])
        sink.make_room(1 << 30)
        stream.settle()

        self.assertEqual(resets(slow), [{"reason": "fell-behind", "lastEventID": stream.ids[1]}])
        self.assertEqual([(one or "").rstrip("x") for one in slow.data], ["2", *numbers(22, 29)])


class AbsenceTests(SynchronousTestCase):
    """
    History is away while somebody needs it.
    """

    def test_waits(self) -> None:
        """
        The connection waits, asks again every second, and goes on.
        """
        stream = Stream()
        sink = MemorySink(room=1000)
        stream.publish(*[f"{number}{'x' * 70_000}" for number in range(8)])
        slow = stream.come(stream.ids[0], sink)
        stream.clock.advance(0)
        stream.books.away = True
        with capturedLogs() as events:
            sink.make_room(1 << 30)
            stream.settle()
            asked = len(stream.books.asked)
            stream.clock.advance(0.99)
            self.assertEqual(len(stream.books.asked), asked)
            stream.clock.advance(0.01)
            stream.clock.advance(0)
            self.assertEqual(len(stream.books.asked), asked + 1)
        stream.books.away = False
        stream.clock.advance(1)
        stream.settle()

        self.assertEqual([(one or "")[0] for one in slow.data], list("1234567"))
        self.assertEqual(resets(slow), [])
        self.assertEqual(len(events), 1)
        self.assertEqual(stream.clock.getDelayedCalls(), [])

    def test_one_call(self) -> None:
        """
        However many wait, one call is scheduled and one line is logged.
        """
        stream = Stream()
        stream.publish(*numbers(1, 20))
        slow = [stream.come() for _ in range(5)]
        stream.settle()
        for one in slow:
            one.sink.pause()
        stream.publish(*numbers(21, 40))
        stream.books.away = True
        with capturedLogs() as events:
            for one in slow:
                one.sink.make_room(0)
            stream.settle()
        self.assertEqual(len(events), 1)
        self.assertEqual(len(stream.clock.getDelayedCalls()), 1)

        stream.books.away = False
        stream.clock.advance(1)
        stream.settle()
        self.assertEqual({tuple(one.data) for one in slow}, {tuple(numbers(21, 40))})

    def test_stop(self) -> None:
        """
        A hub that stops does not ask again.
        """
        stream = Stream()
        slow = stream.come()
        stream.settle()
        slow.sink.pause()
        stream.publish(*numbers(1, 20))
        stream.books.away = True
        slow.sink.make_room(0)
        stream.settle()
        slow.leave()
        stream.hub.broker.stop()

        self.assertEqual(stream.clock.getDelayedCalls(), [])


class LeavingTests(SynchronousTestCase):
    """
    Connections that end while history is read for them.
    """

    def test_while_located(self) -> None:
        """
        Nothing begins for who left before its place was found.
        """
        stream = Stream(slow=True)
        stream.publish(*numbers(1, 10))
        leaver = stream.come(stream.ids[0])
        leaver.leave()
        stream.settle()

        self.assertIsNone(leaver.start)
        self.assertEqual(leaver.sink.received, b"")
        self.assertEqual(len(stream.hub.connections), 0)

    def test_while_read(self) -> None:
        """
        Nothing is written to who left while its page was read, and the next one is served.
        """
        stream = Stream(slow=True)
        stream.publish(*numbers(1, 10))
        sink = RecordingSink()
        leaver = stream.come("earliest", sink)
        stayer = stream.come("earliest")
        stream.clock.advance(0)
        leaver.leave()
        stream.settle()

        self.assertEqual(sink.payloads, [])
        self.assertEqual(stayer.data, numbers(1, 10))

    def test_final_event(self) -> None:
        """
        Who is closed while its page is read gets the final event and nothing more.
        """
        stream = Stream(slow=True)
        stream.publish(*numbers(1, 10))
        leaver = stream.come("earliest")
        stream.clock.advance(0)
        leaver.connection.close(ServerSentEvent("bye"))
        stream.settle()

        self.assertEqual(leaver.data, ["bye"])
        self.assertTrue(leaver.sink.finished)

    def test_write_ends_it(self) -> None:
        """
        A page whose write ends the connection is its last one.
        """
        stream = Stream()
        stream.publish(*["x" * 70_000] * 6)
        sink = RecordingSink()
        leaver = stream.come(stream.ids[0], sink)
        sink.on_send = leaver.leave
        stream.settle()

        self.assertEqual(len(sink.payloads), 1)
        self.assertEqual(len(stream.hub.connections), 0)
        self.assertEqual(stream.clock.getDelayedCalls(), [])
