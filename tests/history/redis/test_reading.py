"""
Reading the whole stream beside hubs that use it.
"""

from twisted.internet import reactor
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from tests.support.redis_histories import RedisTestCase, data_of, publication
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.events.publication import Publication
from twisted_sse.history.redis import RedisHistory
from twisted_sse.interfaces import IHistoryReader

__all__ = ["DescribeTests", "ReadTests"]


class DescribeTests(RedisTestCase):
    """
    `RedisHistory.describe`.
    """

    async def test_empty(self) -> None:
        """
        An empty Redis has nothing, and stays empty.
        """
        history = self.open()
        while True:
            try:
                told = await history.describe()
            except HistoryUnavailable:
                # It connects; test cases have a time-out.
                await deferLater(reactor, 0.02)
            else:
                break
        page = await history.read(None, 9)

        self.assertEqual(told._replace(bounds=None), Holdings(0, 0, 0))
        self.assertEqual(page, StoredPage([], None))
        self.assertEqual(self.server.cli("EXISTS", f"{{{self.prefix}}}:events"), "0")

    async def test_holdings(self) -> None:
        """
        It tells numbers, the oldest and the newest with their dates, and the bounds.
        """
        history = self.open(events=100)
        records = await self.fill(history, *"ab")
        await history.append([publication("c", "c", "own")])

        told = await history.describe()

        self.assertEqual((told.events, told.topics), (3, None))
        assert told.oldest is not None
        assert told.newest is not None
        assert told.bytes is not None
        self.assertGreater(told.bytes, 300)
        self.assertEqual((told.oldest.id, told.newest.id), (records[0].id, "own"))
        milliseconds = int(records[0].id.partition("-")[0])
        self.assertEqual(told.oldest.kept_at, milliseconds / 1000)
        self.assertGreaterEqual(told.newest.kept_at or 0, milliseconds / 1000)
        self.assertEqual((told.bounds or {})["events"], 100)


class ReadTests(RedisTestCase):
    """
    `RedisHistory.read`.
    """

    async def read_all(self, history: RedisHistory, limit: int) -> list[StoredPage]:
        """
        Read everything, *limit* at a time.
        """
        pages = [await history.read(None, limit)]
        while pages[-1].following is not None:
            pages.append(await history.read(pages[-1].following, limit))
        return pages

    async def test_pages(self) -> None:
        """
        Pages of any size have everything as it was appended, private events included, and
        also what repeats an ID.
        """
        history = self.open()
        batch = [
            Publication(("a", "é"), ServerSentEvent("x\ny", event="t", retry=5)),
            Publication(("a",), ServerSentEvent("", id="own"), private=True),
            Publication(("b",), ServerSentEvent(None, comment="c")),
            Publication(("b",), ServerSentEvent("again", id="own")),
        ]
        records = list(await history.append(batch))

        self.assertTrue(verifyObject(IHistoryReader, history))
        for limit in range(1, 6):
            with self.subTest(limit=limit):
                pages = await self.read_all(history, limit)
                self.assertEqual([one.record for page in pages for one in page.records], records)
                self.assertFalse(any(page.lost or page.unreadable for page in pages))

    async def test_newer(self) -> None:
        """
        What is appended after the first page is not read.
        """
        history = self.open()
        await self.fill(history, *"abc")
        first = await history.read(None, 2)
        await self.fill(history, *"def")

        second = await history.read(first.following, 9)

        self.assertEqual(data_of([one.record for one in second.records]), ["c"])
        self.assertIsNone(second.following)

    async def test_forgotten(self) -> None:
        """
        What was forgotten between two pages is told, and the rest is read.
        """
        history = self.open()
        await self.fill(history, *"abcdef")
        first = await history.read(None, 2)
        self.server.cli("XTRIM", f"{{{self.prefix}}}:events", "MAXLEN", "3")

        second = await history.read(first.following, 9)

        self.assertEqual((first.lost, second.lost), (False, True))
        self.assertEqual(data_of([one.record for one in second.records]), ["e", "f"])

    async def test_deleted(self) -> None:
        """
        If everything is deleted between two pages, that is told.
        """
        history = self.open()
        await self.fill(history, *"abc")
        first = await history.read(None, 2)
        self.server.cli("FLUSHALL")

        self.assertEqual(await history.read(first.following, 9), StoredPage([], None, lost=True))
