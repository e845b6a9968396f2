"""
Starts the process of `tests.chaos.clients` and collects its output.
"""

import os
import sys
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

__all__ = ["ClientsProcess"]

# The repository comes last on the path, so that the installed package is tested.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from tests.chaos.clients import main; main()"
_ROOT = str(Path(__file__).resolve().parent.parent.parent)


class ClientsProcess(ProcessProtocol):
    """
    A running `tests.chaos.clients`.

    Args:
        given: Its settings, as JSON.

    Attributes:
        ended: Fires when the process has ended and all output has arrived: with 0 for
            exit status 0, else with 1.

        out: Its standard output.

        error: Its standard error.
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
        Kill the process.
        """
        cast(Any, self.transport).signalProcess("KILL")
