"""
Workers are started, replaced and stopped; processes are stubs here.
"""

import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.workers.assignment import FROM_WORKER, TO_WORKER
from twisted_sse.server.workers.hubwide import HubWide
from twisted_sse.server.workers.supervisor import Supervisor
from twisted_sse.server.workers.workerprocess import WorkerProcess

__all__ = ["ReplacingTests", "StoppingTests"]


class StubProcess:
    """
    The process of a worker: records what it is sent.
    """

    def __init__(self, member: WorkerProcess) -> None:
        self.member = member
        self.written = b""
        self.signals: list[int] = []
        self.gone = False
        self.closed = False
        member.makeConnection(self)  # type: ignore[arg-type]

    def writeToChild(self, childFD: int, data: bytes) -> None:
        """
        See `IProcessTransport.writeToChild`.
        """
        if self.closed:
            raise KeyError(childFD)
        self.written += data

    def signalProcess(self, number: int) -> None:
        """
        See `IProcessTransport.signalProcess`.
        """
        if self.gone:
            raise ProcessExitedAlready
        self.signals.append(number)

    def say(self, name: str) -> None:
        """
        Make a call to the parent.
        """
        self.member.childDataReceived(FROM_WORKER, f'["{name}",[]]\n'.encode())

    def close(self) -> None:
        """
        Close its end of the pipe that it reads: the process ends soon.
        """
        self.closed = True
        self.member.childConnectionLost(TO_WORKER)

    def end(self, status: int = 0, by: int | None = None) -> None:
        """
        End the process.
        """
        self.gone = True
        reason = ProcessTerminated(status, by, 0) if status or by else ProcessDone(0)
        self.member.processEnded(Failure(reason))


class _SupervisorTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        """
        Start two workers.
        """
        self.reactor: Any = MemoryReactorClock()
        self.processes: list[StubProcess] = []
        hub_wide = HubWide(None, self.reactor)

        def spawn(number: int) -> WorkerProcess:
            member = WorkerProcess(
                number, lambda one: hub_wide.handlers(one.calls), b"assignment\n"
            )
            self.processes.append(StubProcess(member))
            return member

        self.supervisor = Supervisor(2, spawn, hub_wide, 8.0, self.reactor)
        self.supervisor.startService()
        for call, arguments, options in self.reactor.whenRunningHooks:
            call(*arguments, **options)

    def ready(self) -> None:
        """
        Let the workers become ready.
        """
        for process in self.processes:
            process.say("ready")

    def logged(self, act: Callable[[], object]) -> list[str]:
        """
        Return what is logged meanwhile.
        """
        with capturedLogs() as events:
            act()
        return [formatEvent(event) for event in events]


