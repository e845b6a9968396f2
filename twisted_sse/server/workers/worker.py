"""
The process of a worker: a hub on inherited sockets, which obeys its parent.

Signals for the whole group of processes, such as those of a terminal or of systemd, are
the parent's: a worker ignores them.  If the parent dies, it ends its streams in good
order, and then itself.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.protocol import Protocol
from twisted.logger import ILogObserver, LogEvent, Logger, globalLogBeginner
from twisted.python.failure import Failure
from twisted.python.reflect import namedAny
from zope.interface import implementer

from twisted_sse.broker.drain import abort_all
from twisted_sse.clock import looping_call
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.server.build import Server, make_server
from twisted_sse.server.config.config import Config, read_config
from twisted_sse.server.config.option import InvalidConfiguration
from twisted_sse.server.inherited import Inheriting, inheriting_description
from twisted_sse.server.listening import endpoint_for
from twisted_sse.server.role import Role
from twisted_sse.server.takeover.holder import Several
from twisted_sse.server.workers.assignment import (
    FROM_WORKER,
    TO_WORKER,
    Assignment,
    OriginAddress,
)
from twisted_sse.server.workers.balance import Balance
from twisted_sse.server.workers.calls import AnswerCall, Calls
from twisted_sse.server.workers.log import write_event
from twisted_sse.server.workers.origin import WorkerHistory, history_of, remove_orphaned
from twisted_sse.server.workers.parentfollower import ParentStream
from twisted_sse.server.workers.siblings import OtherWorkers
from twisted_sse.server.workers.topics import answer_change
from twisted_sse.web.admin.processes import ProcessReport

__all__ = ["Worker", "run_worker"]

# Seconds between heartbeats; see `WorkerProcess.tick`.
_HEARTBEAT = 1.0

# Of <sys/prctl.h>: which signal this process gets when its parent dies.
_PR_SET_PDEATHSIG = 1

_STDERR = 2

# How long a worker may take to end its streams after the parent has died, in seconds.
_LAST_SECONDS = 60


def run_worker() -> None:
    """
    Run until the parent stops this worker, or dies.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _hear_of_parent()
    # The parent ends a worker that is stuck by SIGABRT, and its log then says where.
    faulthandler.enable()
    assignment = Assignment.decode(_read_line(TO_WORKER))
    namedAny(assignment.reactor).install()
    globalLogBeginner.beginLoggingTo([_WriteEvent()])
    from twisted.internet import reactor, stdio

    try:
        config = read_config(assignment.given)
        server = make_worker(assignment, config, reactor)
    except InvalidConfiguration as error:
        # A file has changed since the parent has read it.
        sys.exit(f"This worker cannot start: {error}.")
    worker = Worker(server, assignment.origin, reactor)
    run: Any = reactor
    connect: Any = stdio.StandardIO
    connect(worker, stdin=TO_WORKER, stdout=FROM_WORKER, reactor=reactor)
    run.addSystemEventTrigger("before", "shutdown", worker.stop)
    run.callWhenRunning(worker.start)
    server.privilegedStartService()
    server.startService()
    run.run(installSignalHandlers=False)


def _hear_of_parent() -> None:
    """
    End this process for sure if the parent dies: its reactor may be stuck, and not see
    that the pipe is closed.
    """
    signal.signal(signal.SIGUSR2, lambda number, frame: _exit_soon())
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    # Only Linux has it.  Elsewhere, a worker that is stuck outlives its parent.
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGUSR2)


def _exit_soon() -> None:
    # In a thread of C code, so that no state of the interpreter prevents it.  The log has
    # replaced sys.stderr by a file without a descriptor.
    faulthandler.dump_traceback_later(_LAST_SECONDS, exit=True, file=_STDERR)


