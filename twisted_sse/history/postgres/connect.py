"""
Connects to PostgreSQL once: to the first server of a URL that can be written to.

Names are looked up by the reactor, and every step has a deadline, because libpq's own
look-up blocks, and its ``connect_timeout`` is for blocking calls only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IHostResolution, IReactorTime, IResolutionReceiver
from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.postgres.errors import explain_lost
from twisted_sse.history.postgres.protocol import PostgresProtocol
from twisted_sse.history.postgres.url import PostgresHost, PostgresURL
from twisted_sse.history.postgres.watch import SocketWatch

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

__all__ = ["Greeting", "PostgresConnector"]

#: What is asked on each new connection before it is used.
Greeting = Callable[[PostgresProtocol], Coroutine[Any, Any, None]]

# How long one of several servers may take, in seconds.
_TRY = 2.0


class PostgresConnector:
    """
    Makes connections to the PostgreSQL of a URL.

    Args:
        greet: An error of it means that this server cannot be used.

        timeout: The longest time until a connection is ready, in seconds.
    """

    def __init__(
        self, url: PostgresURL, greet: Greeting, timeout: float, clock: IReactorTime
    ) -> None:
        self._url = url
        self._greet = greet
        self._timeout = timeout
        self._clock = clock
        # The server of the last connection: others may be down, and cost time.
        self._first = 0

    def connect(self) -> Deferred[PostgresProtocol]:
        """
        Connect.  Cancel the result to give up.

        Returns:
            A connection that is ready for statements.

        Raises:
            Exception: The attempt failed, and its connection is closed.
        """
        connecting = Deferred.fromCoroutine(self._connect())
        return connecting.addTimeout(self._timeout, self._clock, self._slow)

    async def _connect(self) -> PostgresProtocol:
        targets = self._url.targets
        reasons: list[str] = []
        for offset in range(len(targets)):
            index = (self._first + offset) % len(targets)
            try:
                made = await self._connect_to(targets[index])
            except (HistoryUnavailable, OSError) as error:
                several = f"{targets[index]}: " if len(targets) > 1 else ""
                reasons.append(f"{several}{error}")
            else:
                self._first = index
                return made
        raise HistoryUnavailable("; ".join(reasons))

    async def _connect_to(self, target: PostgresHost) -> PostgresProtocol:
        """
        Connect to the first address of *target* that answers.

        Raises:
            HistoryUnavailable: None does.
        """
        reasons: dict[str, None] = {}
        async for address in self._addresses(target):
            trying = Deferred.fromCoroutine(self._connect_at(target, address))
            if len(self._url.targets) > 1:
                trying.addTimeout(_TRY, self._clock, self._slow)
            try:
                return await trying
            except Exception as error:
                if isinstance(error, CancelledError):
                    raise
                reasons[explain_lost(error)] = None
        raise HistoryUnavailable(" and ".join(reasons) or "its name has no address")

    async def _addresses(self, target: PostgresHost) -> AsyncIterator[str]:
        if target.is_socket or target.address:
            yield target.address
            return
        for address in await _resolve(target.host):
            yield address

    async def _connect_at(self, target: PostgresHost, address: str) -> PostgresProtocol:
        from psycopg import pq
        from twisted.internet import reactor

        options = self._url.for_target(target, address)
        raw = pq.PGconn.connect_start(_conninfo(options))
        try:
            if raw.status == pq.ConnStatus.BAD:
                raise ConnectionError(raw.get_error_message())
            await _made(raw, reactor)
            protocol = PostgresProtocol(raw, reactor, self._clock)
        except BaseException:
            raw.finish()
            raise
        try:
            await self._greet(protocol)
        except BaseException as error:
            protocol.drop(error if isinstance(error, Exception) else ConnectionError("given up"))
            raise
        return protocol

    def _slow(self, result: object, timeout: float) -> NoReturn:
        raise HistoryUnavailable(f"it has not answered for {timeout:g} seconds")


def _made(raw: PGconn, reactor: Any) -> Deferred[None]:
    """
    Drive ``connect_poll`` to its end.
    """
    from psycopg import pq

    watch: SocketWatch | None = None

    def end(_: object = None) -> None:
        nonlocal watch
        if watch is not None:
            watch.end()
            watch = None

    def turn() -> None:
        nonlocal watch
        end()
        try:
            status = raw.connect_poll()
        except Exception as error:
            done.errback(ConnectionError(str(error)))
            return
        if status == pq.PollingStatus.OK:
            done.callback(None)
        elif status == pq.PollingStatus.FAILED:
            done.errback(ConnectionError(raw.get_error_message()))
        else:
            wait(status == pq.PollingStatus.READING)

    def wait(read: bool) -> None:
        nonlocal watch
        watch = SocketWatch(raw.socket, turn, reactor)
        watch.want(read, not read)

    done: Deferred[None] = Deferred(end)
    # libpq: after PQconnectStart, behave as if PQconnectPoll had returned
    # PGRES_POLLING_WRITING.
    wait(False)
    return done


def _conninfo(options: dict[str, str]) -> bytes:
    quoted = (
        (name, value.replace("\\", "\\\\").replace("'", "\\'")) for name, value in options.items()
    )
    return " ".join(f"{name}='{value}'" for name, value in quoted).encode()


@implementer(IResolutionReceiver)
class _Addresses:
    """
    Collects the IP addresses of a name.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self.done: Deferred[list[str]] = Deferred()

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """
        See `IResolutionReceiver.resolutionBegan`.
        """

    def addressResolved(self, address: IAddress) -> None:
        """
        See `IResolutionReceiver.addressResolved`.
        """
        host: str = getattr(address, "host", "")
        if host and host not in self.found:
            self.found.append(host)

    def resolutionComplete(self) -> None:
        """
        See `IResolutionReceiver.resolutionComplete`.
        """
        if not self.done.called:
            self.done.callback(self.found)


def _resolve(name: str) -> Deferred[list[str]]:
    from twisted.internet import reactor

    resolver: Any = reactor
    addresses = _Addresses()
    resolver.nameResolver.resolveHostName(addresses, name)
    return addresses.done
