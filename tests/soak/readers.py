"""
Clients that abort at a random moment and in a random way.
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

__all__ = ["HOW", "WHEN", "HTTP2Reader", "Plan", "Reader"]

#: The moments: in the middle of the request, after it, with the first bytes of the answer, a moment
#: later, and at the end of the answer or after `_LONGEST_STAY`.
WHEN = ("requesting", "requested", "answered", "later", "end")

#: The ways.  A connection that cannot be half-closed is closed.
HOW = ("close", "reset", "half-close")

# How long a reader stays connected, in seconds.
_LATER = 0.02
_LONGEST_STAY = 0.5


@dataclass(frozen=True)
class Plan:
    """
    The request of one reader, and how it disconnects.

    Attributes:
        target: The path and the query.

        when: One of `WHEN`.

        how: One of `HOW`.

        delay: How long "later" is, in seconds.
    """

    target: str
    when: str
    how: str
    delay: float

    @classmethod
    def choose(cls, rng: random.Random, target: str) -> "Plan":
        """
        Make a random plan.
        """
        return cls(target, rng.choice(WHEN), rng.choice(HOW), rng.random() * _LATER)


class Reader(Protocol):
    """
    Reads over HTTP/1.1, and aborts.

    Attributes:
        done: Fires when the connection is lost.

        forced: Whether the server did not close the connection in time.
    """

    def __init__(self, reactor: Any, plan: Plan) -> None:
        self.done: Deferred[None] = Deferred()
        self.forced = False
        self.plan = plan
        self._reactor = reactor
        self._leaving = False
        self._unfinished = False
        self._received = b""
        self._call: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """
        See `Protocol.connectionMade`.
        """
        self._plan_call(_LONGEST_STAY, self._start_leaving)
        request = f"GET {self.plan.target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.write(request[:-3] if self.plan.when == "requesting" else request)
        if self.plan.when in ("requesting", "requested"):
            self._start_leaving()

    def dataReceived(self, data: bytes) -> None:
        """
        See `Protocol.dataReceived`.
        """
        # The last chunk may arrive in two parts.
        self._received = (self._received + data)[-5:]
        self.received(self._received == b"0\r\n\r\n")

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        See `Protocol.connectionLost`.
        """
        self._cancel_call()
        self.done.callback(None)

    def write(self, data: bytes) -> None:
        """
        Send *data*.
        """
        transport: Any = self.transport
        transport.write(data)

    def received(self, over: bool) -> None:
        """
        Handle bytes of the answer; *over* says whether they were the last ones.
        """
        if self._leaving:
            return
        if over or self.plan.when == "answered":
            self._start_leaving()
        elif self.plan.when == "later" and not self._unfinished:
            self._unfinished = True
            self._plan_call(self.plan.delay, self._start_leaving)

    def leave(self) -> None:
        """
        Abort as planned.
        """
        transport: Any = self.transport
        if self.plan.how == "reset":
            transport.abortConnection()
        elif self.plan.how == "half-close" and hasattr(transport, "loseWriteConnection"):
            transport.loseWriteConnection()
        else:
            transport.loseConnection()

    def _start_leaving(self) -> None:
        self._leaving = True
        self._plan_call(_LONGEST_STAY, self._force)
        self.leave()

    def _force(self) -> None:
        self.forced = True
        transport: Any = self.transport
        transport.abortConnection()

    def _plan_call(self, delay: float, action: Callable[[], None]) -> None:
        self._cancel_call()
        self._call = self._reactor.callLater(delay, action)

    def _cancel_call(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()


class HTTP2Reader(Reader):
    """
    Reads over HTTP/2; "half-close" resets the HTTP/2 stream and closes the connection later.
    """

    def connectionMade(self) -> None:
        """
        See `Protocol.connectionMade`.
        """
        self._h2 = H2Connection(H2Configuration(client_side=True))
        self._h2.initiate_connection()
        names = (":method", ":scheme", ":authority", ":path")
        values = ("GET", "https", "localhost", self.plan.target)
        self._plan_call(_LONGEST_STAY, self._start_leaving)
        if self.plan.when != "requesting":
            self._h2.send_headers(1, list(zip(names, values, strict=True)), end_stream=True)
        self._flush()
        if self.plan.when in ("requesting", "requested"):
            self._start_leaving()

    def dataReceived(self, data: bytes) -> None:
        """
        See `Protocol.dataReceived`.
        """
        events = self._h2.receive_data(data)
        self._flush()
        names = {type(event).__name__ for event in events}
        if "StreamEnded" in names or "ResponseReceived" in names or "DataReceived" in names:
            self.received("StreamEnded" in names)

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
