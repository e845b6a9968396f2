"""
Runs a command under the reactor, and turns its outcome into an exit status.

Errors are shown as one sentence.  Tracebacks appear only with TWISTED_SSE_DEBUG,
which writes the log to stderr.
"""

from __future__ import annotations

import enum
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver, LogEvent, Logger, globalLogBeginner, textFileLogObserver
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_sse.cli.output import Output
from twisted_sse.clock import make_monotonic

__all__ = ["CommandFailed", "Status", "run"]

_log = Logger()


class Status(enum.IntEnum):
    """
    Exit statuses.
    """

    #: The command has done everything.
    DONE = 0
    #: The command line is invalid.
    USAGE = 1
    #: The server refuses, or does not serve an event stream; or `doctor` has
    #: found a problem.
    REFUSED = 2
    #: The server cannot be reached, or could not for too long.
    UNREACHABLE = 3
    #: It is unknown whether events were kept.
    UNCERTAIN = 4
    #: A bug in this program: EX_SOFTWARE in sysexits.h.
    BUG = 70
    #: Interrupted by Ctrl-C: 128 and the number of SIGINT, as in shells.
    INTERRUPTED = 130


class CommandFailed(Exception):
    """
    A command cannot continue.

    Args:
        status: The exit status.

        sentence: Shown to the user.
    """

    def __init__(self, status: Status, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def run(
    steps: Callable[[], Coroutine[Any, Any, int]],
    say: Callable[[str], None],
    outputs: Sequence[Output] = (),
) -> int:
    """
    Run a command, and return its exit status.

    SIGINT and SIGTERM cancel the command, and wait for its end.

    Args:
        steps: The command; returns the exit status, or raises `CommandFailed`.

        say: Shows a sentence to the user.

        outputs: Finished at the end; after an interruption without waiting for
            their readers.
    """
    from twisted.internet import reactor

    running: Any = reactor
    make_monotonic(running)
    _start_logging()
    task = _Task(running, say)
    running.callWhenRunning(task.start, steps)
    running.run()
    for output in outputs:
        output.finish(wait=not task.was_interrupted)
    return task.status


class _Task:
    def __init__(self, reactor: Any, say: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._say = say
        self._interrupted: Deferred[None] | None = None
        self.status: int = Status.INTERRUPTED

    @property
    def was_interrupted(self) -> bool:
        """
        Whether a signal has ended the command.
        """
        return self._interrupted is not None

    def start(self, steps: Callable[[], Coroutine[Any, Any, int]]) -> None:
        """
        Start the command; the reactor is running.
        """
        self._reactor.addSystemEventTrigger("before", "shutdown", self._interrupt)
        self._work = Deferred.fromCoroutine(steps())
        self._work.addCallbacks(self._succeeded, self._failed)
        self._work.addBoth(self._stop)

    def _interrupt(self) -> Deferred[None] | None:
        if self._work.called:
            return None
        self._interrupted = Deferred()
        self._work.cancel()
        return self._interrupted

    def _succeeded(self, status: int) -> None:
        self.status = status

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        unreachable = getattr(error, "status", None) is Status.UNREACHABLE
        if self._interrupted is not None and unreachable:
            # A DNS lookup that is cancelled reports that it found no address.
            self.status = Status.INTERRUPTED
        elif isinstance(error, CommandFailed):
            self.status = error.status
            self._say(str(error))
        elif failure.check(CancelledError):
            self.status = Status.INTERRUPTED
        elif failure.check(BrokenPipeError):
            # The reader of stdout has enough, such as `head` after ten lines.
            self.status = Status.DONE
        else:
            _log.failure("The command has failed", failure)
            self.status = Status.BUG
            self._say(f"{error!r}: this is a bug in twisted-sse; TWISTED_SSE_DEBUG=1 shows more.")

    def _stop(self, _: object) -> None:
        if self._interrupted is not None:
            self._interrupted.callback(None)
            return
        try:
            self._reactor.stop()
        except ReactorNotRunning as error:
            _log.debug("The reactor has already stopped: {error}", error=error)


@implementer(ILogObserver)
class _NullObserver:
    def __call__(self, event: LogEvent) -> None:
        """
        See `ILogObserver`.
        """


def _start_logging() -> None:
    # Otherwise Twisted writes critical messages to stderr, with their tracebacks.
    debug = os.environ.get("TWISTED_SSE_DEBUG")
    observer = textFileLogObserver(sys.stderr) if debug else _NullObserver()
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
