"""
The rules for a store that is unavailable, a provider that is stopped, and a store
that is opened again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import IService

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.case import ALL, MANY, ContractCase, needs, publication

__all__ = ["AvailabilityRules", "LifecycleRules"]


class AvailabilityRules(ContractCase):
    """
    A store that is unavailable for a while.
    """

    @needs("interruptible")
    async def test_unavailable(self) -> None:
        """
        While the store is unavailable, every method raises `HistoryUnavailable`
        and nothing else, not even `UnknownEventID`.
        """
        history = await self.started()
        records = await self.append(history, *"abc")
        await self.resolve(self.interrupt, history)

        await self.refused(HistoryUnavailable, history.append, [publication("d")])
        for event_id in (None, records[0].id, records[-1].id, "nobody's"):
            await self.refused(HistoryUnavailable, history.since, event_id, ALL, MANY)
        await self.refused(HistoryUnavailable, history.tail, 1)
        await self.returned(history)

    @needs("interruptible")
    async def test_failed_append(self) -> None:
        """
        A batch for which `append` raised `HistoryUnavailable` is not kept, because
        its publishers are told to try again.
        """
        history = await self.started()
        records = await self.append(history, *"abc")
        await self.resolve(self.interrupt, history)
        for data in "de":
            await self.refused(HistoryUnavailable, history.append, [publication(data)])
        await self.returned(history)

        self.same("since(None) returned", await self.since(history, None), records)

    @needs("interruptible")
    async def test_available_again(self) -> None:
        """
        When the store is available again, the order continues and nothing is lost.
        """
        history = await self.started()
        records = await self.append(history, *"abc")
        await self.resolve(self.interrupt, history)
        await self.refused(HistoryUnavailable, history.append, [publication("d")])
        await self.returned(history)
        later = await self.append(history, *"ef")

        if not records[-1].number < later[0].number:
            self.broken(
                f"the number {later[0].number} follows {records[-1].number}; expected a greater one"
            )
        found = await self.since(history, records[0].id)
        self.same("since() returned", found, [*records[1:], *later])

    async def returned(self, history: IHistoryProvider) -> None:
        """
        Make the store available again, and wait until *history* has noticed.
        """
        await self.resolve(self.resume, history)
        await self.noticed(history)

    async def noticed(self, history: IHistoryProvider) -> None:
        """
        Wait until `tail` of *history* succeeds.
        """
        error: list[HistoryUnavailable] = []

        async def finds() -> bool:
            try:
                await self.resolve(history.tail, 1)
            except HistoryUnavailable as raised:
                error[:] = [raised]
                return False
            return True

        await self.eventually(finds, lambda: f"tail() still raises {error!r}")


class LifecycleRules(ContractCase):
    """
    A provider that is an `IService` is started before the hub uses it and
    stopped afterwards; a durable store outlives it.
    """

    async def test_stop_answers(self) -> None:
        """
        Every call made before the provider is stopped returns a result, or raises
        `HistoryUnavailable`.
        """
        history = await self.started()
        batch = [publication(str(number)) for number in range(50)]
        calls: list[tuple[Callable[..., Any], tuple[object, ...]]] = [
            (history.append, (batch,)),
            (history.since, (None, ALL, MANY)),
            (history.tail, (1,)),
        ]
        answers = [self.begin(self._answered(call, *arguments)) for call, arguments in calls]
        await self.stop(history)

        await self.answers(answers)

    @needs("durable")
    async def test_stop_finishes(self) -> None:
        """
        A batch whose `append` returns is kept, even if the provider is stopped
        during the call.
        """
        history = await self.started()
        appending = self.begin(self._answered(history.append, [publication("a")]))
        history = await self.reopened(history)
        records = list(await appending or [])

        found = await self.since(history, None)
        if records:
            self.same("since(None) returned", found, records)

    @needs("durable")
    async def test_start_again(self) -> None:
        """
        A service that was stopped can be started again, and continues the order.
        """
        history = await self.started()
        records = await self.append(history, *"abc")
        await self.stop(history)
        service = IService(history, None)
        if service is not None:
            await self.resolve(service.startService)
        records += await self.append(history, *"de")

        self.same("since(None) returned", await self.since(history, None), records)

    @needs("durable")
    async def test_reopened(self) -> None:
        """
        After a durable store is opened again, everything is kept unchanged.
        """
        history = await self.started()
        records = await self.append(history, *"abc", publication("d", "b", "a", id="mine"))
        history = await self.reopened(history)

        self.same("since(None) returned", await self.since(history, None), records)
        self.same("tail() returned", (await self.tail(history, 2)).kept, records[-2:])

    @needs("durable")
    async def test_ids_after_reopening(self) -> None:
        """
        After a durable store is opened again, earlier IDs are still known,
        publishers' IDs included, and `since` returns everything that follows.
        """
        history = await self.started()
        records = await self.append(history, *"ab", publication("c", id="mine"))
        for data in "de":
            history = await self.reopened(history)
            records += await self.append(history, data)

        for index, record in enumerate(records):
            found = await self.since(history, record.id)
            self.same(f"since({record.id!r}) returned", found, records[index + 1 :])

    @needs("durable")
    async def test_order_after_reopening(self) -> None:
        """
        Numbers still grow and IDs are still unique after a durable store is opened
        again.
        """
        history = await self.started()
        records = await self.append(history, *"abc")
        for batch in ("de", "f", "gh"):
            history = await self.reopened(history)
            more = await self.append(history, *batch)
            if not records[-1].number < more[0].number:
                self.broken(
                    f"after reopening, the number {more[0].number} follows {records[-1].number};"
                    " expected a greater one"
                )
            records += more

        ids = [record.id for record in records]
        if len(set(ids)) != len(ids):
            self.broken(f"not all of these IDs are different: {ids!r}")

    @needs("durable")
    async def test_beginning_after_reopening(self) -> None:
        """
        After a durable store is opened again, `since` still accepts the ID of the
        position before the first record, until that record is forgotten.
        """
        history = await self.started()
        tail = await self.tail(history, 1)
        records = await self.append(history, *"ab")
        history = await self.reopened(history)

        self.same(
            "since(tail.before.id) returned", await self.since(history, tail.before.id), records
        )

    def _answered(self, method: Callable[..., Any], *arguments: Any) -> Any:
        async def answer() -> Any:
            try:
                return await self.resolve(method, *arguments)
            except HistoryUnavailable:
                return None
            except self.failureException:
                raise
            except Exception as error:
                self.broken(f"{method.__name__}() raised {error!r}")

        return answer
