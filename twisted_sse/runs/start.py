"""
Routes that begin runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import update_wrapper
from types import MethodType
from typing import Any, Protocol

from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.events.preamble import Priming
from twisted_sse.events.runrecord import RunRecord
from twisted_sse.runs.resource import KnownRuns, RunResource
from twisted_sse.runs.run import Run
from twisted_sse.web.cors import CORS
from twisted_sse.web.dialects.dialect import Dialect
from twisted_sse.web.generators.source import Items
from twisted_sse.web.resource import Authorize

__all__ = ["BeginningRuns", "RunFunction", "RunRoute"]

#: The function of a route: it yields, or returns what is read, now or later.
RunFunction = Callable[..., Items | Awaitable[Items]]

_NAME = "run"


class BeginningRuns(KnownRuns, Protocol):
    """
    What a route needs of `Runs`.
    """

    async def begin(self, name: str, source: Items, *, user: str | None = None) -> Run:
        """
        Begin a run, or join it.
        """


class RunRoute:
    """
    The function of a route whose items are those of a run; made by `Runs.start`.

    Call it with the arguments of the function to get a resource for that request.
    """

    def __init__(
        self,
        runs: BeginningRuns,
        function: RunFunction,
        dialect: Dialect | None,
        authorize: Authorize | None,
        cors: CORS | None,
        priming: Priming,
    ) -> None:
        if not callable(function):
            raise TypeError(f"@runs.start decorates a function, not {function!r}")
        update_wrapper(self, function)
        self._signature = inspect.signature(function)
        if _NAME not in self._signature.parameters:
            raise TypeError(
                f"{function.__qualname__} has no argument 'run', the name of the run: write"
                " def answer(request, run)"
            )
        self._runs = runs
        self._function = function
        self._dialect = dialect
        self._authorize = authorize
        self._cors = cors
        self._priming: Priming = priming

    def __get__(self, instance: object, owner: object = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> RunResource:
        bound = self._signature.bind(*args, **kwargs)
        name = bound.arguments[_NAME]

        async def begin(request: Request, grant: Grant) -> RunRecord:
            source = self._function(*args, **kwargs)
            if isinstance(source, Awaitable):
                source = await source
            run = await self._runs.begin(name, source, user=grant.user)
            return run.record

        return RunResource(
            self._runs,
            name,
            dialect=self._dialect,
            authorize=self._authorize,
            cors=self._cors,
            priming=self._priming,
            begin=begin,
        )