class ReplacingTests(_SupervisorTestCase):
    """
    Workers that end, or are stuck.
    """

    def test_start(self) -> None:
        """
        Each worker is told its assignment, and the supervisor says when all are ready.
        """
        self.assertEqual([each.member.number for each in self.processes], [1, 2])
        self.assertEqual(self.processes[0].written, b"assignment\n")
        self.processes[0].say("ready")
        self.assertNoResult(self.supervisor.ready)

        self.processes[1].say("ready")

        self.successResultOf(self.supervisor.ready)

    def test_replaced(self) -> None:
        """
        A worker that dies is replaced at once, and the log says how it died.
        """
        self.ready()

        told = self.logged(lambda: self.processes[0].end(by=signal.SIGKILL))
        self.reactor.advance(0)

        sentence = "Worker 1 has died: it was ended by SIGKILL. A new one starts now"
        self.assertEqual(told, [sentence])
        self.assertEqual(self.processes[2].member.number, 1)

    def test_statuses(self) -> None:
        """
        The log tells exit statuses as well.
        """
        failed = self.logged(lambda: self.processes[0].end(3))
        exited = self.logged(lambda: self.processes[1].end())

        self.assertIn("it has exited with status 3", failed[0])
        self.assertIn("it has exited with status 0", exited[0])

    def test_backoff(self) -> None:
        """
        The pauses grow while successors die soon, up to 30 seconds.
        """
        pauses = []
        for _ in range(10):
            count = len(self.processes)
            self.processes[-1].end(1)
            waited = 0.0
            self.reactor.advance(0)
            while len(self.processes) == count:
                self.reactor.advance(0.5)
                waited += 0.5
            pauses.append(waited)

        self.assertEqual(pauses, [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30])

    def test_stable(self) -> None:
        """
        A worker that has lived for half a minute is replaced at once again.
        """
        for _ in range(3):
            self.processes[-1].end(1)
            self.reactor.advance(1.0)
        for _ in range(30):
            self.processes[-1].say("beat")
            self.reactor.advance(1.0)
        count = len(self.processes)

        self.processes[-1].end(1)
        self.reactor.advance(0)

        self.assertEqual(len(self.processes), count + 1)

    def test_stuck(self) -> None:
        """
        A worker without a heartbeat for more than ten seconds is made to say where it is, and
        is killed a second later.
        """
        self.ready()
        stuck, healthy = self.processes
        for _ in range(10):
            self.reactor.advance(1.0)
            healthy.say("beat")
        self.assertEqual(stuck.signals, [])

        self.reactor.advance(1.0)
        self.assertEqual(stuck.signals, [signal.SIGABRT])
        self.reactor.advance(1.0)
        self.assertEqual(stuck.signals, [signal.SIGABRT, signal.SIGKILL])
        told = self.logged(lambda: stuck.end(by=signal.SIGKILL))

        self.assertIn("Worker 1 has died: it was stuck.", told[0])
        self.assertEqual(healthy.signals, [])

    def test_slow_start(self) -> None:
        """
        A worker that has not started yet has a minute.
        """
        for _ in range(60):
            self.reactor.advance(1.0)
        self.assertEqual(self.processes[0].signals, [])

        self.reactor.advance(1.0)

        self.assertEqual(self.processes[0].signals, [signal.SIGABRT])

    def test_suspended(self) -> None:
        """
        No worker is killed because the machine was suspended for an hour.
        """
        self.ready()

        self.reactor.advance(3600.0)

        self.assertEqual(self.processes[0].signals, [])

    def test_output(self) -> None:
        """
        What a worker writes arrives in the log with its number.
        """
        member = self.processes[1].member

        told = self.logged(lambda: member.childDataReceived(2, b"Fatal\nlast words"))
        told += self.logged(lambda: self.processes[1].end(1))

        self.assertEqual(told[:2], ["worker 2: Fatal", "worker 2: last words"])


class StoppingTests(_SupervisorTestCase):
    """
    The end.
    """

    def stop(self) -> "Deferred[None]":
        """
        Stop the supervisor.
        """
        return self.supervisor.stopService()

    def test_stop(self) -> None:
        """
        Workers are told to stop, and the service waits for them.
        """
        self.ready()
        stopped = self.stop()
        for process in self.processes:
            self.assertIn(b'["stop",[]]\n', process.written)
        self.processes[0].end()
        self.assertNoResult(stopped)

        self.processes[1].end()

        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_together(self) -> None:
        """
        Workers that end at the same moment are told nothing about each other.
        """
        self.ready()
        stopped = self.stop()
        for process in self.processes:
            process.close()
        for process in self.processes:
            process.end()

        self.successResultOf(stopped)

    def test_not_ready(self) -> None:
        """
        A worker that serves nobody yet is killed at once.
        """
        stopped = self.stop()
        self.assertEqual(self.processes[0].signals, [signal.SIGKILL])

        for process in self.processes:
            process.end(by=signal.SIGKILL)

        self.successResultOf(stopped)

    def test_late(self) -> None:
        """
        A worker that does not end in the grace and a little more is killed.
        """
        self.ready()
        stopped = self.stop()
        self.reactor.advance(13.0)
        self.assertEqual(self.processes[0].signals, [signal.SIGKILL])

        for process in self.processes:
            process.end(by=signal.SIGKILL)

        self.successResultOf(stopped)

    def test_no_successor(self) -> None:
        """
        Nobody starts after the stop, and no pause goes on.
        """
        self.ready()
        self.processes[0].end(1)
        stopped = self.stop()
        self.processes[1].end(1)

        self.reactor.advance(60.0)

        self.successResultOf(stopped)
        self.assertEqual(len(self.processes), 2)

    def test_others(self) -> None:
        """
        Reloads and aborts are passed on.
        """
        self.ready()
        self.supervisor.reload()
        self.supervisor.abort()

        for process in self.processes:
            self.assertTrue(process.written.endswith(b'["reload",[]]\n["abort",[]]\n'))
