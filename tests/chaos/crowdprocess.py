"""
The process of the clients of a chaos run, seen from outside.
"""

import os
import sys
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

__all__ = ["CrowdProcess"]

# What is tested is what is installed: the rest of this repository comes last.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from tests.chaos.crowd import main; main()"
_ROOT = str(Path(__file__).resolve().parent.parent.parent)


class CrowdProcess(ProcessProtocol):
    """
    `tests.chaos.crowd`, running.

    Args:
        given: What it has to know, as JSON.

    Attributes:
        ended: Fires with 0 if it went well, else 1, when all it has written has come.

        out: What it has written.

        error: What it has complained of.
    """

    def __init__(self, reactor: Any, given: str) -> None:
        self.ended: Deferred[int] = Deferred()
        self.out = self.error = b""
        command = [sys.executable, "-c", _PROGRAM, _ROOT, given]
        reactor.spawnProcess(self, sys.executable, command, env=os.environ)

    def outReceived(self, data: bytes) -> None:
        """
        See `ProcessProtocol.outReceived`.
        """
        self.out += data

    def errReceived(self, data: bytes) -> None:
        """
        See `ProcessProtocol.errReceived`.
        """
        self.error += data

    def processEnded(self, reason: Failure) -> None:
        """
        See `IProcessProtocol.processEnded`.
        """
        if not self.ended.called:
            self.ended.callback(0 if reason.check(ProcessDone) else 1)

    def kill(self) -> None:
        """
        End it.
        """
        cast(Any, self.transport).signalProcess("KILL")
