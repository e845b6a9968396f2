"""
One worker, as the parent sees it: its pipes, its log, whether it lives.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from twisted_sse.server.workers.assignment import FROM_WORKER, TO_WORKER
from twisted_sse.server.workers.calls import AnswerCall, Calls
from twisted_sse.server.workers.log import LineLog

__all__ = ["WorkerProcess"]

# Ticks without a heartbeat after which a worker counts as stuck.  It sends one each
# second, and the reactor is never held for long: the longest known is a collection of
# garbage, 0.2 s.  Ticks of the parent, not seconds: if the whole machine was suspended,
# no worker is to blame.
_STUCK = 10

# The same for one that has not started yet: imports from a cold disk take a while.
_STUCK_AT_START = 60


class WorkerProcess(ProcessProtocol):
    """
    Args:
        number: Of the worker, from 1.

        handlers: Returns the handlers of its calls, given this.

        assignment: What it is told first.

    Attributes:
        number: As given.

        calls: Reaches the worker.

        is_ready: Whether it accepts connections.

        ready: Fires when it does; does not fire if it ends before.

        ended: Fires with how it ended, in words, when its process has ended.
    """

    transport: Any

    def __init__(
        self,
        number: int,
        handlers: Callable[[WorkerProcess], dict[str, AnswerCall]],
        assignment: bytes,
    ) -> None:
        self.number = number
        self.is_ready = False
        self.ready: Deferred[None] = Deferred()
        self.ended: Deferred[str] = Deferred()
        self._handlers: dict[str, AnswerCall] = {"beat": self._beat, "ready": self._set_ready}
        self.calls = Calls(self._write, self._handlers)
        self._handlers |= handlers(self)
        self._assignment = assignment
        self._logs = {1: LineLog(number, LogLevel.info), 2: LineLog(number, LogLevel.warn)}
        self._silent = 0
        self._killed = ""

    def connectionMade(self) -> None:
        """
        See `ProcessProtocol.connectionMade`.
        """
        self._write(self._assignment)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        See `ProcessProtocol.childDataReceived`.
        """
        if childFD == FROM_WORKER:
            self.calls.feed(data)
        else:
            self._logs[childFD].feed(data)

    def childConnectionLost(self, childFD: int) -> None:
        """
        See `ProcessProtocol.childConnectionLost`: nothing can be written any more, even if
        the process has not ended yet.
        """
        if childFD == TO_WORKER:
            self.calls.lose()

    def processEnded(self, reason: Failure) -> None:
        """
        See `ProcessProtocol.processEnded`.
        """
        self.is_ready = False
        for log in self._logs.values():
            log.end()
        self.calls.lose()
        self.ended.callback(self._killed or _in_words(reason))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Pause *producer* while the pipe to the worker is full; see `IConsumer`.
        """
        pipe = self.transport.pipes.get(TO_WORKER)
        if pipe is None:
            producer.stopProducing()
        else:
            pipe.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        See `IConsumer.unregisterProducer`.
        """
        pipe = self.transport.pipes.get(TO_WORKER)
        if pipe is not None:
            pipe.unregisterProducer()

    def tick(self) -> bool:
        """
        Note that a second has passed.

        Returns:
            Whether the worker is stuck.
        """
        self._silent += 1
        return self._silent > (_STUCK if self.is_ready else _STUCK_AT_START)

    def kill(self, why: str = "") -> None:
        """
        End the process at once.

        Args:
            why: Is said instead of how it ended.
        """
        if why and not self._killed:
            # The first signal makes the interpreter write where each thread is.
            self._killed = why
            self._signal(signal.SIGABRT)
        else:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        try:
            self.transport.signalProcess(number)
        except ProcessExitedAlready:
            return

    def _write(self, data: bytes) -> None:
        self.transport.writeToChild(TO_WORKER, data)

    def _beat(self) -> None:
        self._silent = 0

    def _set_ready(self) -> None:
        self._silent = 0
        self.is_ready = True
        self.ready.callback(None)


def _in_words(reason: Failure) -> str:
    if reason.check(ProcessDone):
        return "it has exited with status 0"
    number = getattr(reason.value, "signal", None)
    if number is not None:
        return f"it was ended by {signal.Signals(number).name}"
    return f"it has exited with status {getattr(reason.value, 'exitCode', None)}"
