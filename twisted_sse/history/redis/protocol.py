"""
How one speaks to Redis over one connection: txredisapi's protocol, made quick.

txredisapi imports the reactor and need not be installed, so it is imported when
the first connection is made.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

__all__ = ["ConnectionGone", "RedisFactory", "RedisProtocol", "Refused", "check_installed"]

# In bytes.  With each text that it takes from what it was given, txredisapi copies
# all that is left.
_SLICE = 2048


class ConnectionGone(Exception):
    """
    The connection ended before Redis had answered.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Refused(Exception):
    """
    Redis has answered with an error.

    Attributes:
        message: What it says; often a code in capitals, and then a sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def check_installed() -> None:
    """
    See whether txredisapi is installed, without importing it.

    Raises:
        ModuleNotFoundError: It is not.
    """
    if find_spec("txredisapi") is None:
        raise ModuleNotFoundError(
            "history in Redis needs txredisapi: pip install 'twisted-sse[redis]'",
            name="txredisapi",
        )


class RedisProtocol(Protocol):
    """
    One connection.  Made by `RedisFactory` only, which puts it in front of
    txredisapi's ``BaseRedisProtocol``: that one waits a turn of the reactor for
    each text in an answer, and this one does not.

    Attributes:
        heard: When Redis was last heard of, or was asked when no answer was due;
            in seconds of *clock*.
    """

    transport: Any
    execute_command: Any
    replyQueue: Any
    line_mode: int

    def __init__(self, clock: IReactorTime) -> None:
        # By default it would make numbers of texts that look like numbers.
        super().__init__(charset=None, convertNumbers=False)  # type: ignore[call-arg]
        self.heard = clock.seconds()
        self._clock = clock
        self._rest = b""
        self._reason: Exception | None = None
        self._lost = False
        self._watching: list[Deferred[Exception]] = []

    @property
    def waiting(self) -> int:
        """
        How many answers are due.
        """
        return len(self.replyQueue.waiting)

    def ask(self, *command: str | int) -> Deferred[Any]:
        """
        Have Redis do *command*.

        Returns:
            What Redis answers: a list, an int or bytes; ``None``; or a str, if
            it is no more than ``OK`` or the like.

        Raises:
            Refused: It answers with an error.

            ConnectionGone: It cannot answer any more.
        """
        if not self.waiting:
            self.heard = self._clock.seconds()
        return maybeDeferred(self.execute_command, *command).addErrback(self._not_answered)

    def drop(self, reason: Exception) -> None:
        """
        End the connection at once, because of *reason*.
        """
        self._reason = self._reason or reason
        if not self._lost:
            self.transport.abortConnection()

    def when_gone(self) -> Deferred[Exception]:
        """
        Wait until the connection has ended.

        Returns:
            The reason; it is told before any question fails of it.
        """
        if self._lost:
            return succeed(self._why())
        gone: Deferred[Exception] = Deferred(self._watching.remove)
        self._watching.append(gone)
        return gone

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.  Who one is, a `RedisDialer` says.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self._lost = True
        if self._reason is None and isinstance(reason.value, Exception):
            self._reason = reason.value
        watching, self._watching = self._watching, []
        for gone in watching:
            # As a value: an exception would make it fail.
            gone.callback(self._why())
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        self.heard = self._clock.seconds()
        for start in range(0, len(data), _SLICE):
            self._rest = data[start : start + _SLICE]
            while self._rest:
                given, self._rest = self._rest, b""
                super().dataReceived(given)

    def setLineMode(self, extra: bytes = b"") -> None:
        """
        Called with what follows a text, when that has ended.
        """
        self.line_mode = 1
        self._rest = extra

    def _why(self) -> Exception:
        return self._reason or ConnectionError("the connection has ended")

    def _not_answered(self, failure: Failure) -> Failure:
        import txredisapi

        if failure.check(txredisapi.ResponseError):
            return Failure(Refused(str(failure.value)))
        if failure.check(txredisapi.ConnectionError):
            return Failure(ConnectionGone(self._why()))
        return failure


class RedisFactory(Factory):
    """
    Makes a `RedisProtocol` for each connection.
    """

    noisy = False

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        See `IProtocolFactory.buildProtocol`.
        """
        made = _protocol_class()(self._clock)
        made.factory = self
        return made


@cache
def _protocol_class() -> type[RedisProtocol]:
    from txredisapi import BaseRedisProtocol

    return type("TxRedisProtocol", (RedisProtocol, BaseRedisProtocol), {})
