"""
Pages of missed events: where they end, and which subscribers share them.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.members import StubMember
from tests.support.orders import EVERYTHING, Order, interest_in, make_record
from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.representation import PLAIN, encode_record
from twisted_sse.broker.replay.pages import (
    PAGE_EVENTS,
    ReplayCache,
    ReplayPage,
    latest_page,
    page_from_history,
    page_from_window,
)
from twisted_sse.events.publication import Position
from twisted_sse.transport.framing import chunked, raw

__all__ = ["HistoryPageTests", "LatestPageTests", "ReplayCacheTests", "WindowPageTests"]

LARGE = "x" * 32 * 1024


def at(number: int) -> Position:
    """
    The position of the publication with *number*.
    """
    return Position(number, f"e-{number}")


def content(page: ReplayPage) -> tuple[bytes, Position]:
    """
    The payload and the position of *page*, which counts its events rightly.
    """
    assert page.events == page.payload.count(b"id: e-")
    return page.payload, page.position


class ReplayCacheTests(SynchronousTestCase):
    """
    The cache of pages.
    """

    def setUp(self) -> None:
        """
        An audience, and a cache for two small pages.
        """
        self.window = Order().window
        self.audience = Audience(EVERYTHING, PLAIN, raw, self.window)
        self.cache = ReplayCache(1200)

    def test_found(self) -> None:
        """
        A page is found by interest, framing and position, not by the audience.
        """
        page = ReplayPage(b"one", at(1))
        self.cache.put(self.audience, at(0), page)
        same = Audience(interest_in("*"), PLAIN, raw, self.window)

        self.assertIs(self.cache.get(same, at(0)), page)
        self.assertIsNone(self.cache.get(self.audience, at(1)))
        self.assertIsNone(self.cache.get(Audience(EVERYTHING, PLAIN, chunked, self.window), at(0)))
        self.assertIsNone(
            self.cache.get(Audience(interest_in("a"), PLAIN, raw, self.window), at(0))
        )

    def test_bound(self) -> None:
        """
        The least recently used page is evicted when the cache is full.
        """
        for number in (0, 1):
            self.cache.put(self.audience, at(number), ReplayPage(b"", at(number + 1)))
        self.cache.get(self.audience, at(0))
        self.cache.put(self.audience, at(2), ReplayPage(b"", at(3)))

        found = [self.cache.get(self.audience, at(number)) is not None for number in range(3)]
        self.assertEqual(found, [True, False, True])

    def test_size_counts(self) -> None:
        """
        The bytes of a page count, and a page larger than the cache is not kept.
        """
        self.cache.put(self.audience, at(0), ReplayPage(b"", at(1)))
        self.cache.put(self.audience, at(1), ReplayPage(b"x" * 2000, at(2)))
        self.cache.put(self.audience, at(2), ReplayPage(b"", at(3)))

        found = [self.cache.get(self.audience, at(number)) is not None for number in range(3)]
        self.assertEqual(found, [False, False, True])

    def test_twice(self) -> None:
        """
        Putting a page twice counts once, and keeps the first.
        """
        first = ReplayPage(b"", at(1))
        self.cache.put(self.audience, at(0), first)
        for _ in range(10):
            self.cache.put(self.audience, at(0), ReplayPage(b"", at(1)))

        self.assertIs(self.cache.get(self.audience, at(0)), first)


class WindowPageTests(SynchronousTestCase):
    """
    Pages from the window.
    """

    def setUp(self) -> None:
        """
        An audience without members.
        """
        self.order = Order()
        self.audience = Audience(EVERYTHING, PLAIN, raw, self.order.window)

    def _page(self, number: int) -> tuple[bytes, Position]:
        return content(page_from_window(self.order.window, self.audience, at(number)))

    def test_all(self) -> None:
        """
        A page holds everything up to the head, framed once.
        """
        for _ in range(5):
            self.order.publish()

        self.assertEqual(self._page(2), (self.order.between(2, 5), at(5)))

    def test_goal(self) -> None:
        """
        It ends at the live position, even if a matching event follows.
        """
        self.audience.join(StubMember(self.audience))
        self.order.publish()
        for _ in range(2):
            self.audience.add(self.order.publish())

        self.assertEqual(self._page(0), (self.order.between(0, 1), at(1)))

    def test_full(self) -> None:
        """
        It ends with the frame that brings it to 64 KiB, at that frame's position.
        """
        for _ in range(5):
            self.order.publish(data=LARGE)

        self.assertEqual(self._page(1), (self.order.between(1, 3), at(3)))

    def test_unwanted(self) -> None:
        """
        Events that do not match advance the position without a byte.
        """
        audience = Audience(interest_in("b"), PLAIN, raw, self.order.window)
        for _ in range(5):
            self.order.publish()

        page = page_from_window(self.order.window, audience, at(0))
        self.assertEqual(content(page), (b"", at(5)))

    def test_chunked_nothing(self) -> None:
        """
        An empty page is not framed: an empty chunk would be the last one.
        """
        audience = Audience(interest_in("b"), PLAIN, chunked, self.order.window)
        self.order.publish()

        self.assertEqual(page_from_window(self.order.window, audience, at(0)).payload, b"")

    def test_scan(self) -> None:
        """
        At most 1,024 entries are scanned for one page.
        """
        audience = Audience(interest_in("b"), PLAIN, raw, self.order.window)
        for _ in range(1500):
            self.order.publish()
        self.order.publish("b")
        first = page_from_window(self.order.window, audience, at(0))
        second = page_from_window(self.order.window, audience, first.position)

        self.assertEqual(content(first), (b"", at(1024)))
        self.assertEqual(content(second), (self.order.between(1500, 1501), at(1501)))

    def test_private(self) -> None:
        """
        Private events are withheld.
        """
        self.order.publish(private=True)
        self.order.publish()

        self.assertEqual(self._page(0), (self.order.between(1, 2), at(2)))


class HistoryPageTests(SynchronousTestCase):
    """
    Pages from history.
    """

    def setUp(self) -> None:
        """
        An order of 1,000, and an audience.
        """
        self.order = Order()
        for _ in range(1000):
            self.order.publish()
        self.audience = Audience(EVERYTHING, PLAIN, raw, self.order.window)

    def test_short(self) -> None:
        """
        Fewer records than the limit are all of them: the page ends where history was asked.
        """
        records = [make_record(number) for number in (3, 5, 9)]
        page = page_from_history(records, at(40), self.order.window, self.audience)

        self.assertEqual(content(page), (b"".join(encode_record(one) for one in records), at(40)))

    def test_beyond_asked(self) -> None:
        """
        A record published after the question but included in the answer counts as well.
        """
        page = page_from_history([make_record(41)], at(40), self.order.window, self.audience)

        self.assertEqual(content(page), (encode_record(make_record(41)), at(41)))

    def test_nothing(self) -> None:
        """
        An empty answer makes an empty page that ends where history was asked.
        """
        page = page_from_history([], at(40), self.order.window, self.audience)

        self.assertEqual(content(page), (b"", at(40)))

    def test_full(self) -> None:
        """
        As many records as the limit may not be all: the page ends at the last one.
        """
        records = [make_record(number) for number in range(1, PAGE_EVENTS + 1)]
        page = page_from_history(records, at(1000), self.order.window, self.audience)

        self.assertEqual(page.position, at(PAGE_EVENTS))

    def test_full_of_unwanted(self) -> None:
        """
        It ends there even if none of them matches.
        """
        records = [make_record(number, private=True) for number in range(1, PAGE_EVENTS + 1)]
        page = page_from_history(records, at(1000), self.order.window, self.audience)

        self.assertEqual(content(page), (b"", at(PAGE_EVENTS)))

    def test_size_limit(self) -> None:
        """
        It ends with the frame that brings it to 64 KiB, at that frame's position.
        """
        records = [make_record(number, data=LARGE) for number in range(1, 6)]
        page = page_from_history(records, at(1000), self.order.window, self.audience)

        expected = encode_record(records[0]) + encode_record(records[1])
        self.assertEqual(content(page), (expected, at(2)))

    def test_not_delivered_yet(self) -> None:
        """
        It does not reach beyond the head: later records were not delivered yet.
        """
        records = [make_record(number) for number in (999, 1001, 1002)]
        page = page_from_history(records, at(1000), self.order.window, self.audience)

        self.assertEqual(content(page), (encode_record(records[0]), at(1000)))


class LatestPageTests(SynchronousTestCase):
    """
    The newest event of each topic.
    """

    def setUp(self) -> None:
        """
        Two topics, one newer than the other.
        """
        self.order = Order(events=5)
        for topic in "bbabac":
            self.order.publish(topic)

    def test_newest(self) -> None:
        """
        One event of each topic, in order, after the given first bytes.
        """
        audience = Audience(interest_in("a", "b"), PLAIN, raw, self.order.window)
        page = latest_page(self.order.window, audience, b":first\n\n")

        self.assertEqual(content(page), (b":first\n\n" + self.order.between(3, 5), at(6)))

    def test_pending(self) -> None:
        """
        It stops before the events that the audience has pending.
        """
        audience = Audience(interest_in("a", "b"), PLAIN, raw, self.order.window)
        audience.join(StubMember(audience))
        audience.add(self.order.publish("a"))
        page = latest_page(self.order.window, audience, b"")

        self.assertEqual(content(page), (self.order.between(3, 5), at(6)))

    def test_private(self) -> None:
        """
        Private events are withheld.
        """
        self.order.publish("a", private=True)
        audience = Audience(interest_in("a"), PLAIN, raw, self.order.window)
        page = latest_page(self.order.window, audience, b"")

        self.assertEqual(content(page), (self.order.between(4, 5), at(7)))
