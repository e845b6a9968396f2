"""
The rules of bounds: what may be forgotten, and that it is never silent.
"""

from __future__ import annotations

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Record
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.case import ALL, MANY, ContractCase, needs, publication

__all__ = ["BoundRules"]

_KNOWN = {"events", "bytes", "age"}

# Under the bounds of `_forgetful`, five of these are kept or fewer.
_LARGE = "x" * 10_000


class BoundRules(ContractCase):
    """
    A provider must bound what it keeps, and may forget the oldest at any time.
    """

    async def test_bounds(self) -> None:
        """
        A provider must bound what it keeps: by ``events``, ``bytes`` or both.
        """
        stated = set(self.bounds)
        if not stated <= _KNOWN or not stated & {"events", "bytes"}:
            self.broken(f"the class says bounds = {self.bounds!r}")

    @needs("events")
    async def test_events(self) -> None:
        """
        At most ``events`` are kept, the newest, and all of them until there
        are more.
        """
        history = await self.started(events=20)
        kept = await self.append(history, *map(str, range(20)))
        self.same("with events=20, since(None) has found", await self.since(history, None), kept)

        for number in range(5):
            kept += await self.append(history, *(f"{number} {one}" for one in range(10)))
            await self._newest_of(history, kept, 20)

    @needs("events")
    async def test_events_of_batches(self) -> None:
        """
        A batch larger than the bound is answered in full, and its newest are
        kept.
        """
        history = await self.started(events=5)
        batch = [str(number) for number in range(300)]
        kept = await self.append(history, *batch)
        answered = [one.publication.event.data for one in kept]
        self.same("append() has answered", answered, batch)

        await self._newest_of(history, kept, 5)

    @needs("bytes")
    async def test_bytes(self) -> None:
        """
        The publications that are kept take at most ``bytes``, in which a
        character counts as often as it takes bytes; the newest are kept.
        """
        # One byte or four, whether in UTF-8, in UTF-16 or in Python's own form.
        for letter in "x", "😀":
            history = await self.started(bytes=200_000)
            data = letter * 9_000
            kept = [one for _ in range(30) for one in await self.append(history, data)]
            await self._newest_of(history, kept, 200_000 // len(data.encode()))

    @needs("age")
    async def test_age(self) -> None:
        """
        What is as old as ``age`` is not found any more, also if nothing is
        appended.
        """
        history = await self.started(age=self.lifetime)
        old = await self.append(history, *"abc")
        await self._let_expire()
        self.same("since(None) has found", await self.since(history, None), [])
        self.same("tail() has told", (await self.tail(history, MANY)).kept, [])

        young = await self.append(history, *"de")
        self.same("since(None) has found", await self.since(history, None), young)
        for one in old[:-1]:
            await self.refused(UnknownEventID, history.since, one.id, ALL, MANY)

    async def test_forgotten(self) -> None:
        """
        If something that followed the last event is kept no longer, the ID
        raises `UnknownEventID`: a gap is never silent.
        """
        history, kept = await self._forgetful()
        first = len(kept) - len(await self.since(history, None))
        if first == 0:
            self.broken(f"all {len(kept)} are kept, and the bound is 5")

        for one in kept[: first - 1]:
            await self.refused(UnknownEventID, history.since, one.id, ALL, MANY)
        for one in kept[: first - 1]:
            await self.refused(UnknownEventID, history.since, one.id, ALL, 1)

    async def test_right_before_oldest(self) -> None:
        """
        The ID right before the oldest that is kept may be known or not; if it
        is, everything that is kept follows it.
        """
        history, kept = await self._forgetful()
        found = await self.since(history, None)
        before = kept[len(kept) - len(found) - 1]

        await self._unknown_or(history, before.id, found)

    async def test_kept_is_found(self) -> None:
        """
        What is kept goes on being found by its ID while older ones are
        forgotten.
        """
        history, kept = await self._forgetful()
        found = await self.since(history, None)
        self.same("since(None) has found", found, kept[len(kept) - len(found) :])

        for place, one in enumerate(found):
            self.same("since() has found", await self.since(history, one.id), found[place + 1 :])

    async def test_tail_after_forgetting(self) -> None:
        """
        Where the newest begin has an ID that `since` accepts also if what
        precedes them is forgotten, and a lower number.
        """
        history, _ = await self._forgetful()
        kept = await self.since(history, None)
        end = await self.tail(history, MANY)
        self.same("tail() has told", end.kept, kept)

        if kept and not end.before.number < kept[0].number:
            self.broken(f"tail() has told {end.before!r} before {kept[0].number}")
        self.same("since(its ID) has found", await self.since(history, end.before.id), kept)

    @needs("age")
    async def test_order_goes_on(self) -> None:
        """
        When everything is forgotten the order still ends where it did, and
        goes on from there: no number comes again.
        """
        history = await self.started(age=self.lifetime)
        old = await self.append(history, "a", "b", publication("c", id="mine"))
        await self._let_expire()
        end = await self.tail(history, 3)
        if end.newest.number < old[-1].number:
            self.broken(f"tail() has told {end.newest!r} after {old[-1].number}")

        young = await self.append(history, *"de")
        if not end.newest.number < young[0].number:
            self.broken(f"{young[0].number} has followed {end.newest!r}")
        self.same("since(its ID) has found", await self.since(history, end.newest.id), young)

    async def test_same_id_forgotten(self) -> None:
        """
        If the oldest of several with the same ID is forgotten, the ID raises
        `UnknownEventID`, or what follows the oldest that is kept is found.
        """
        history, _ = await self._forgetful("mine", *[None] * 7, "mine", None)
        found = await self.since(history, None)
        places = [place for place, one in enumerate(found) if one.id == "mine"]

        if places:
            await self._unknown_or(history, "mine", found[places[0] + 1 :])
        else:
            await self.refused(UnknownEventID, history.since, "mine", ALL, MANY)

    async def _forgetful(self, *ids: str | None) -> tuple[IHistoryProvider, list[Record]]:
        """
        A provider that has forgotten most of what it has been given.
        """
        bound = {"events": 5} if self.can("events") else {"bytes": 5 * len(_LARGE)}
        history = await self.started(**bound)
        batch = [publication(_LARGE, id=one) for one in ids or [None] * 12]
        return history, [kept for one in batch for kept in await self.append(history, one)]

    async def _let_expire(self) -> None:
        # A third more, because a store may count in whole seconds or less.
        await self.resolve(self.pass_time, self.lifetime * 4 / 3)

    async def _newest_of(self, history: IHistoryProvider, kept: list[Record], most: int) -> None:
        found = await self.since(history, None)
        if len(found) > most:
            self.broken(f"{len(found)} are kept, at most {most} may be")
        self.same("since(None) has found", found, kept[len(kept) - len(found) :])
        if not found:
            self.broken("nothing is kept, not even the newest")

    async def _unknown_or(
        self, history: IHistoryProvider, event_id: str, expected: list[Record]
    ) -> None:
        try:
            found = list(await self.resolve(history.since, event_id, ALL, MANY))
        except UnknownEventID:
            return
        self.same(f"since({event_id!r}) has found", found, expected)
