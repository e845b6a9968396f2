"""
Runs cases against a site in memory, and says what is wrong with what happened.
"""

from __future__ import annotations

import gc
from collections import Counter
from time import process_time
from typing import Any

from twisted.internet.testing import StringTransportWithDisconnection
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

from tests.fuzz.answers import statuses
from tests.fuzz.pieces import TOKEN
from tests.fuzz.requests import Case
from tests.support.http import Served
from twisted_sse import MemoryHistory
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS

__all__ = ["CPU_LIMIT", "Runner"]

#: Seconds of CPU that a case may take.
CPU_LIMIT = 0.02

# The only server error that is documented for what a stranger may send.
_DOCUMENTED = 503

# Timers that a hub has when nobody is connected.
_TIMERS = 10


class _Secured(StringTransportWithDisconnection):
    negotiatedProtocol = b"h2"


@implementer(ILogObserver)
class Runner:
    """
    A hub, to which all cases are sent.

    Attributes:
        slowest: The most CPU time that a case takes, in seconds, and its number.

        answered: How often each status was answered.
    """

    def __init__(self) -> None:
        self.slowest = (0.0, -1)
        self.answered: Counter[int] = Counter()
        self._errors: list[str] = []
        self.served = Served(
            MemoryHistory(events=200, bytes=2**20),
            authorize=BearerTokens([TOKEN]),
            cors=CORS(["https://a"]),
            mercure={"subscriptions": True},
        )
        globalLogPublisher.addObserver(self)

    def close(self) -> None:
        """
        Stop watching the log.
        """
        globalLogPublisher.removeObserver(self)

    def run(self, case: Case, number: int) -> list[str]:
        """
        Send what a case sends, leave, and list what is wrong.
        """
        spent, problems = self._run(case)
        if spent > CPU_LIMIT:
            # Something else may have run on this machine, or Python has collected garbage.
            spent = min(self._run(case)[0] for _ in range(3))
        if spent > CPU_LIMIT:
            problems.append(f"CPU: {spent * 1000:.1f} ms")
        self.slowest = max(self.slowest, (spent, number))
        return problems

    def _run(self, case: Case) -> tuple[float, list[str]]:
        self._errors = []
        gc.collect(0)
        begin = process_time()
        received = self._send(case)
        spent = process_time() - begin
        problems = self._errors
        answered = statuses(received, is_http2=case.is_http2)
        self.answered.update(answered)
        problems += [f"status {one}" for one in answered if one >= 500 and one != _DOCUMENTED]
        if len(self.served.hub.connections):
            problems.append(f"{len(self.served.hub.connections)} connections are left")
        timers = self.served.clock.getDelayedCalls()
        if len(timers) > _TIMERS:
            problems.append(f"{len(timers)} timers are left: {timers[-1]}")
        return spent, problems

    def _send(self, case: Case) -> bytes:
        clock = self.served.clock
        transport = _Secured() if case.is_http2 else StringTransportWithDisconnection()
        protocol: Any = self.served.site.buildProtocol(transport.getPeer())
        transport.protocol = protocol
        protocol.makeConnection(transport)
        for part in case.parts:
            if transport.connected:
                try:
                    protocol.dataReceived(part)
                except Exception as error:
                    # Twisted would log it and close the connection.
                    self._errors.append(f"{type(error).__name__}: {error}")
                    break
            clock.advance(0)
        clock.advance(0.1)
        received: bytes = transport.value()
        if transport.connected:
            transport.loseConnection()
        clock.advance(0)
        return received

    def __call__(self, event: LogEvent) -> None:
        """
        See `ILogObserver`.
        """
        failure = event.get("log_failure")
        if failure is not None:
            self._errors.append(f"logged: {failure.getErrorMessage()} {failure.getTraceback()}")
        elif event["log_level"] >= LogLevel.error:
            self._errors.append(f"logged: {event.get('log_format')}")
