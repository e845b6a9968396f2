"""
The rules of coming and going: a store that is away, a provider that stops, and
the next life of a store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import IService

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.case import ALL, MANY, ContractCase, needs, publication

__all__ = ["AvailabilityRules", "LifeRules"]


class AvailabilityRules(ContractCase):
    """
    A store that is away for a while.
    """

    @needs("interruptible")
    async def test_unavailable(self) -> None:
        """
        While the store is away everything raises `HistoryUnavailable`, and
        nothing else; an ID is not unknown because it cannot be looked up.
        """
        history = await self.started()
        kept = await self.append(history, *"abc")
        await self.resolve(self.interrupt, history)

        await self.refused(HistoryUnavailable, history.append, [publication("d")])
        for event_id in (None, kept[0].id, kept[-1].id, "nobody's"):
            await self.refused(HistoryUnavailable, history.since, event_id, ALL, MANY)
        await self.refused(HistoryUnavailable, history.tail, 1)
        await self.returned(history)

    @needs("interruptible")
    async def test_failed_append(self) -> None:
        """
        What raised `HistoryUnavailable` is not kept, because the publishers are
        told to try again.
        """
        history = await self.started()
        kept = await self.append(history, *"abc")
        await self.resolve(self.interrupt, history)
        for data in "de":
            await self.refused(HistoryUnavailable, history.append, [publication(data)])
        await self.returned(history)

        self.same("since(None) has found", await self.since(history, None), kept)

    @needs("interruptible")
    async def test_available_again(self) -> None:
        """
        When the store is back the order goes on, and nothing is lost.
        """
        history = await self.started()
        kept = await self.append(history, *"abc")
        await self.resolve(self.interrupt, history)
        await self.refused(HistoryUnavailable, history.append, [publication("d")])
        await self.returned(history)
        later = await self.append(history, *"ef")

        if not kept[-1].number < later[0].number:
            self.broken(f"{later[0].number} has followed {kept[-1].number}")
        found = await self.since(history, kept[0].id)
        self.same("since() has found", found, [*kept[1:], *later])

    async def returned(self, history: IHistoryProvider) -> None:
        """
        Let the store be there again, and wait until *history* has noticed.
        """
        await self.resolve(self.resume, history)
        await self.noticed(history)

    async def noticed(self, history: IHistoryProvider) -> None:
        """
        Wait until *history* finds its store.
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


class LifeRules(ContractCase):
    """
    A provider that is an `IService` is started before the hub uses it and
    stopped after; a store that is durable outlives it.
    """

    async def test_stop_answers(self) -> None:
        """
        Stopping leaves nobody without an answer: what has been given before is
        kept, or raises `HistoryUnavailable`.
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
        What `append` has answered is kept, also if the provider was stopped
        before it did.
        """
        history = await self.started()
        appending = self.begin(self._answered(history.append, [publication("a")]))
        history = await self.reopened(history)
        kept = list(await appending or [])

        found = await self.since(history, None)
        if kept:
            self.same("since(None) has found", found, kept)

    @needs("durable")
    async def test_start_again(self) -> None:
        """
        A service that was stopped can be started again, and goes on.
        """
        history = await self.started()
        kept = await self.append(history, *"abc")
        await self.stop(history)
        service = IService(history, None)
        if service is not None:
            await self.resolve(service.startService)
        kept += await self.append(history, *"de")

        self.same("since(None) has found", await self.since(history, None), kept)

    @needs("durable")
    async def test_next_life(self) -> None:
        """
        A store that is durable has everything in its next life that was kept,
        as it was.
        """
        history = await self.started()
        kept = await self.append(history, *"abc", publication("d", "b", "a", id="mine"))
        history = await self.reopened(history)

        self.same("since(None) has found", await self.since(history, None), kept)
        self.same("tail() has told", (await self.tail(history, 2)).kept, kept[-2:])

    @needs("durable")
    async def test_ids_of_earlier_lives(self) -> None:
        """
        An ID of an earlier life of the store is known, a publisher's as well,
        and what follows it goes on over all lives.
        """
        history = await self.started()
        kept = await self.append(history, *"ab", publication("c", id="mine"))
        for life in "de":
            history = await self.reopened(history)
            kept += await self.append(history, life)

        for place, one in enumerate(kept):
            found = await self.since(history, one.id)
            self.same(f"since({one.id!r}) has found", found, kept[place + 1 :])

    @needs("durable")
    async def test_one_order_of_all_lives(self) -> None:
        """
        Numbers grow and IDs are unique over all lives of the store.
        """
        history = await self.started()
        kept = await self.append(history, *"abc")
        for life in ("de", "f", "gh"):
            history = await self.reopened(history)
            more = await self.append(history, *life)
            if not kept[-1].number < more[0].number:
                self.broken(f"{more[0].number} has followed {kept[-1].number} in the next life")
            kept += more

        ids = [one.id for one in kept]
        if len(set(ids)) != len(ids):
            self.broken(f"these have been given: {ids!r}")

    @needs("durable")
    async def test_beginning_of_earlier_life(self) -> None:
        """
        The ID of the position before the first is accepted in the next life
        too, until the first is forgotten.
        """
        history = await self.started()
        end = await self.tail(history, 1)
        kept = await self.append(history, *"ab")
        history = await self.reopened(history)

        self.same("since(its ID) has found", await self.since(history, end.before.id), kept)

    def _answered(self, method: Callable[..., Any], *arguments: Any) -> Any:
        async def answer() -> Any:
            try:
                return await self.resolve(method, *arguments)
            except HistoryUnavailable:
                return None
            except self.failureException:
                raise
            except Exception as error:
                self.broken(f"{method.__name__}() has raised {error!r}")

        return answer
