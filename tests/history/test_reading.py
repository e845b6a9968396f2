"""
Reading a whole history, whatever kind it is.
"""

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.history import MemoryHistory
from twisted_sse.history.reading import ProviderReader, build_reader
from twisted_sse.history.redis import RedisHistory
from twisted_sse.interfaces import IHistoryProvider, IHistoryReader
from twisted_sse.topics import Selection

__all__ = ["BuildReaderTests", "ProviderReaderTests"]


@implementer(IHistoryProvider)
class _Started(Service):
    """
    A history that is a service, and answers with coroutines.
    """

    def __init__(self, history: MemoryHistory) -> None:
        self._history = history

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IHistoryProvider.append`.
        """
        return self._history.append(publications)

    async def since(  # type: ignore[override]
        self, last_event_id: str | None, topics: Selection, limit: int
    ) -> Sequence[Record]:
        """
        See `IHistoryProvider.since`.
        """
        found = self._history.since(last_event_id, topics, limit)
        assert isinstance(found, list)
        return found

    async def tail(self, limit: int) -> Tail:  # type: ignore[override]
        """
        See `IHistoryProvider.tail`.
        """
        return self._history.tail(limit)


class ProviderReaderTests(TestCase):
    """
    `ProviderReader`, of a history in memory.
    """

    def setUp(self) -> None:
        """
        Make a history of the last nine.
        """
        self.history = MemoryHistory(events=9, clock=Clock())
        self.reader = ProviderReader(self.history)

    def append(self, *ids: str | None) -> list[Record]:
        """
        Append a publication with each of *ids*.
        """
        events = [ServerSentEvent(f"data {one}", id=one) for one in ids]
        return list(self.history.append([Publication(("a",), one) for one in events]))

    async def read_all(self, limit: int) -> tuple[list[Record], list[StoredPage]]:
        """
        Read everything, *limit* at a time.
        """
        pages = [await self.reader.read(None, limit)]
        while pages[-1].following is not None:
            pages.append(await self.reader.read(pages[-1].following, limit))
        return [stored.record for page in pages for stored in page.records], pages

    async def test_interface(self) -> None:
        """
        It is a reader, which tells nothing without reading.
        """
        self.assertTrue(verifyObject(IHistoryReader, self.reader))
        self.assertEqual(self.reader.describe(), Holdings())
        self.assertEqual(await self.reader.read(None, 5), StoredPage([], None))

    async def test_pages(self) -> None:
        """
        Pages of any size have everything, once and in order.
        """
        records = self.append(None, "x", "y", None, "z", "u", "v", None)

        for limit in range(1, 10):
            with self.subTest(limit=limit):
                found, pages = await self.read_all(limit)
                self.assertEqual(found, records)
                self.assertTrue(all(len(page.records) <= limit for page in pages))

    async def test_repeated_ids(self) -> None:
        """
        An ID that a publisher has used again neither repeats nor hides anything.
        """
        records = self.append("x", None, "x", None, None, "x", "y")

        found, _ = await self.read_all(3)

        self.assertEqual(found, records)

    async def test_no_way_on(self) -> None:
        """
        If a whole page ends where an older ID counts, that is an error, not a loop.
        """
        self.append("x", "y", "x", "y", "x", "y", "z")

        with self.assertRaisesRegex(HistoryUnavailable, "read on from the ID 'y'"):
            await self.read_all(2)

    async def test_newer(self) -> None:
        """
        What is appended after the first page is not read.
        """
        records = self.append(None, None, None)
        first = await self.reader.read(None, 2)
        self.append(None, None)

        second = await self.reader.read(first.following, 2)

        self.assertEqual([one.record for one in second.records], records[2:])
        self.assertIsNone(second.following)

    async def test_forgotten(self) -> None:
        """
        What was forgotten between two pages is told, and the rest is read.
        """
        records = self.append(*[None] * 9)
        first = await self.reader.read(None, 2)
        self.append(*[None] * 5)

        second = await self.reader.read(first.following, 9)

        self.assertEqual((first.lost, second.lost), (False, True))
        self.assertEqual([one.record for one in second.records], records[5:])

    async def test_service(self) -> None:
        """
        A provider that is a service is started and stopped, and may answer later.
        """
        records = self.append(None)
        provider = _Started(self.history)
        reader = ProviderReader(provider)

        reader.startService()
        self.assertTrue(provider.running)
        page = await reader.read(None, 5)
        await reader.stopService()

        self.assertEqual([one.record for one in page.records], records)
        self.assertFalse(provider.running)


class BuildReaderTests(TestCase):
    """
    `build_reader`.
    """

    def test_kinds(self) -> None:
        """
        A store of this package has a reader of its own; others are read as providers.
        """
        self.assertIsInstance(build_reader("redis://127.0.0.1:1/0"), RedisHistory)
        self.assertIsInstance(build_reader("upstream:http://127.0.0.1:1/events"), ProviderReader)

    def test_invalid(self) -> None:
        """
        A wrong argument is explained, and a missing file is not created.
        """
        for text, sentence in (
            ("disk:x", "history 'disk' is unknown"),
            ("sqlite:", "it needs the path of a file; write sqlite:PATH"),
            ("sqlite:none.db", "there is no file '.*none.db'$"),
            ("sqlite:none.db,events=x", "events.*; write sqlite:PATH"),
        ):
            with self.subTest(text=text), self.assertRaisesRegex(ValueError, sentence):
                build_reader(text)
