"""
A run over HTTP: ``GET`` follows it, ``DELETE`` cancels it, and ``POST`` begins it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import Forbidden, Unauthorized
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import Priming
from twisted_sse.events.runrecord import RunRecord
from twisted_sse.events.runstatus import RunStatus
from twisted_sse.hub import Hub
from twisted_sse.runs.reading import RunDialect, read_run
from twisted_sse.runs.requests import run_streams
from twisted_sse.topics import Exact
from twisted_sse.units import check_choice
from twisted_sse.web.auth import NOTHING
from twisted_sse.web.cors import CORS
from twisted_sse.web.csrf import OriginCheck
from twisted_sse.web.dialects.dialect import Dialect
from twisted_sse.web.generators.response import EventSourceResponse
from twisted_sse.web.problem import Problem
from twisted_sse.web.resource import Authorize, Handler, MethodResource, has_left

__all__ = ["BeginRun", "KnownRuns", "RunHandle", "RunResource"]

#: Begins the run of a resource, for a request and its grant, unless it has begun; returns what
#: history knows of it.
BeginRun = Callable[[Request, Grant], Awaitable[RunRecord]]


class RunHandle(Protocol):
    """
    What a resource does with a run.
    """

    def cancel(self) -> Awaitable[None]:
        """
        End the run, unless it has ended.
        """


class KnownRuns(Protocol):
    """
    What a resource needs of `Runs`.
    """

    @property
    def hub(self) -> Hub:
        """
        The hub that publishes what they yield.
        """

    def topic(self, name: str) -> str:
        """
        The topic of the run *name*.
        """

    async def get(self, name: str) -> RunHandle | None:
        """
        Find a run.
        """

    async def find(self, topic: str) -> RunRecord | None:
        """
        Find a run by its topic.
        """

    def status_of(self, record: RunRecord) -> RunStatus:
        """
        What a dialect is told of a run.
        """


class RunResource(MethodResource):
    """
    One run.

    ``GET`` follows it: after ``Last-Event-ID``, after ``?starting_after=``, or from its
    start.  A run that nobody knows is answered with 404, and one that was read to its end
    with 204.  ``DELETE`` cancels it, on whichever node it runs, and is answered with 204.

    Args:
        runs: The runs that it belongs to.

        name: The name of the run.

        dialect: What its readers expect beyond the format of event streams; ``None`` for
            the stream of the hub, with its shared encoding, as `EventSource` reads it.

        authorize: Returns the grant of a request: its ``subscribe`` has to cover the topic
            of the run for ``GET``, and its ``publish`` for the others.  Without it,
            everybody may do everything who can reach the resource.

        cors: The origins whose web pages may use it; by default none.

        priming: As for `Hub.resource`; by default, streams have no ``stream-open``.

        begin: Begins the run, for ``POST``, which is then answered like ``GET``.

    Raises:
        InvalidTopic: Nothing can be called *name*.
    """

    isLeaf = True

    def __init__(
        self,
        runs: KnownRuns,
        name: str,
        *,
        dialect: Dialect | None = None,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        priming: Priming = None,
        begin: BeginRun | None = None,
    ) -> None:
        check_choice("priming", priming, ("event", "block", None))
        self._runs = runs
        self._broker = runs.hub.broker
        self._name = name
        self._topic = runs.topic(name)
        self._dialect = dialect
        self._given = authorize
        self._authorize: Authorize = self._everything if authorize is None else authorize
        self._priming: Priming = priming
        self._begin = begin
        cors = CORS() if cors is None else cors
        self._origins_of_writers = OriginCheck(cors)
        handlers: dict[str, Handler] = {
            "GET": self._get,
            "HEAD": self._head,
            "DELETE": self._delete,
        }
        if begin is not None:
            handlers["POST"] = self._post
        super().__init__(handlers, self._authorize, cors, refusals=self._broker.refusals)

    def _everything(self, request: Request) -> Grant:
        own = [Exact(self._topic)]
        return Grant(subscribe=own, publish=own, public=True)

    def _get(self, request: Request, grant: Grant) -> Deferred[None]:
        return Deferred.fromCoroutine(self._find_and_follow(request, grant))

    def _head(self, request: Request, grant: Grant) -> Deferred[None]:
        return Deferred.fromCoroutine(self._find_and_follow(request, grant))

    def _post(self, request: Request, grant: Grant) -> Deferred[None]:
        self._check_writer(request, grant)
        return Deferred.fromCoroutine(self._begin_and_follow(request, grant))

    def _delete(self, request: Request, grant: Grant) -> Deferred[None]:
        self._check_writer(request, grant)
        return Deferred.fromCoroutine(self._cancel(request))

    def _check_writer(self, request: Request, grant: Grant) -> None:
        grant.check_time(self._broker.now())
        self._origins_of_writers.check(request)
        if not grant.may_publish([self._topic]):
            raise _refusal(grant, "begin or cancel")

    def _check_reader(self, record: RunRecord, grant: Grant) -> None:
        grant.check_time(self._broker.now())
        granted = grant.subscribe is not None and grant.subscribe.matches((self._topic,))
        if not granted and (record.private or not grant.public):
            raise _refusal(grant, "read")

    async def _cancel(self, request: Request) -> None:
        run = await self._runs.get(self._name)
        if run is None:
            raise self._unknown()
        await run.cancel()
        if not has_left(request):
            request.setResponseCode(204)
            request.setHeader("Cache-Control", "no-store")
            request.finish()

    async def _begin_and_follow(self, request: Request, grant: Grant) -> None:
        assert self._begin is not None
        await self._follow(await self._begin(request, grant), request, grant)

    async def _find_and_follow(self, request: Request, grant: Grant) -> None:
        record = await self._runs.find(self._topic)
        if record is None:
            raise self._unknown()
        await self._follow(record, request, grant)

    async def _follow(self, record: RunRecord, request: Request, grant: Grant) -> None:
        if has_left(request):
            return
        self._check_reader(record, grant)
        if self._dialect is None:
            await self._stream(record, request, grant)
        else:
            self._translate(record, self._dialect, request, grant)

    async def _stream(self, record: RunRecord, request: Request, grant: Grant) -> None:
        streams = run_streams(self._broker, record, self._authorize, self._priming)
        if request.method == b"HEAD":
            streams.head(request, grant)
        else:
            await streams.get(request, grant)

    def _translate(
        self, record: RunRecord, dialect: Dialect, request: Request, grant: Grant
    ) -> None:
        bound = RunDialect(dialect, self._runs.status_of(record))
        broker, reconnects = self._broker, dialect.reconnects
        response = EventSourceResponse(
            lambda request: self._source(bound, record, request, grant),
            methods=["GET", "POST"],
            dialect=bound,
            keepalive=broker.admission.keepalive,
            retry=broker.retry if reconnects else None,
            retry_spread=broker.retry_spread if reconnects else None,
            send_timeout=broker.admission.send_timeout.limit,
            cors=self._cors,
            hub=self._runs.hub,
        )
        response.render(request)

    def _source(
        self, dialect: RunDialect, record: RunRecord, request: Request, grant: Grant
    ) -> AsyncIterator[ServerSentEvent]:
        self._broker.admission.check_capacity(request.getClientAddress(), grant.user)
        find = partial(self._runs.find, self._topic)
        return read_run(self._broker, record, grant, request, dialect, find)

    def _unknown(self) -> Problem:
        return Problem(404, f"There is no run {self._name!r}: begin it first.")


def _refusal(grant: Grant, what: str) -> Exception:
    if grant is ANONYMOUS or grant is NOTHING:
        return Unauthorized("Send a token: Authorization: Bearer TOKEN.")
    return Forbidden(f"Your token does not allow you to {what} this run.")
