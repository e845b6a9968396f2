"""
The Redis protocol on one connection: txredisapi's, with a faster reader of replies.

txredisapi imports the reactor and may not be installed, so it is imported when
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

from twisted_sse.history.redis.replies import BadReply, ReplyParser
from twisted_sse.history.storeconnection import ConnectionGone

__all__ = ["RedisFactory", "RedisProtocol", "check_installed"]


def check_installed() -> None:
    """
    Check that txredisapi is installed, without importing it.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    if find_spec("txredisapi") is None:
        raise ModuleNotFoundError(
            "history in Redis needs txredisapi: pip install 'twisted-sse[redis]'",
            name="txredisapi",
        )


class RedisProtocol(Protocol):
    """
    One connection to Redis.

    Made only by `RedisFactory`, as a subclass that also inherits txredisapi's
    ``BaseRedisProtocol``, which writes the commands.

    Attributes:
        heard: When Redis last sent something, or was sent a command while it
            owed no answer; in seconds of *clock*.
    """

    transport: Any
    execute_command: Any
    replyQueue: Any
    replyReceived: Any

    def __init__(self, clock: IReactorTime) -> None:
        # By default it would convert strings that look like numbers.
        super().__init__(charset=None, convertNumbers=False)  # type: ignore[call-arg]
        self.heard = clock.seconds()
        self._clock = clock
        self._parser = ReplyParser()
        self._reason: Exception | None = None
        self._lost = False
        self._watching: list[Deferred[Exception]] = []

    @property
    def waiting(self) -> int:
        """
        The number of answers that Redis owes.
        """
        return len(self.replyQueue.waiting)

    def ask(self, *command: str | int) -> Deferred[Any]:
        """
        Send *command*.

        Returns:
            Redis' answer: a list, an int, bytes or ``None``; or a str for a
            status such as ``OK``.

        Raises:
            Refused: Redis has answered with an error.

            ConnectionGone: The connection ended before Redis answered.
        """
        if not self.waiting:
            self.heard = self._clock.seconds()
        return maybeDeferred(self.execute_command, *command).addErrback(self._not_answered)

    def drop(self, reason: Exception) -> None:
        """
        Abort the connection because of *reason*.
        """
        self._reason = self._reason or reason
        if not self._lost:
            self.transport.abortConnection()

    def when_gone(self) -> Deferred[Exception]:
        """
        Wait until the connection has ended.

        Returns:
            The reason.  This fires before the pending commands fail.
        """
        if self._lost:
            return succeed(self._why())
        gone: Deferred[Exception] = Deferred(self._watching.remove)
        self._watching.append(gone)
        return gone

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.

        Replaces txredisapi's login; `RedisConnector` logs in.
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
            # callback(), not errback(): the exception is the result here.
            gone.callback(self._why())
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        self.heard = self._clock.seconds()
        try:
            replies = self._parser.feed(data)
        except BadReply as error:
            self.drop(error)
            return
        for reply in replies:
            self.replyReceived(reply)

    def _why(self) -> Exception:
        return self._reason or ConnectionError("the connection has ended")

    def _not_answered(self, failure: Failure) -> Failure:
        import txredisapi

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