def make_worker(assignment: Assignment, config: Config, reactor: Any) -> Server:
    """
    Build the services of a worker.
    """
    origin = assignment.origin

    def endpoint(reactor: Any, index: int, description: str) -> Any:
        inheriting = Inheriting(reactor, assignment.sockets[index])
        return endpoint_for(inheriting, inheriting_description(description))

    role = Role(
        token=assignment.token,
        history=None if origin is None else history_of(origin, reactor),
        endpoint=endpoint,
        leads=False,
        # With a history of their own, the parent publishes them.
        demo=origin is None and assignment.number == 1,
    )
    return make_server(config, reactor, role)


class Worker(Protocol):
    """
    The connection to the parent.
    """

    transport: Any
    _log = Logger()

    def __init__(
        self,
        server: Server,
        origin: OriginAddress | None,
        reactor: Any,
    ) -> None:
        self._server = server
        self._origin = origin
        self._reactor = reactor
        self._broker = server.hub.broker
        endpoints = [one.endpoint for one in server.served]
        self._accepting = Several(endpoints)
        hub = server.hub
        self._report = ProcessReport(self._broker, lambda: len(hub.responses), hub.runs)
        handlers: dict[str, AnswerCall] = {
            "abort": self._abort,
            "admin": self._report.answer,
            "count": self._count,
            "elsewhere": self._learn,
            "find": lambda number: self._others.find_own(number),
            "leave": self._leave,
            "pause": self._accepting.pause,
            "reload": self._reload,
            "resume": self._accepting.resume,
            "stop": self._stop,
            "submit": lambda number: self._others.submit_own(number),
            "topics": partial(answer_change, self._broker.admission.topic_changes),
        }
        self._calls = Calls(lambda data: self.transport.write(data), handlers)
        self._others = OtherWorkers(self._calls, reactor)
        self._stream = ParentStream(self._calls)
        handlers |= self._stream.handlers
        self._balance = Balance(endpoints, lambda: len(server.hub.connections), reactor)
        self._beats = looping_call(reactor, self._calls.tell, "beat")
        self._broker.join(self._others)
        if isinstance(server.hub.history, WorkerHistory):
            server.hub.history.keep = self._others.keep
            server.hub.history.stream = self._stream
        server.hub.on_connect(lambda connection: self._balance.check())

    def start(self) -> None:
        """
        Tell the parent that this worker accepts connections.
        """
        self._calls.tell("ready")
        self._beats.start(_HEARTBEAT)

    def stop(self) -> Any:
        """
        Stop serving.

        Returns:
            A `Deferred` that fires when that is done.
        """
        self._balance.stop()
        return MultiService.stopService(self._server)

    def dataReceived(self, data: bytes) -> None:
        """
        See `Protocol.dataReceived`.
        """
        self._calls.feed(data)
        self._stream.flush()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        See `Protocol.connectionLost`.
        """
        self._calls.lose()
        if self._reactor.running:
            self._log.warn("The parent process is gone, so this worker ends")
            if self._origin is not None:
                remove_orphaned(self._origin)
            self._stop()

    def _learn(self, total: int, networks: dict[str, int], workers: int) -> None:
        self._others.learn(total, networks)
        self._balance.learn(total, workers)

    def _count(self, asked: list[Any]) -> list[int]:
        event = ServerSentEvent("")
        return self._broker.distribution.count(
            [Publication(tuple(topics), event, private) for topics, private in asked]
        )

    def _reload(self) -> None:
        for what, one in self._server.reloads.items():
            try:
                one.reload()
            except Exception:
                self._log.failure("Reading {what} again has failed", what=what)

    def _leave(self) -> None:
        self._broker.leaving = True

    def _abort(self) -> None:
        abort_all(self._broker, self._server.hub.responses)

    def _stop(self) -> None:
        if self._reactor.running:
            self._reactor.stop()


@implementer(ILogObserver)
class _WriteEvent:
    def __call__(self, event: LogEvent) -> None:
        write_event(event)


def _read_line(descriptor: int) -> bytes:
    """
    Read one line, and not a byte more.
    """
    line = b""
    while not line.endswith(b"\n"):
        read = os.read(descriptor, 1)
        if not read:
            sys.exit("The parent process is gone.")
        line += read
    return line
