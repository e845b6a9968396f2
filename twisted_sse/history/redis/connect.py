"""
Connects to Redis once: over TCP, TLS or a UNIX socket, then logs in and selects the database.

With Sentinels, the address is asked for each time.  In a cluster, the node is searched that
has the keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    UNIXClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.redis.errors import sentence_of
from twisted_sse.history.redis.protocol import RedisFactory, RedisProtocol
from twisted_sse.history.redis.replies import Refused
from twisted_sse.history.redis.sentinel import Sentinels
from twisted_sse.history.redis.url import RedisURL
from twisted_sse.history.storeconnection import ConnectionGone

__all__ = ["RedisConnector"]

# How long a Sentinel may take, in seconds: others may be asked.
_SENTINEL_TIMEOUT = 1.0

# How many nodes of a cluster are tried: each says where the keys are.
_MOST_MOVES = 5


class RedisConnector:
    """
    Makes connections to the Redis of a URL.

    Args:
        ca_certificates: The certificate authorities to trust; ``None`` for those
            of the machine.  In both cases the server's certificate has to be
            that of the URL's host.

        key: A key of the history, to find the node of a cluster that has it.

        timeout: The longest time until a connection is ready, in seconds.
    """

    def __init__(
        self,
        url: RedisURL,
        ca_certificates: Sequence[Certificate] | None,
        key: str,
        timeout: float,
        clock: IReactorTime,
    ) -> None:
        self._key = key
        login = tuple(filter(None, (url.sentinel_user, url.sentinel_password)))
        self._sentinels = Sentinels(url.sentinels, url.master, self._connect_to_sentinel, login)
        self.url = url
        self._ca_certificates = ca_certificates
        self._timeout = timeout
        self._clock = clock

    def connect(self) -> Deferred[RedisProtocol]:
        """
        Connect.  Cancel the result to give up.

        Returns:
            A connection that is ready for commands.

        Raises:
            Exception: The attempt failed, and its connection is closed.
        """
        connecting = Deferred.fromCoroutine(self._connect())
        return connecting.addTimeout(self._timeout, self._clock, self._slow)

    async def _connect(self) -> RedisProtocol:
        url = self.url
        host, port = await self._sentinels.find() if url.sentinels else (url.host, url.port)
        for _ in range(_MOST_MOVES):
            try:
                return await self._connect_to(host, port)
            except Refused as refused:
                host, port = _moved_to(refused, host)
        raise HistoryUnavailable("its cluster does not say which node has the keys")

    async def _connect_to(self, host: str, port: int) -> RedisProtocol:
        """
        Connect to a server, and log in.

        Raises:
            Refused: Another node of its cluster has the keys.
        """
        made = await self._endpoint(host, port).connect(RedisFactory(self._clock))
        protocol = cast(RedisProtocol, made)
        try:
            await self._log_in(protocol)
        except ConnectionGone as gone:
            raise gone.reason from None
        except Exception as error:
            protocol.drop(error)
            await protocol.when_gone()
            raise
        return protocol

    async def _log_in(self, protocol: RedisProtocol) -> None:
        url = self.url
        user = [url.user] if url.user else []
        try:
            if url.password:
                await protocol.ask("AUTH", *user, url.password)
            await protocol.ask("SELECT", url.db)
            # Redis refuses this while it is loading, but neither AUTH nor SELECT; and in a
            # cluster, it says which node has the key.
            await protocol.ask("EXISTS", self._key)
        except Refused as refused:
            if refused.message.startswith("MOVED "):
                raise
            raise HistoryUnavailable(sentence_of(refused.message)) from None
        if url.sentinels:
            await self._check_master(protocol)

    async def _check_master(self, protocol: RedisProtocol) -> None:
        """
        Check what a Sentinel has said: it may not know yet of a failover.
        """
        try:
            role = await protocol.ask("ROLE")
        except Refused:
            # This user may not ask; a replica will refuse to write.
            return
        if role[0] != b"master":
            raise HistoryUnavailable(sentence_of("READONLY"))

    def _connect_to_sentinel(self, host: str, port: int) -> Deferred[RedisProtocol]:
        connecting = self._endpoint(host, port).connect(RedisFactory(self._clock))
        connecting.addTimeout(_SENTINEL_TIMEOUT, self._clock, self._slow)
        return cast("Deferred[RedisProtocol]", connecting)

    def _endpoint(self, host: str, port: int) -> IStreamClientEndpoint:
        from twisted.internet import reactor

        url = self.url
        if url.socket:
            return UNIXClientEndpoint(reactor, url.socket, timeout=self._timeout)
        endpoint = HostnameEndpoint(reactor, host, port, timeout=self._timeout)
        if not url.secure:
            return endpoint
        given = self._ca_certificates
        trusted = None if given is None else trustRootFromCertificates(given)
        return wrapClientTLS(optionsForClientTLS(host, trustRoot=trusted), endpoint)

    def _slow(self, result: object, timeout: float) -> NoReturn:
        raise HistoryUnavailable(f"it has not answered for {timeout:g} seconds")


def _moved_to(refused: Refused, host: str) -> tuple[str, int]:
    """
    Where the keys are, according to an error of a node at *host*.
    """
    # Redis: "-MOVED 3999 127.0.0.1:6381"; without a host, it is that of the node.
    _, _, address = refused.message.split(" ")[:3]
    there, _, port = address.rpartition(":")
    return there or host, int(port)
