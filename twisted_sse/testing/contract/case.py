"""
What the tests of all rules share: how they make and call a provider, and how they fail.

A provider may return a value, a Deferred or a coroutine.  Here all of them are
awaited, each with the timeout of `Hooks.patience`.
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
from zope.interface import Interface

from twisted_sse.clock import GlobalClock
from twisted_sse.errors import TwistedSSEError
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.hooks import Hooks
from twisted_sse.testing.contract.wording import describe, describe_call, first_difference
from twisted_sse.topics import Selection

# The rules are mixins for a TestCase: test runners would collect test cases
# wherever they are imported.
if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as _TestCase
else:
    _TestCase = object

__all__ = ["ALL", "MANY", "ContractCase", "needs", "provides", "publication"]

#: Selects every publication.
ALL = Selection.of(["*"])

#: A limit that no test reaches.
MANY = 1 << 20

# Between two calls of a probe, in seconds.
_STEP = 0.02

Case = TypeVar("Case", bound="ContractCase")


class ContractCase(Hooks, _TestCase):
    """
    Base of the tests.  Each test checks one rule; its docstring states the
    rule, and every failure begins with it.
    """

    def __init_subclass__(cls) -> None:
        """
        Raises:
            TypeError: The class is not a `twisted.trial.unittest.TestCase`.
                These tests are coroutines that wait for Deferreds, and other
                test cases would pass them without running them.
        """
        super().__init_subclass__()
        if issubclass(cls, unittest.TestCase):
            from twisted.trial.unittest import TestCase

            if not issubclass(cls, TestCase):
                raise TypeError(f"{cls.__name__} must be a twisted.trial.unittest.TestCase.")

    async def started(self, **bounds: float) -> IHistoryProvider:
        """
        Make an empty provider, start it, and stop it after the test.
        """
        return await self.start(await self.resolve(self.make_history, **bounds))

    async def start(self, history: IHistoryProvider) -> IHistoryProvider:
        """
        Start *history*, if it is a service, and stop it after the test.
        """
        service = IService(history, None)
        if service is not None:
            await self.resolve(service.startService)
            self.addCleanup(self.stop, history)
        return history

    async def stop(self, history: IHistoryProvider) -> None:
        """
        Stop *history*, if it is a running service.
        """
        service = IService(history, None)
        if service is not None and service.running:
            await self.resolve(service.stopService)

    async def reopened(self, history: IHistoryProvider) -> IHistoryProvider:
        """
        Stop *history*, and start another provider on its store.
        """
        await self.stop(history)
        return await self.start(await self.resolve(self.reopen, history))

    async def append(
        self, history: IHistoryProvider, *publications: Publication | str
    ) -> list[Record]:
        """
        Append a batch; a string stands for a publication with that data.
        """
        batch = [publication(one) if isinstance(one, str) else one for one in publications]
        records = list(await self.expect(history.append, batch))
        self.same("append() returned this many records", len(records), len(batch))
        return records

    async def since(
        self,
        history: IHistoryProvider,
        last_event_id: str | None,
        limit: int = MANY,
        topics: Selection = ALL,
    ) -> list[Record]:
        """
        Call `since` with an ID that must be known.
        """
        return list(await self.expect(history.since, last_event_id, topics, limit))

    async def tail(self, history: IHistoryProvider, limit: int) -> Tail:
        """
        Call `tail`, and make a list of its records.
        """
        tail: Tail = await self.expect(history.tail, limit)
        return Tail(tail.before, list(tail.kept))

    async def expect(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """
        Call *method* and wait for its result, which must not be an error.
        """
        try:
            return await self.resolve(method, *arguments)
        except TwistedSSEError as error:
            self.broken(f"{describe_call(method, arguments)} raised {error!r}; expected no error")

    async def resolve(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """
        Call *method* and wait for its result, at most `patience` seconds.
        """

        def on_timeout(_: object, patience: float) -> NoReturn:
            self.broken(
                f"{describe_call(method, arguments)} did not return within {patience} seconds"
            )

        result: Deferred[Any] = maybeDeferred(method, *arguments, **named)
        return await result.addTimeout(self.patience, GlobalClock(), on_timeout)

    def begin(self, method: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """
        Call *method* without waiting for its result; the test awaits it with
        `answers`.
        """
        return Deferred.fromCoroutine(self.expect(method, *arguments))

    async def answers(self, asked: Sequence[Deferred[Any]]) -> list[Any]:
        """
        Wait for all calls that `begin` made, even if one of them fails.
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
        Check that *method* raises *error* and nothing else.
        """
        try:
            answer = await self.resolve(method, *arguments)
        except error:
            return
        except self.failureException:
            raise
        except Exception as other:
            self.broken(
                f"{describe_call(method, arguments)} raised {other!r} instead of {error.__name__}"
            )
        seen = f"{describe_call(method, arguments)} returned {describe(answer)}"
        self.broken(f"{seen} instead of raising {error.__name__}")

    async def turn(self) -> None:
        """
        Let the reactor run once.
        """
        await deferLater(GlobalClock(), 0)

    async def eventually(self, probe: Callable[[], Any], seen: Callable[[], str]) -> None:
        """
        Wait until *probe* returns true, at most `patience` seconds.

        Args:
            seen: Returns what was seen instead, for the failure.
        """
        clock = GlobalClock()
        deadline = clock.seconds() + self.patience
        while not await self.resolve(probe):
            if clock.seconds() > deadline:
                self.broken(f"after {self.patience} seconds, {seen()}")
            await deferLater(clock, _STEP)

    def same(self, seen: str, found: Any, expected: Any) -> None:
        """
        Check that *found* equals *expected*.

        Args:
            seen: The beginning of a sentence that ends with *found*, such as
                "since(None) returned".
        """
        if found != expected:
            both = f"{describe(found)}\nExpected:\n{describe(expected)}"
            self.broken(f"{seen}:\n{both}{first_difference(found, expected)}")

    def broken(self, seen: str) -> NoReturn:
        """
        Fail with the rule of this test, and with what was seen.
        """
        rule = cleandoc(getattr(self, self._testMethodName).__doc__)
        raise self.failureException(f"{rule}\nBut {seen}")


def needs(
    ability: str,
) -> Callable[
    [Callable[[Case], Awaitable[None]]], Callable[[Case], Coroutine[Deferred[Any], Any, None]]
]:
    """
    Make a test pass at once if its provider cannot do this.

    Args:
        ability: The name of a bound, or of an attribute of `Hooks`.
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


def provides(
    interface: type[Interface], **bounds: float
) -> Callable[
    [Callable[[Case, Any], Awaitable[None]]], Callable[[Case], Coroutine[Deferred[Any], Any, None]]
]:
    """
    Start a provider and pass it to a test, or make the test pass at once if it does not
    provide an optional interface.

    Args:
        bounds: See `Hooks.make_history`.
    """

    def decorate(
        test: Callable[[Case, Any], Awaitable[None]],
    ) -> Callable[[Case], Coroutine[Deferred[Any], Any, None]]:
        # Not `wraps`: pytest would look for a fixture with the name of the argument.
        async def run(case: Case) -> None:
            history = await case.started(**bounds)
            if interface(history, None) is not None:
                await test(case, history)

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate


def publication(data: str, *topics: str, id: str | None = None) -> Publication:
    """
    Make a publication; the default topic is ``a``.
    """
    return Publication(topics or ("a",), ServerSentEvent(data, id=id))
