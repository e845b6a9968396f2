"""
The rules of `ICheckedHistory`, for providers that provide it.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService
from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.interfaces import ICheckedHistory
from twisted_sse.testing.contract.case import MANY, needs, provides
from twisted_sse.testing.contract.lifecycle import AvailabilityRules

__all__ = ["CheckRules"]

# How many checks come at once.
_AT_ONCE = 50


class CheckRules(AvailabilityRules):
    """
    Say whether publications can be kept, found and followed.
    """

    @provides(ICheckedHistory)
    async def test_check_interface(self, history: Any) -> None:
        """
        A provider that declares `ICheckedHistory` implements all of its methods.
        """
        try:
            verifyObject(ICheckedHistory, history)
        except Invalid as error:
            self.broken(f"verifyObject() failed: {error}")

    @provides(ICheckedHistory)
    async def test_check(self, history: Any) -> None:
        """
        `check_available` raises nothing while publications can be kept, before the first
        as well as later.
        """
        await self.expect(history.check_available)
        await self.append(history, *"ab")

        await self.expect(history.check_available)

    @provides(ICheckedHistory)
    async def test_check_at_once(self, history: Any) -> None:
        """
        Many checks at once all return, because anybody may ask at any rate.
        """
        await self.answers([self.begin(history.check_available) for _ in range(_AT_ONCE)])

    @provides(ICheckedHistory)
    async def test_check_keeps_nothing(self, history: Any) -> None:
        """
        A check changes nothing that subscribers see: no record, and no position.
        """
        before = await self.tail(history, MANY)
        await self.expect(history.check_available)
        self.same("tail() returned", await self.tail(history, MANY), before)
        records = await self.append(history, *"ab")
        await self.expect(history.check_available)
        records += await self.append(history, "c")

        self.same("since(None) returned", await self.since(history, None), records)
        self.same("since() returned", await self.since(history, records[0].id), records[1:])

    @needs("interruptible")
    @provides(ICheckedHistory)
    async def test_check_unavailable(self, history: Any) -> None:
        """
        While the store is unavailable, `check_available` raises `HistoryUnavailable` with
        a sentence that says why; when it is available again, it raises nothing.
        """
        await self.append(history, "a")
        await self.resolve(self.interrupt, history)
        await self._refuses(history)
        await self.returned(history)
        error: list[HistoryUnavailable] = []

        async def passes() -> bool:
            try:
                await self.resolve(history.check_available)
            except HistoryUnavailable as raised:
                error[:] = [raised]
                return False
            return True

        await self.eventually(passes, lambda: f"check_available() still raises {error!r}")

    @provides(ICheckedHistory)
    async def test_check_stopped(self, history: Any) -> None:
        """
        A service that was stopped keeps nothing, so `check_available` raises
        `HistoryUnavailable`.
        """
        if IService(history, None) is None:
            return
        await self.stop(history)

        await self._refuses(history)

    async def _refuses(self, history: Any) -> None:
        await self.refused(HistoryUnavailable, history.check_available)
        try:
            await self.resolve(history.check_available)
        except HistoryUnavailable as error:
            if not str(error).strip():
                self.broken("check_available() raised an error without a text")
