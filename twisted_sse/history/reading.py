"""
Reads a whole history, whichever kind it is: by its own reader, or page by page with
`IHistoryProvider.since`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.holdings import Holdings, StoredPage, StoredRecord
from twisted_sse.events.publication import Record, Tail
from twisted_sse.history.plugins import build_with
from twisted_sse.interfaces import (
    IHistoryFactory,
    IHistoryProvider,
    IHistoryReader,
    IReadableHistoryFactory,
)
from twisted_sse.topics import Selection

__all__ = ["ProviderReader", "build_reader"]

_EVERYTHING = Selection.of(["*"])

# The most records in one page of `ProviderReader`: events may have a mebibyte.
_PAGE = 256


def build_reader(text: str) -> IHistoryReader:
    """
    Build a reader of the store that ``SCHEME:ARGUMENTS`` names.

    Raises:
        ValueError: As for `twisted_sse.history.plugins.build_history`.
    """
    return build_with(text, _build)


def _build(factory: IHistoryFactory, arguments: str) -> IHistoryReader:
    if IReadableHistoryFactory.providedBy(factory):
        return IReadableHistoryFactory(factory).build_reader(arguments)
    provider = factory.build(arguments)
    return IHistoryReader(provider, None) or ProviderReader(provider)


@implementer(IHistoryReader, IService)
class ProviderReader(Service):
    """
    Reads any provider.

    A cursor is the number of the last record that was returned, the number of the last
    one to return, and the event ID to read on from.

    Args:
        provider: Started and stopped with this reader, if it is a service.
    """

    def __init__(self, provider: IHistoryProvider) -> None:
        self._provider = provider

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        if IService.providedBy(self._provider):
            IService(self._provider).startService()

    def stopService(self) -> Deferred[Any]:
        """
        See `IService.stopService`.
        """
        super().stopService()
        if IService.providedBy(self._provider):
            return maybeDeferred(IService(self._provider).stopService)
        return succeed(None)

    def describe(self) -> Holdings:
        """
        See `IHistoryReader.describe`.
        """
        return Holdings()

    async def read(self, cursor: str | None, limit: int) -> StoredPage:  # type: ignore[override]
        """
        See `IHistoryReader.read`.
        """
        done, newest, after = await self._begin() if cursor is None else json.loads(cursor)
        limit, lost = min(limit, _PAGE), False
        try:
            found = await self._since(after, limit)
        except UnknownEventID:
            found, lost = await self._since(None, limit), True
        new = [StoredRecord(one) for one in found if done < one.number <= newest]
        if len(found) < limit or found[-1].number >= newest:
            return StoredPage(new, None, lost)
        if not new:
            raise HistoryUnavailable(
                f"History cannot be read on from the ID {after!r}: an older event has it as well."
            )
        following = [found[-1].number, newest, _resumable(found).id]
        return StoredPage(new, json.dumps(following), lost)

    async def _begin(self) -> tuple[int, int, str | None]:
        tail: Tail = await maybeDeferred(self._provider.tail, 1)
        # No number is less than 0.
        return -1, tail.newest.number, None

    async def _since(self, after: str | None, limit: int) -> Sequence[Record]:
        found: Sequence[Record] = await maybeDeferred(
            self._provider.since, after, _EVERYTHING, limit
        )
        return found


def _resumable(found: Sequence[Record]) -> Record:
    """
    Choose the record to read on from: the last one whose ID no other record has.

    A publisher may use an ID again, and then the oldest with it counts.
    """
    own = (one for one in reversed(found) if one.publication.event.id is None)
    return next(own, found[-1])
