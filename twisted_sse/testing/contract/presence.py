"""
The rules of `IPresenceStore`, for shared histories that provide it.

Those that do not pass every test here at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.presence import NodeChange, Occupancy, PresenceNews
from twisted_sse.interfaces import PRESENCE_BATCH, IPresenceStore
from twisted_sse.testing.contract.case import needs
from twisted_sse.testing.contract.shared import SharedRules

__all__ = ["PresenceRules"]

# A life that no test outlasts, in seconds.
_LONG = 3600.0

_ADA = Occupancy("a", "ada", 1, '{"name":"Ada \\u00e9"}')
_EVE = Occupancy("a", "eve \U0001f600", 1)
_THREE = Occupancy("b", None, 3)


class PresenceRules(SharedRules):
    """
    Hubs tell each other who is on which topic.
    """

    async def test_presence_interface(self) -> None:
        """
        A provider that declares `IPresenceStore` implements its method.
        """
        history = await self.started()
        if IPresenceStore.providedBy(history):
            try:
                verifyObject(IPresenceStore, history)
            except Invalid as error:
                self.broken(f"verifyObject() failed: {error}")

    async def test_presence(self) -> None:
        """
        A hub learns what others have announced since its last call, once and in order.
        """
        first, second = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        after = (await self.exchanged(second, "two")).cursor
        await self.exchanged(first, "one", _ADA, _THREE)
        await self.exchanged(first, "one", _EVE, _ADA._replace(number=0, info=None))
        news = await self.exchanged(second, "two", after=after)
        again = await self.exchanged(second, "two", after=news.cursor)

        expected = [_ADA, _THREE, _EVE, _ADA._replace(number=0, info=None)]
        self.same("exchange() returned the changes", list(news.changes), _of("one", expected))
        self.same("and again", list(again.changes), [])

    async def test_presence_of_others(self) -> None:
        """
        A hub is not told what it has announced itself.
        """
        first, _ = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        after = (await self.exchanged(first, "one", _ADA)).cursor
        news = await self.exchanged(first, "one", _EVE, after=after)
        whole = await self.exchanged(first, "one")

        self.same("exchange() returned the changes", list(news.changes), [])
        self.same("from None it returned", list(whole.changes), [])

    async def test_presence_known(self) -> None:
        """
        A hub is known from its first call on.
        """
        first, _ = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        known = [(await self.exchanged(first, node)).known for node in ("one", "one", "two")]

        self.same("of one, one and two, exchange() knew", known, [False, True, False])

    async def test_presence_whole(self) -> None:
        """
        A hub without a cursor learns everybody who is at the others, and nobody who has
        gone.
        """
        first, second = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        await self.exchanged(first, "one", _ADA, _EVE, _THREE)
        await self.exchanged(first, "one", _EVE._replace(number=0))
        await self.exchanged(first, "two", _EVE)
        news = await self.exchanged(second, "three")

        self.same("exchange() returned whole", news.whole, True)
        expected = sorted([*_of("one", [_ADA, _THREE]), *_of("two", [_EVE])], key=repr)
        self.same("and the changes", sorted(news.changes, key=repr), expected)

    async def test_presence_order(self) -> None:
        """
        All hubs learn the changes of several others in the same order.
        """
        first, second = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        readers = [(first, "three"), (second, "four")]
        afters = [(await self.exchanged(*reader)).cursor for reader in readers]
        for number in range(1, 7):
            history, node = (first, "one") if number % 2 else (second, "two")
            await self.exchanged(history, node, Occupancy("a", None, number))
        learned = [
            [one.occupancy for one in (await self.exchanged(*reader, after=after)).changes]
            for reader, after in zip(readers, afters, strict=True)
        ]

        expected = [Occupancy("a", None, number) for number in range(1, 7)]
        self.same("exchange() returned the changes", learned, [expected, expected])

    async def test_presence_ends(self) -> None:
        """
        A hub that does not call for its ttl is gone: the others learn it once, and when
        it calls again, it is unknown.
        """
        first, second = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        await self.exchanged(first, "one", _ADA, ttl=self.lifetime)
        after = (await self.exchanged(second, "two")).cursor
        await self.resolve(self.pass_time, self.lifetime * 1.5)
        news = await self.exchanged(second, "two", after=after)
        again = await self.exchanged(second, "two", after=news.cursor)
        whole = await self.exchanged(second, "three")
        back = await self.exchanged(first, "one")

        self.same("exchange() returned", list(news.changes), [NodeChange("one", None)])
        self.same("and again", list(again.changes), [])
        self.same("and to another hub", list(whole.changes), [])
        self.same("and to the one that is back, known", back.known, False)

    async def test_presence_outage(self) -> None:
        """
        If no hub has called for its ttl, the store was away, and nobody is gone.
        """
        first, second = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        after = (await self.exchanged(first, "one", _ADA, ttl=self.lifetime)).cursor
        await self.exchanged(second, "two", _EVE, ttl=self.lifetime)
        await self.resolve(self.pass_time, self.lifetime * 1.5)
        one = await self.exchanged(first, "one", after=after)
        two = await self.exchanged(second, "two")

        self.same("exchange() knew the hubs", [one.known, two.known], [True, True])
        self.same("and returned", list(one.changes), _of("two", [_EVE]))
        self.same("and everything", list(two.changes), _of("one", [_ADA]))

    async def test_presence_behind(self) -> None:
        """
        A hub that asks for more than the store has at hand learns the state.
        """
        first, second = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        news = await self.exchanged(second, "two")
        names = [f"user {number}" for number in range(PRESENCE_BATCH)]
        batch = [Occupancy("a", name, 1) for name in names]
        await self.exchanged(first, "one", *batch)
        for number in range(1, 1200):
            await self.exchanged(first, "one", Occupancy("b", None, number))
        state: dict[tuple[str, str | None], int] = {}
        more = True
        while more:
            news = await self.exchanged(second, "two", after=news.cursor)
            state = {} if news.whole else state
            for change in news.changes:
                if change.occupancy is not None:
                    state[change.occupancy[:2]] = change.occupancy.number
            more = news.more

        expected = {("a", name): 1 for name in names} | {("b", None): 1199}
        self.same("after exchange(), the state was", state, expected)

    async def test_presence_room(self) -> None:
        """
        Presence takes no room in history.
        """
        first, second = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        records = await self.append(second, "x")
        before = await self.tail(second, 5)
        for _ in range(5):
            await self.exchanged(first, "one", _ADA)

        self.same("tail() returned", await self.tail(second, 5), before)
        self.same("since(None) returned", await self.since(second, None), records)

    @needs("interruptible")
    async def test_presence_unavailable(self) -> None:
        """
        While the store is unavailable, `exchange` raises HistoryUnavailable.
        """
        first, _ = await self.hubs()
        if not IPresenceStore.providedBy(first):
            return
        await self.exchanged(first, "one", _ADA)
        await self.resolve(self.interrupt, first)
        self.addCleanup(self.resume, first)

        await self.refused(HistoryUnavailable, first.exchange, "one", [], None, _LONG)

    async def exchanged(
        self,
        history: Any,
        node: str,
        *changes: Occupancy,
        after: str | None = None,
        ttl: float = _LONG,
    ) -> PresenceNews:
        """
        Call `exchange`, which must not fail.
        """
        news: PresenceNews = await self.expect(history.exchange, node, list(changes), after, ttl)
        return news


def _of(node: str, occupancies: Iterable[Occupancy]) -> list[NodeChange]:
    return [NodeChange(node, one) for one in occupancies]
