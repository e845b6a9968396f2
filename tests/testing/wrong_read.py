"""
Mistakes of `IHistoryReader`.
"""

from typing import Any

from zope.interface import implementer

from tests.support.shared import SharedMemoryHistory
from tests.testing.wrong import Wrong, breaks
from twisted_sse.events.holdings import Holdings, StoredPage, StoredRecord
from twisted_sse.interfaces import IHistoryReader

__all__: list[str] = []


@breaks("test_read_interface")
@implementer(IHistoryReader)
class _NoReader(SharedMemoryHistory):
    """
    Declares `IHistoryReader` and has none of its methods.
    """


@breaks("test_read")
class _Repeats(Wrong):
    """
    Begins each page with the last record of the page before.
    """

    def read(self, cursor: str | None, limit: int) -> StoredPage:
        page = super().read(cursor, limit)
        at = 0 if cursor is None else int(cursor.split()[0])
        again = [StoredRecord(one) for one in self.all()[at - 1 : at]] if at else []
        return page._replace(records=[*again, *page.records][:limit])


@breaks("test_read")
class _Public(Wrong):
    """
    Leaves out what is private.
    """

    def read(self, cursor: str | None, limit: int) -> StoredPage:
        page = super().read(cursor, limit)
        public = [one for one in page.records if not one.record.publication.private]
        return page._replace(records=public)


@breaks("test_read_newer")
class _Endless(Wrong):
    """
    Reads on as long as something is appended.
    """

    def read(self, cursor: str | None, limit: int) -> StoredPage:
        at = 0 if cursor is None else int(cursor.split()[0])
        return super().read(f"{at} {len(self.all())}", limit)


@breaks("test_describe")
class _Miscounts(Wrong):
    """
    Counts one event too many.
    """

    def describe(self) -> Any:
        return Holdings(len(self.all()) + 1)
