"""
Clients that abort: at a moment and in a way that chance has chosen.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

__all__ = ["HOW", "WHEN", "Plan", "Reader", "Reader2"]

#: The moment: in the middle of the request, when it was sent, with the first bytes of the
#: answer, a moment later, and not before the end or a longer while.
WHEN = ("asking", "asked", "answered", "later", "end")

#: The way.  What cannot be half-closed is closed.
HOW = ("close", "reset", "half-close")

# How long a reader stays, in seconds.
_LATER = 0.02
_LONGEST = 0.5


@dataclass(frozen=True)
class Plan:
    """
    What one reader asks for, and how it leaves.

    Attributes:
        target: The path and the query.

        when: One of `WHEN`.

        how: One of `HOW`.

        delay: How long "a moment later" is, in seconds.
    """

    target: str
    when: str
    how: str
    delay: float

    @classmethod
    def choose(cls, chance: random.Random, target: str) -> "Plan":
        """
        By chance.
        """
        return cls(target, chance.choice(WHEN), chance.choice(HOW), chance.random() * _LATER)


class Reader(Protocol):
    """
    Reads over HTTP/1.1, and aborts.

    Attributes:
        done: Fires when the connection is lost.

        forced: Whether the server did not close it within a while.
    """

    def __init__(self, reactor: Any, plan: Plan) -> None:
        self.done: Deferred[None] = Deferred()
        self.forced = False
        self.plan = plan
        self._reactor = reactor
        self._leaving = False
        self._staying = False
        self._heard = b""
        self._call: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """
        See `Protocol.connectionMade`.
        """
        self._plan_call(_LONGEST, self._leave)
        request = f"GET {self.plan.target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.write(request[:-3] if self.plan.when == "asking" else request)
        if self.plan.when in ("asking", "asked"):
            self._leave()

    def dataReceived(self, data: bytes) -> None:
        """
        See `Protocol.dataReceived`.
        """
        # The last chunk may come in two parts.
        self._heard = (self._heard + data)[-5:]
        self.heard(self._heard == b"0\r\n\r\n")

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        See `Protocol.connectionLost`.
        """
        self._forget()
        self.done.callback(None)

    def write(self, data: bytes) -> None:
        """
        Send *data*.
        """
        transport: Any = self.transport
        transport.write(data)

    def heard(self, over: bool) -> None:
        """
        Something has come; *over* tells whether it was the end.
        """
        if self._leaving:
            return
        if over or self.plan.when == "answered":
            self._leave()
        elif self.plan.when == "later" and not self._staying:
            self._staying = True
            self._plan_call(self.plan.delay, self._leave)

    def leave(self) -> None:
        """
        Abort in the way that was planned.
        """
        transport: Any = self.transport
        if self.plan.how == "reset":
            transport.abortConnection()
        elif self.plan.how == "half-close" and hasattr(transport, "loseWriteConnection"):
            transport.loseWriteConnection()
        else:
            transport.loseConnection()

    def _leave(self) -> None:
        self._leaving = True
        self._plan_call(_LONGEST, self._force)
        self.leave()

    def _force(self) -> None:
        self.forced = True
        transport: Any = self.transport
        transport.abortConnection()

    def _plan_call(self, delay: float, action: Callable[[], None]) -> None:
        self._forget()
        self._call = self._reactor.callLater(delay, action)

    def _forget(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()


class Reader2(Reader):
    """
    The same over HTTP/2; "half-close" resets the HTTP/2 stream and closes the connection later.
    """

    def connectionMade(self) -> None:
        """
        See `Protocol.connectionMade`.
        """
        self._h2 = H2Connection(H2Configuration(client_side=True))
        self._h2.initiate_connection()
        names = (":method", ":scheme", ":authority", ":path")
        values = ("GET", "https", "localhost", self.plan.target)
        self._plan_call(_LONGEST, self._leave)
        if self.plan.when != "asking":
            self._h2.send_headers(1, list(zip(names, values, strict=True)), end_stream=True)
        self._flush()
        if self.plan.when in ("asking", "asked"):
            self._leave()

    def dataReceived(self, data: bytes) -> None:
        """
        See `Protocol.dataReceived`.
        """
        events = self._h2.receive_data(data)
        self._flush()
        names = {type(event).__name__ for event in events}
        if "StreamEnded" in names or "ResponseReceived" in names or "DataReceived" in names:
            self.heard("StreamEnded" in names)

    def leave(self) -> None:
        """
        See `Reader.leave`.
        """
        transport: Any = self.transport
        if self.plan.how == "half-close" and self._h2.open_outbound_streams:
            self._h2.reset_stream(1, ErrorCodes.CANCEL)
            self._flush()
        if self.plan.how == "reset":
            transport.abortConnection()
        else:
            transport.loseConnection()

    def _flush(self) -> None:
        self.write(self._h2.data_to_send())
