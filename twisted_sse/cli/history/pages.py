"""
Reads a whole store page by page, and waits while it is not available.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Final, TypeVar

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.errors import HistoryUnavailable, PerhapsKept
from twisted_sse.events.holdings import StoredPage
from twisted_sse.interfaces import IHistoryReader

__all__ = ["MOST_RECORDS", "pages_of", "when_available"]

T = TypeVar("T")

#: The most publications in a page.
MOST_RECORDS: Final = 500

# How long a store may be unavailable, and how often to try again, in seconds.
_LONGEST: Final = 5.0
_PAUSE: Final = 0.1


async def pages_of(reader: IHistoryReader, clock: IReactorTime) -> AsyncIterator[StoredPage]:
    """
    Read everything that is kept now.

    Raises:
        HistoryUnavailable: The store cannot be read.
    """
    cursor: str | None = None
    while True:
        page: StoredPage = await when_available(partial(reader.read, cursor, MOST_RECORDS), clock)
        yield page
        cursor = page.following
        if cursor is None:
            return


async def when_available(call: Callable[[], Any], clock: IReactorTime) -> Any:
    """
    Call *call* again while it raises `HistoryUnavailable`, for at most some seconds.

    Raises:
        HistoryUnavailable: The last one.

        PerhapsKept: The first one: trying again might keep the same twice.
    """
    deadline = clock.seconds() + _LONGEST
    while True:
        try:
            return await maybeDeferred(call)
        except PerhapsKept:
            raise
        except HistoryUnavailable:
            if clock.seconds() + _PAUSE > deadline:
                raise
        await deferLater(clock, _PAUSE)
