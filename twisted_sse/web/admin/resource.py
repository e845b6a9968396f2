"""
The tree of resources by which a hub is seen from outside.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.web.admin.access import AdminAccess
from twisted_sse.web.admin.answers import answer_json, answer_text, guarded
from twisted_sse.web.admin.connections import ConnectionsResource, TopicsResource
from twisted_sse.web.admin.exposition import check_prometheus, expose
from twisted_sse.web.admin.processes import Processes, whole_sample
from twisted_sse.web.admin.runs import RunsResource
from twisted_sse.web.admin.sample import build_info
from twisted_sse.web.admin.stats import Stats
from twisted_sse.web.cors import CORS
from twisted_sse.web.events import EventsResource
from twisted_sse.web.generators.response import EventSourceResponse, ResponseOwner
from twisted_sse.web.health import Ready
from twisted_sse.web.notfound import NotFound
from twisted_sse.web.problem import Problem
from twisted_sse.web.resource import Authorize, MethodResource
from twisted_sse.web.staticfiles import StaticFile

__all__ = ["AdminResource"]

_STATIC = Path(__file__).parent / "static"


class AdminResource(NotFound):
    """
    Serves ``/dashboard``, ``/status``, ``/connections``, ``/topics``, ``/runs``, ``/metrics``
    and ``/stats`` of a hub, and its ``/events`` to watch and publish.

    Args:
        authorize: Returns the grant of a request, which must be to read and publish
            everything.  ``None`` admits every program of this machine: only for a
            loopback address, or a UNIX socket.

        owner: The hub that the stream of numbers ends with.
    """

    def __init__(
        self, processes: Processes, authorize: Authorize | None, owner: ResponseOwner
    ) -> None:
        super().__init__()
        access = AdminAccess(authorize, processes.broker.now)
        self.putChild(b"status", _StatusResource(processes, access))
        self.putChild(b"readyz", guarded(Ready(processes.examine, reasons=True), access))
        self.putChild(b"connections", ConnectionsResource(processes, access))
        self.putChild(b"topics", TopicsResource(processes, access))
        self.putChild(b"runs", RunsResource(processes, access))
        self.putChild(b"dashboard", guarded(StaticFile(_STATIC / "dashboard.html"), access))
        files = NotFound()
        for path in _STATIC.iterdir():
            files.putChild(path.name.encode("ascii"), guarded(StaticFile(path), access))
        self.putChild(b"static", files)
        stats = EventSourceResponse(Stats(processes, access).follow, retry=1000, hub=owner)
        self.putChild(b"stats", guarded(stats, access))
        self.putChild(b"metrics", _MetricsResource(processes, access))
        self.putChild(
            b"events", EventsResource(processes.broker, authorize=access, submit=processes.submit)
        )

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`.
        """
        return self if path == b"" else NotFound()

    def render(self, request: Request) -> int:
        """
        See `twisted.web.resource.IResource.render`: shows the dashboard.
        """
        # Relative, because a proxy may serve this at another path.
        last = request.prepath[-1] if request.prepath else b""
        request.setResponseCode(303)
        request.setHeader("Location", f"{quote(last)}/dashboard" if last else "dashboard")
        request.setHeader("Content-Length", "0")
        request.finish()
        return NOT_DONE_YET


class _StatusResource(MethodResource):
    """
    ``GET`` tells what runs here, and how it is.
    """

    def __init__(self, processes: Processes, authorize: Authorize) -> None:
        super().__init__({"GET": self._get, "HEAD": self._get}, authorize, CORS())
        self._processes = processes
        self._since = processes.broker.now()

    def _get(self, request: Request, grant: Grant) -> Deferred[None]:
        return Deferred.fromCoroutine(self._answer(request))

    async def _answer(self, request: Request) -> None:
        processes = self._processes
        faults = await processes.examine()
        sample = await whole_sample(processes)
        since = datetime.fromtimestamp(self._since, UTC)
        answer_json(
            request,
            {
                **build_info(),
                "ready": not faults,
                "problems": [{"part": one.part, "reason": one.reason} for one in faults],
                "since": since.isoformat(timespec="seconds").replace("+00:00", "Z"),
                "uptime": round(processes.broker.now() - self._since, 1),
                "processes": sample.get("processes", 0),
                "connections": sample.get("connections", {}),
                "published": sample.get("events_published", 0),
                "delivered": sample.get("events_delivered", 0),
                "history": {
                    # Not its repr, which may contain a password.
                    "kind": type(processes.broker.history).__name__,
                    "events": sample.get("history_events"),
                    "bytes": sample.get("history_bytes"),
                    "newest": processes.broker.position.id,
                },
            },
        )


class _MetricsResource(MethodResource):
    """
    ``GET`` tells every metric to Prometheus.
    """

    def __init__(self, processes: Processes, authorize: Authorize) -> None:
        super().__init__({"GET": self._get, "HEAD": self._get}, authorize, CORS())
        self._processes = processes
        # Before anybody waits for it.
        with suppress(ModuleNotFoundError):
            check_prometheus()

    def _get(self, request: Request, grant: Grant) -> Deferred[None]:
        return Deferred.fromCoroutine(self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            check_prometheus()
        except ModuleNotFoundError as error:
            raise Problem(501, f"{error}.") from None
        accept = request.getHeader(b"Accept") or b""
        sample = await whole_sample(self._processes)
        answer_text(request, *expose(sample, accept.decode("latin-1")))
