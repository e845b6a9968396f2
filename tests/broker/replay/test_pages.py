"""
Pages of what was missed: where they end, and who shares them.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.members import StubMember
from tests.support.orders import EVERYTHING, Order, interest_in, make_kept
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
from twisted_sse.transport.sinks.framing import chunked, raw

__all__ = ["HistoryPageTests", "LatestPageTests", "PagesTests", "WindowPageTests"]

LARGE = "x" * 32 * 1024


def at(number: int) -> Position:
    """
    The position of the publication with *number*.
    """
    return Position(number, f"e-{number}")


class PagesTests(SynchronousTestCase):
    """
    Pages that are kept for others.
    """

    def setUp(self) -> None:
        """
        An audience, and room for two small pages.
        """
        self.window = Order().window
        self.audience = Audience(EVERYTHING, PLAIN, raw, self.window)
        self.pages = ReplayCache(1200)

    def test_found(self) -> None:
        """
        A page is found by interest, framing and position, not by the audience.
        """
        page = ReplayPage(b"one", at(1))
        self.pages.put(self.audience, at(0), page)
        same = Audience(interest_in("*"), PLAIN, raw, self.window)

        self.assertIs(self.pages.get(same, at(0)), page)
        self.assertIsNone(self.pages.get(self.audience, at(1)))
        self.assertIsNone(self.pages.get(Audience(EVERYTHING, PLAIN, chunked, self.window), at(0)))
        self.assertIsNone(
            self.pages.get(Audience(interest_in("a"), PLAIN, raw, self.window), at(0))
        )

    def test_bound(self) -> None:
        """
        The least recently used is forgotten when there is no room.
        """
        for number in (0, 1):
            self.pages.put(self.audience, at(number), ReplayPage(b"", at(number + 1)))
        self.pages.get(self.audience, at(0))
        self.pages.put(self.audience, at(2), ReplayPage(b"", at(3)))

        found = [self.pages.get(self.audience, at(number)) is not None for number in range(3)]
        self.assertEqual(found, [True, False, True])

    def test_size_counts(self) -> None:
        """
        The bytes of a page count, and one that is too large is not kept.
        """
        self.pages.put(self.audience, at(0), ReplayPage(b"", at(1)))
        self.pages.put(self.audience, at(1), ReplayPage(b"x" * 2000, at(2)))
        self.pages.put(self.audience, at(2), ReplayPage(b"", at(3)))

        found = [self.pages.get(self.audience, at(number)) is not None for number in range(3)]
        self.assertEqual(found, [False, False, True])

    def test_twice(self) -> None:
        """
        Keeping a page twice counts once, and keeps the first.
        """
        first = ReplayPage(b"", at(1))
        self.pages.put(self.audience, at(0), first)
        for _ in range(10):
            self.pages.put(self.audience, at(0), ReplayPage(b"", at(1)))

        self.assertIs(self.pages.get(self.audience, at(0)), first)


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

    def _page(self, number: int) -> ReplayPage:
        return page_from_window(self.order.window, self.audience, at(number))

    def test_all(self) -> None:
        """
        Everything up to the head, framed once.
        """
        for _ in range(5):
            self.order.publish()

        self.assertEqual(self._page(2), (self.order.between(2, 5), at(5)))

    def test_goal(self) -> None:
        """
        It ends at the live position, also when something wanted follows that.
        """
        self.audience.join(StubMember(self.audience))
        self.order.publish()
        for _ in range(2):
            self.audience.add(self.order.publish())

        self.assertEqual(self._page(0), (self.order.between(0, 1), at(1)))

    def test_full(self) -> None:
        """
        It ends with the frame that makes it 64 KiB, at that frame's position.
        """
        for _ in range(5):
            self.order.publish(data=LARGE)

        self.assertEqual(self._page(1), (self.order.between(1, 3), at(3)))

    def test_unwanted(self) -> None:
        """
        What nobody wants brings its readers forward, without a byte.
        """
        audience = Audience(interest_in("b"), PLAIN, raw, self.order.window)
        for _ in range(5):
            self.order.publish()

        self.assertEqual(page_from_window(self.order.window, audience, at(0)), (b"", at(5)))

    def test_chunked_nothing(self) -> None:
        """
        Nothing is not framed: an empty chunk would be the last one.
        """
        audience = Audience(interest_in("b"), PLAIN, chunked, self.order.window)
        self.order.publish()

        self.assertEqual(page_from_window(self.order.window, audience, at(0)).payload, b"")

    def test_scan(self) -> None:
        """
        At most 1,024 entries are looked through in one go.
        """
        audience = Audience(interest_in("b"), PLAIN, raw, self.order.window)
        for _ in range(1500):
            self.order.publish()
        self.order.publish("b")
        first = page_from_window(self.order.window, audience, at(0))
        second = page_from_window(self.order.window, audience, first.position)

        self.assertEqual(first, (b"", at(1024)))
        self.assertEqual(second, (self.order.between(1500, 1501), at(1501)))

    def test_private(self) -> None:
        """
        What is private is withheld.
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
        Fewer than asked for are all there is: the reader is where history was asked.
        """
        kept = [make_kept(number) for number in (3, 5, 9)]
        page = page_from_history(kept, at(40), self.order.window, self.audience)

        self.assertEqual(page, (b"".join(encode_record(one) for one in kept), at(40)))

    def test_beyond_asked(self) -> None:
        """
        What was published after the question and answered too counts as well.
        """
        page = page_from_history([make_kept(41)], at(40), self.order.window, self.audience)

        self.assertEqual(page, (encode_record(make_kept(41)), at(41)))

    def test_nothing(self) -> None:
        """
        Nothing found is no byte, and brings the reader to where history was asked.
        """
        page = page_from_history([], at(40), self.order.window, self.audience)

        self.assertEqual(page, (b"", at(40)))

    def test_full(self) -> None:
        """
        As many as were asked for may not be all: the reader is where the last one is.
        """
        kept = [make_kept(number) for number in range(1, PAGE_EVENTS + 1)]
        page = page_from_history(kept, at(1000), self.order.window, self.audience)

        self.assertEqual(page.position, at(PAGE_EVENTS))

    def test_full_of_unwanted(self) -> None:
        """
        The same if none of them is for the reader.
        """
        kept = [make_kept(number, private=True) for number in range(1, PAGE_EVENTS + 1)]
        page = page_from_history(kept, at(1000), self.order.window, self.audience)

        self.assertEqual(page, (b"", at(PAGE_EVENTS)))

    def test_cut(self) -> None:
        """
        It ends with the frame that makes it 64 KiB, at that frame's position.
        """
        kept = [make_kept(number, data=LARGE) for number in range(1, 6)]
        page = page_from_history(kept, at(1000), self.order.window, self.audience)

        self.assertEqual(page, (encode_record(kept[0]) + encode_record(kept[1]), at(2)))

    def test_not_delivered_yet(self) -> None:
        """
        It does not reach beyond the head: what follows has yet to be put into its place.
        """
        kept = [make_kept(number) for number in (999, 1001, 1002)]
        page = page_from_history(kept, at(1000), self.order.window, self.audience)

        self.assertEqual(page, (encode_record(kept[0]), at(1000)))


class LatestPageTests(SynchronousTestCase):
    """
    The newest event of each topic.
    """

    def setUp(self) -> None:
        """
        Topics of which one is newer than the other.
        """
        self.order = Order(events=5)
        for topic in "bbabac":
            self.order.publish(topic)

    def test_newest(self) -> None:
        """
        One of each topic, in order, behind what comes first.
        """
        audience = Audience(interest_in("a", "b"), PLAIN, raw, self.order.window)
        page = latest_page(self.order.window, audience, b":first\n\n")

        self.assertEqual(page, (b":first\n\n" + self.order.between(3, 5), at(6)))

    def test_pending(self) -> None:
        """
        It does not reach into the news that the audience is about to send.
        """
        audience = Audience(interest_in("a", "b"), PLAIN, raw, self.order.window)
        audience.join(StubMember(audience))
        audience.add(self.order.publish("a"))
        page = latest_page(self.order.window, audience, b"")

        self.assertEqual(page, (self.order.between(3, 5), at(6)))

    def test_private(self) -> None:
        """
        What is private is withheld.
        """
        self.order.publish("a", private=True)
        audience = Audience(interest_in("a"), PLAIN, raw, self.order.window)
        page = latest_page(self.order.window, audience, b"")

        self.assertEqual(page, (self.order.between(4, 5), at(7)))
