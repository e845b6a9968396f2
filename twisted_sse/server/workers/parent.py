"""
Builds the parent of workers: it listens, keeps the history if that is not shared, and
watches the workers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorProcess

from twisted_sse.interfaces import IPresenceStore, ISharedHistoryProvider
from twisted_sse.server.admin import admin_endpoint
from twisted_sse.server.build import Server, make_server
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import Given, InvalidOption
from twisted_sse.server.demo import publish_demo
from twisted_sse.server.process import GarbageCollection, MonotonicTimers, StopSignals
from twisted_sse.server.reload import Reloadable, ReloadSignal
from twisted_sse.server.role import MakeEndpoint, Role, fresh_endpoint
from twisted_sse.server.systemd import Notifier
from twisted_sse.server.takeover.holder import holder
from twisted_sse.server.workers.allworkers import AllWorkers
from twisted_sse.server.workers.assignment import FROM_WORKER, TO_WORKER, Assignment
from twisted_sse.server.workers.calls import AnswerCall
from twisted_sse.server.workers.hubwide import HubWide
from twisted_sse.server.workers.origin import Origin
from twisted_sse.server.workers.recordstream import RecordStream
from twisted_sse.server.workers.supervisor import Supervisor
from twisted_sse.server.workers.workerprocess import WorkerProcess

__all__ = ["Parent", "make_parent"]

# A worker reads events of up to 16 MiB from the parent; see `MOST_EVENT` of edges.  A
# body becomes a little larger there.
_MOST_BODY = 15 * 1024 * 1024


class Parent(MultiService):
    """
    Services of which each stops when the later ones have stopped: first nobody is
    accepted any more, then the workers end, then history is closed.

    Attributes:
        supervisor: Watches the workers.
    """

    supervisor: Supervisor

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for service in reversed(list(self)):
            await maybeDeferred(service.stopService)


def make_parent(
    config: Config,
    given: Mapping[str, Given],
    reactor: Any,
    endpoint: MakeEndpoint = fresh_endpoint,
) -> Parent:
    """
    Build the services of the first process.

    Args:
        given: What *config* was made from.

        endpoint: See `Role`.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    if IReactorProcess(reactor, None) is None:
        raise InvalidOption("workers", "this reactor starts no processes: use another --reactor")
    role = Role(endpoint=endpoint, accepts=False, leads=False, demo=False)
    # Everything is checked as for one process; of its services, the parent uses some.
    server = make_server(config, reactor, role)
    shared = ISharedHistoryProvider(config.history, None) is not None
    max_body = _MOST_BODY + 1 if config.max_body is None else config.max_body
    if not shared and max_body > _MOST_BODY:
        raise InvalidOption(
            "max-body",
            "with --workers and a history that is not shared it is at most 15MiB: write a smaller "
            "one, or use --history redis",
        )
    if config.presence and IPresenceStore(config.history, None) is None:
        raise InvalidOption(
            "presence",
            "with --workers it needs a history that shares it: use --history redis or postgresql",
        )
    origin = None if shared else Origin(config.history, max_body, reactor)
    if origin is not None and config.demo:
        publish_demo(origin.hub)
    hub_wide = HubWide(None if origin is None else origin.hub.broker, reactor)
    spawn = _Spawn(config, given, role.token, server, origin, hub_wide, reactor)
    supervisor = Supervisor(config.workers, spawn, hub_wide, config.grace, reactor)
    reloads: dict[str, Reloadable] = {}
    if server.reloads:
        reloads[f"{' and '.join(server.reloads)} in all workers"] = supervisor
    parent = Parent()
    parent.supervisor = supervisor
    parent.addService(MonotonicTimers(reactor))
    if origin is not None:
        parent.addService(origin)
    parent.addService(supervisor)
    for one in server.served:
        one.endpoint.disownServiceParent()
        parent.addService(one.endpoint)
    endpoints = [one.endpoint for one in server.served]
    hub = server.hub if origin is None else origin.hub
    workers = AllWorkers(hub_wide, hub.broker, config.workers, counts_published=origin is not None)
    admin = admin_endpoint(config, workers, hub, reactor, endpoint)
    if admin is not None:
        endpoints.append(admin)
    if config.takeover is not None:
        parent.addService(holder(config, endpoints, supervisor, reactor))
    parent.addService(GarbageCollection())
    notifier = Notifier(lambda: hub_wide.connections, os.environ, reactor)
    parent.addService(notifier)
    parent.addService(ReloadSignal(reactor, lambda: reloads, notifier.reloading, server.fixed))
    parent.addService(
        StopSignals(
            reactor,
            leave=partial(_leave, supervisor, notifier),
            abort=supervisor.abort,
            delay=config.drain_delay,
        )
    )
    parent.addService(server.banner)
    if admin is not None:
        parent.addService(admin)
    return parent


def _leave(supervisor: Supervisor, notifier: Notifier) -> None:
    supervisor.leave()
    notifier.stopping()


class _Spawn:
    """
    Starts the process of a worker, given its number.
    """

    def __init__(
        self,
        config: Config,
        given: Mapping[str, Given],
        token: str,
        server: Server,
        origin: Origin | None,
        hub_wide: HubWide,
        reactor: Any,
    ) -> None:
        self._config = config
        # A worker would refuse a file that another process uses.
        own = {"history"} if origin is not None else set()
        self._given = {name: one for name, one in given.items() if name not in own}
        self._token = token
        self._server = server
        self._origin = origin
        self._hub_wide = hub_wide
        self._reactor = reactor
        # Paths in the configuration are relative to it, and twistd may change it.
        self._directory = os.getcwd()

    def _handlers(self, member: WorkerProcess) -> dict[str, AnswerCall]:
        handlers = self._hub_wide.handlers(member.calls)
        if self._origin is not None:
            handlers |= RecordStream(self._origin.hub.broker, member.calls, member).handlers
        return handlers

    def __call__(self, number: int) -> WorkerProcess:
        descriptors = [one.endpoint.descriptor for one in self._server.served]
        first = max(FROM_WORKER, TO_WORKER) + 1
        assignment = Assignment(
            number=number,
            given=self._given,
            token=self._token,
            sockets=list(range(first, first + len(descriptors))),
            origin=None if self._origin is None else self._origin.address,
            reactor=type(self._reactor).__module__,
        )
        member = WorkerProcess(number, self._handlers, assignment.encode())
        with open(os.devnull, "rb") as nothing:
            self._reactor.spawnProcess(
                member,
                sys.executable,
                # The number is for people who look at the list of processes.
                [sys.executable, "-m", "twisted_sse.server.workers", str(number)],
                env=None,
                path=self._directory,
                childFDs={
                    0: nothing.fileno(),
                    1: "r",
                    2: "r",
                    FROM_WORKER: "r",
                    TO_WORKER: "w",
                    **{first + index: one for index, one in enumerate(descriptors)},
                },
            )
        return member
