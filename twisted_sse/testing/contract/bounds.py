"""
The rules of bounds: what may be forgotten, and that a gap is never silent.
"""

from __future__ import annotations

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Record
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.case import ALL, MANY, ContractCase, needs, publication

__all__ = ["BoundRules"]

_KNOWN = {"events", "bytes", "age"}

# Within the bounds of `_forgetful`, at most five of these are kept.
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
            self.broken(
                f"the test class sets bounds = {self.bounds!r}; expected 'events', 'bytes' or both,"
                " and perhaps 'age'"
            )

    @needs("events")
    async def test_events(self) -> None:
        """
        At most ``events`` publications are kept: the newest, and all of them
        until there are more.
        """
        history = await self.started(events=20)
        records = await self.append(history, *map(str, range(20)))
        self.same("with events=20, since(None) returned", await self.since(history, None), records)

        for number in range(5):
            records += await self.append(history, *(f"{number} {one}" for one in range(10)))
            await self._newest_of(history, records, 20)

    @needs("events")
    async def test_events_of_batches(self) -> None:
        """
        `append` returns a record for each publication of a batch larger than
        the bound, and the newest are kept.
        """
        history = await self.started(events=5)
        batch = [str(number) for number in range(300)]
        records = await self.append(history, *batch)
        answered = [record.publication.event.data for record in records]
        self.same("append() returned", answered, batch)

        await self._newest_of(history, records, 5)

    @needs("bytes")
    async def test_bytes(self) -> None:
        """
        The publications that are kept take at most ``bytes``, counted in bytes
        and not in characters; the newest are kept.
        """
        # One byte or four in UTF-8 and in Python's own strings.
        for letter in "x", "😀":
            history = await self.started(bytes=200_000)
            data = letter * 9_000
            records = [record for _ in range(30) for record in await self.append(history, data)]
            await self._newest_of(history, records, 200_000 // len(data.encode()))

    @needs("age")
    async def test_age(self) -> None:
        """
        A publication as old as ``age`` is not returned any more, even if nothing
        is appended.
        """
        history = await self.started(age=self.lifetime)
        old = await self.append(history, *"abc")
        await self._let_expire()
        self.same("since(None) returned", await self.since(history, None), [])
        self.same("tail() returned", (await self.tail(history, MANY)).kept, [])

        young = await self.append(history, *"de")
        self.same("since(None) returned", await self.since(history, None), young)
        for record in old[:-1]:
            await self.refused(UnknownEventID, history.since, record.id, ALL, MANY)

    async def test_forgotten(self) -> None:
        """
        If a publication after the last event ID is no longer kept, the ID
        raises `UnknownEventID`: a gap is never silent.
        """
        history, records = await self._forgetful()
        first = len(records) - len(await self.since(history, None))
        if first == 0:
            self.broken(f"all {len(records)} publications are kept, expected at most 5")

        for record in records[: first - 1]:
            await self.refused(UnknownEventID, history.since, record.id, ALL, MANY)
        for record in records[: first - 1]:
            await self.refused(UnknownEventID, history.since, record.id, ALL, 1)

    async def test_right_before_oldest(self) -> None:
        """
        The ID right before the oldest record may be known or not; if it is,
        everything that is kept follows it.
        """
        history, records = await self._forgetful()
        found = await self.since(history, None)
        before = records[len(records) - len(found) - 1]

        await self._unknown_or(history, before.id, found)

    async def test_kept_is_found(self) -> None:
        """
        Records are still found by their IDs after older ones are forgotten.
        """
        history, records = await self._forgetful()
        found = await self.since(history, None)
        self.same("since(None) returned", found, records[len(records) - len(found) :])

        for index, record in enumerate(found):
            self.same("since() returned", await self.since(history, record.id), found[index + 1 :])

    async def test_tail_after_forgetting(self) -> None:
        """
        `Tail.before` has an ID that `since` accepts, even if everything before
        the tail is forgotten, and a number lower than those in the tail.
        """
        history, _ = await self._forgetful()
        records = await self.since(history, None)
        tail = await self.tail(history, MANY)
        self.same("tail() returned", tail.kept, records)

        if records and not tail.before.number < records[0].number:
            self.broken(
                f"tail() returned before={tail.before!r}; expected a number below"
                f" {records[0].number}"
            )
        self.same(
            "since(tail.before.id) returned", await self.since(history, tail.before.id), records
        )

    @needs("age")
    async def test_order_goes_on(self) -> None:
        """
        When everything is forgotten, the order still ends at the same position
        and continues from there: no number is used twice.
        """
        history = await self.started(age=self.lifetime)
        old = await self.append(history, "a", "b", publication("c", id="mine"))
        await self._let_expire()
        tail = await self.tail(history, 3)
        if tail.newest.number < old[-1].number:
            self.broken(
                f"tail() ends at {tail.newest!r}; expected at least the number {old[-1].number}"
            )

        young = await self.append(history, *"de")
        if not tail.newest.number < young[0].number:
            self.broken(
                f"the number {young[0].number} follows {tail.newest!r}; expected a greater one"
            )
        self.same(
            "since(tail.newest.id) returned", await self.since(history, tail.newest.id), young
        )

    async def test_same_id_forgotten(self) -> None:
        """
        If the oldest of several publications with one ID is forgotten, the ID
        raises `UnknownEventID`, or counts as that of the oldest that is kept.
        """
        history, _ = await self._forgetful("mine", *[None] * 7, "mine", None)
        found = await self.since(history, None)
        indexes = [index for index, record in enumerate(found) if record.id == "mine"]

        if indexes:
            await self._unknown_or(history, "mine", found[indexes[0] + 1 :])
        else:
            await self.refused(UnknownEventID, history.since, "mine", ALL, MANY)

    async def _forgetful(self, *ids: str | None) -> tuple[IHistoryProvider, list[Record]]:
        """
        Make a provider that has forgotten most of its publications.
        """
        bound = {"events": 5} if self.can("events") else {"bytes": 5 * len(_LARGE)}
        history = await self.started(**bound)
        batch = [publication(_LARGE, id=event_id) for event_id in ids or [None] * 12]
        return history, [record for each in batch for record in await self.append(history, each)]

    async def _let_expire(self) -> None:
        # A third more, because a store may round the age.
        await self.resolve(self.pass_time, self.lifetime * 4 / 3)

    async def _newest_of(self, history: IHistoryProvider, records: list[Record], most: int) -> None:
        found = await self.since(history, None)
        if len(found) > most:
            self.broken(f"{len(found)} publications are kept, expected at most {most}")
        self.same("since(None) returned", found, records[len(records) - len(found) :])
        if not found:
            self.broken("nothing is kept, expected the newest")

    async def _unknown_or(
        self, history: IHistoryProvider, event_id: str, expected: list[Record]
    ) -> None:
        try:
            found = list(await self.resolve(history.since, event_id, ALL, MANY))
        except UnknownEventID:
            return
        self.same(f"since({event_id!r}) returned", found, expected)
