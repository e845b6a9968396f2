"""
What the tests of all rules share: how they get a provider, ask it, and complain.

A provider may answer at once, by a Deferred or by a coroutine; here all are
awaited, and none longer than the case's patience.
"""

from __future__ import annotations

import unittest
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import wraps
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from twisted.application.service import IService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.task import deferLater

from twisted_sse.clock import GlobalClock
from twisted_sse.errors import TwistedSSEError
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.hooks import Hooks
from twisted_sse.testing.contract.wording import brief, written_call
from twisted_sse.topics import Selection

# The rules are mixed into a TestCase by whoever inherits them; if they were
# test cases themselves, test runners would collect them where they are imported.
if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as _TestCase
else:
    _TestCase = object

__all__ = ["ALL", "MANY", "ContractCase", "needs", "publication"]

#: Selects every publication.
ALL = Selection.of(["*"])

#: A limit that nothing in these tests reaches.
MANY = 1 << 20

# Between two looks at what cannot tell that it has happened, in seconds.
_STEP = 0.02

Case = TypeVar("Case", bound="ContractCase")


class ContractCase(Hooks, _TestCase):
    """
    A test of one rule: its docstring is the rule, and the beginning of every
    failure.
    """

    def __init_subclass__(cls) -> None:
        """
        Raises:
            TypeError: These tests are coroutines that wait for Deferreds, and
                other test cases would let them pass without running them.
        """
        super().__init_subclass__()
        if issubclass(cls, unittest.TestCase):
            from twisted.trial.unittest import TestCase

            if not issubclass(cls, TestCase):
                raise TypeError(f"{cls.__name__} has to be a twisted.trial.unittest.TestCase.")

    async def started(self, **bounds: float) -> IHistoryProvider:
        """
        An empty provider that has been started and is stopped with the test.
        """
        return await self.start(await self.resolve(self.make_history, **bounds))

    async def start(self, history: IHistoryProvider) -> IHistoryProvider:
        """
        Start *history*, if it is a service, and stop it with the test.
        """
        service = IService(history, None)
        if service is not None:
            await self.resolve(service.startService)
            self.addCleanup(self.stop, history)
        return history

    async def stop(self, history: IHistoryProvider) -> None:
        """
        Stop *history*, if it is a service and runs.
        """
        service = IService(history, None)
        if service is not None and service.running:
            await self.resolve(service.stopService)

    async def reopened(self, history: IHistoryProvider) -> IHistoryProvider:
        """
        The next life of the store of *history*, whose life ends.
        """
        await self.stop(history)
        return await self.start(await self.resolve(self.reopen, history))

    async def append(
        self, history: IHistoryProvider, *publications: Publication | str
    ) -> list[Record]:
        """
        Append a batch; a text stands for a publication with that data.
        """
        batch = [publication(one) if isinstance(one, str) else one for one in publications]
        kept = list(await self.expect(history.append, batch))
        self.same("append() has answered so many", len(kept), len(batch))
        return kept

    async def since(
        self,
        history: IHistoryProvider,
        last_event_id: str | None,
        limit: int = MANY,
        topics: Selection = ALL,
    ) -> list[Record]:
        """
        What follows an ID that has to be known.
        """
        return list(await self.expect(history.since, last_event_id, topics, limit))

    async def tail(self, history: IHistoryProvider, limit: int) -> Tail:
        """
        The end of the order, with a list in it.
        """
        end: Tail = await self.expect(history.tail, limit)
        return Tail(end.before, list(end.kept))

    async def expect(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """
        Call *method* and wait for its answer, which has to be no failure.
        """
        try:
            return await self.resolve(method, *arguments)
        except TwistedSSEError as error:
            self.broken(f"{written_call(method, arguments)} has raised {error!r}")

    async def resolve(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """
        Call *method* and wait for its answer, but not longer than `patience`.
        """

        def give_up(_: object, patience: float) -> NoReturn:
            self.broken(f"{written_call(method, arguments)} has not answered in {patience} seconds")

        answer: Deferred[Any] = maybeDeferred(method, *arguments, **named)
        return await answer.addTimeout(self.patience, GlobalClock(), give_up)

    def begin(self, method: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """
        Call *method*, and let the test go on before it has answered; it then
        asks for the `answers`.
        """
        return Deferred.fromCoroutine(self.expect(method, *arguments))

    async def answers(self, asked: Sequence[Deferred[Any]]) -> list[Any]:
        """
        Wait for all that `begin` has called, also if one of them fails.
        """
        answers = await DeferredList(asked, consumeErrors=True)
        for succeeded, failure in answers:
            if not succeeded:
                failure.raiseException()
        return [answer for _, answer in answers]

    async def refused(
        self, error: type[Exception], method: Callable[..., Any], *arguments: Any
    ) -> None:
        """
        Have *method* raise *error* and nothing else.
        """
        try:
            answer = await self.resolve(method, *arguments)
        except error:
            return
        except self.failureException:
            raise
        except Exception as other:
            self.broken(
                f"{written_call(method, arguments)} has raised {other!r}, not {error.__name__}"
            )
        seen = f"{written_call(method, arguments)} has answered {brief(answer)}"
        self.broken(f"{seen}, and not raised {error.__name__}")

    async def turn(self) -> None:
        """
        Let the reactor do something else.
        """
        await deferLater(GlobalClock(), 0)

    async def eventually(self, probe: Callable[[], Any], seen: Callable[[], str]) -> None:
        """
        Wait until *probe* says yes, but not longer than `patience`.

        Args:
            seen: Tells what is there instead, for the failure.
        """
        clock = GlobalClock()
        deadline = clock.seconds() + self.patience
        while not await self.resolve(probe):
            if clock.seconds() > deadline:
                self.broken(f"after {self.patience} seconds {seen()}")
            await deferLater(clock, _STEP)

    def same(self, seen: str, found: Any, expected: Any) -> None:
        """
        Have *found* be equal to *expected*.

        Args:
            seen: Half a sentence that says where it was found.
        """
        if found != expected:
            self.broken(f"{seen}:\n{brief(found)}\nexpected:\n{brief(expected)}")

    def broken(self, seen: str) -> NoReturn:
        """
        Fail: tell the rule that this test is about, and what was seen instead.
        """
        rule = cleandoc(getattr(self, self._testMethodName).__doc__)
        raise self.failureException(f"{rule}\nBut {seen}")


def needs(
    ability: str,
) -> Callable[
    [Callable[[Case], Awaitable[None]]], Callable[[Case], Coroutine[Deferred[Any], Any, None]]
]:
    """
    Let a test pass at once in a class that says that its provider cannot do this.

    Args:
        ability: A bound, or an attribute of `Hooks`.
    """

    def decorate(
        test: Callable[[Case], Awaitable[None]],
    ) -> Callable[[Case], Coroutine[Deferred[Any], Any, None]]:
        @wraps(test)
        async def run(case: Case) -> None:
            if case.can(ability):
                await test(case)

        return run

    return decorate


def publication(data: str, *topics: str, id: str | None = None) -> Publication:
    """
    What a publisher gives, to the topic ``a`` if it does not say where.
    """
    return Publication(topics or ("a",), ServerSentEvent(data, id=id))
