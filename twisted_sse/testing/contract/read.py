"""
The rules of `IHistoryReader`, for providers that provide it.
"""

from __future__ import annotations

from typing import Any

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.events.publication import Record
from twisted_sse.interfaces import IHistoryReader
from twisted_sse.testing.contract.case import ContractCase, provides, publication
from twisted_sse.testing.contract.samples import SHAPES

__all__ = ["ReadRules"]


class ReadRules(ContractCase):
    """
    Tell what is kept, and read it from beginning to end.
    """

    @provides(IHistoryReader)
    async def test_read_interface(self, history: Any) -> None:
        """
        A provider that declares `IHistoryReader` implements all of its methods.
        """
        try:
            verifyObject(IHistoryReader, history)
        except Invalid as error:
            self.broken(f"verifyObject() failed: {error}")

    @provides(IHistoryReader)
    async def test_read(self, history: Any) -> None:
        """
        Pages of any size have every record once, unchanged and in order, private ones and
        those with a repeated ID included.
        """
        again = publication("x", id="again")
        records = await self.append(history, *SHAPES, again, "a", again, "b")

        for limit in (1, 2, len(records), 10_000):
            self.same(f"read() by {limit} returned", await self._all(history, limit), records)

    @provides(IHistoryReader)
    async def test_read_newer(self, history: Any) -> None:
        """
        What is appended after the first page is not read, so that reading ends.
        """
        records = await self.append(history, *"abc")
        first = await self._page(history, None, 2)
        await self.append(history, *"defg")
        found = [one.record for one in first.records]
        if first.following is not None:
            found += await self._all(history, 2, first.following)

        self.same("read() returned", found, records)

    @provides(IHistoryReader)
    async def test_describe(self, history: Any) -> None:
        """
        What `describe` tells is true, of an empty store as well.
        """
        await self._describes(history, [])
        await self._describes(history, await self.append(history, *SHAPES, "a"))

    async def _describes(self, history: Any, records: list[Record]) -> None:
        told: Holdings = await self.expect(history.describe)
        topics = {topic for one in records for topic in one.publication.topics}
        for name, found, expected in (
            ("events", told.events, len(records)),
            ("topics", told.topics, len(topics)),
            ("oldest", told.oldest and told.oldest.id, records[0].id if records else None),
            ("newest", told.newest and told.newest.id, records[-1].id if records else None),
        ):
            if found is not None:
                self.same(f"describe() told {name}", found, expected)

    async def _page(self, history: Any, cursor: str | None, limit: int) -> StoredPage:
        page: StoredPage = await self.expect(history.read, cursor, limit)
        if len(page.records) > limit:
            self.broken(f"read() returned {len(page.records)} records of at most {limit}")
        return page

    async def _all(self, history: Any, limit: int, cursor: str | None = None) -> list[Record]:
        found: list[Record] = []
        while True:
            page = await self._page(history, cursor, limit)
            found += [one.record for one in page.records]
            cursor = page.following
            if cursor is None or len(found) > 10_000:
                return found
