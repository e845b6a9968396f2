"""
Runs a command under the reactor, and makes of its end an exit status.

Nothing that goes wrong shows a traceback, unless TWISTED_SSE_DEBUG is set: then
the log goes to stderr.
"""

from __future__ import annotations

import enum
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver, LogEvent, Logger, globalLogBeginner, textFileLogObserver
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Ended", "Status", "run"]

_log = Logger()


def run(steps: Callable[[], Coroutine[Any, Any, int]], say: Callable[[str], None]) -> int:
    """
    Run *steps* to their end.

    SIGINT and SIGTERM cancel them, and wait for them to end.

    Args:
        steps: What there is to do; returns the exit status, or raises `Ended`.

        say: Tells the user a sentence.
    """
    from twisted.internet import reactor

    running: Any = reactor
    _begin_to_log()
    task = _Task(running, say)
    running.callWhenRunning(task.begin, steps)
    running.run()
    return task.status


class _Task:
    def __init__(self, reactor: Any, say: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._say = say
        self._ending: Deferred[None] | None = None
        self.status: int = Status.INTERRUPTED

    def begin(self, steps: Callable[[], Coroutine[Any, Any, int]]) -> None:
        """
        Begin, now that the reactor runs.
        """
        self._reactor.addSystemEventTrigger("before", "shutdown", self._interrupt)
        self._work = Deferred.fromCoroutine(steps())
        self._work.addCallbacks(self._succeeded, self._failed)
        self._work.addBoth(self._stop)

    def _interrupt(self) -> Deferred[None] | None:
        if self._work.called:
            return None
        self._ending = Deferred()
        self._work.cancel()
        return self._ending

    def _succeeded(self, status: int) -> None:
        self.status = status

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if self._ending is not None and getattr(error, "status", None) is Status.UNREACHABLE:
            # A look-up that is cancelled has found nobody.
            self.status = Status.INTERRUPTED
        elif isinstance(error, Ended):
            self.status = error.status
            self._say(str(error))
        elif failure.check(CancelledError):
            self.status = Status.INTERRUPTED
        elif failure.check(BrokenPipeError):
            # Whoever read has enough, as `head` has after ten lines.
            self.status = Status.DONE
        else:
            _log.failure("A command has failed", failure)
            self.status = Status.BROKEN
            self._say(f"{error!r}: this is a fault of twisted-sse; TWISTED_SSE_DEBUG=1 tells more.")

    def _stop(self, _: object) -> None:
        if self._ending is not None:
            self._ending.callback(None)
            return
        try:
            self._reactor.stop()
        except ReactorNotRunning as error:
            _log.debug("It has stopped already: {error}", error=error)


@implementer(ILogObserver)
class _Nobody:
    def __call__(self, event: LogEvent) -> None:
        """
        See `ILogObserver`.
        """


def _begin_to_log() -> None:
    # Left alone, Twisted writes what is critical to stderr, with its traceback.
    debug = os.environ.get("TWISTED_SSE_DEBUG")
    observer = textFileLogObserver(sys.stderr) if debug else _Nobody()
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


class Status(enum.IntEnum):
    """
    Exit statuses.
    """

    #: It is done, or it was ended and nothing is left to do.
    DONE = 0
    #: The command line cannot be obeyed.
    USAGE = 1
    #: The server refuses, or is none of event streams; or `doctor` has found a
    #: problem.
    REFUSED = 2
    #: The server cannot be reached, or could not for too long.
    UNREACHABLE = 3
    #: It is not known whether events were kept.
    UNCERTAIN = 4
    #: A fault of this program: EX_SOFTWARE in sysexits.h.
    BROKEN = 70
    #: Ctrl-C, in the middle of it: 128 and the number of SIGINT, as shells say.
    INTERRUPTED = 130


class Ended(Exception):
    """
    A command cannot go on.

    Args:
        status: What it exits with.

        sentence: What the user is told.
    """

    def __init__(self, status: Status, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
