"""
Connects to Redis once: over TCP or TLS, then logs in and selects the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.redis.errors import sentence_of
from twisted_sse.history.redis.protocol import RedisFactory, RedisProtocol, Refused
from twisted_sse.history.redis.url import RedisURL
from twisted_sse.history.storeconnection import ConnectionGone

__all__ = ["RedisConnector"]


class RedisConnector:
    """
    Makes connections to the Redis of a URL.

    Args:
        ca_certificates: The certificate authorities to trust; ``None`` for those
            of the machine.  In both cases the server's certificate has to be
            that of the URL's host.

        timeout: The longest time until a connection is ready, in seconds.
    """

    def __init__(
        self,
        url: RedisURL,
        ca_certificates: Sequence[Certificate] | None,
        timeout: float,
        clock: IReactorTime,
    ) -> None:
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
        made = await self._endpoint().connect(RedisFactory(self._clock))
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
            # Redis refuses PING while it is loading, but neither AUTH nor SELECT.
            await protocol.ask("PING")
        except Refused as refused:
            raise HistoryUnavailable(sentence_of(refused.message)) from None

    def _endpoint(self) -> IStreamClientEndpoint:
        from twisted.internet import reactor

        url = self.url
        endpoint = HostnameEndpoint(reactor, url.host, url.port, timeout=self._timeout)
        if not url.secure:
            return endpoint
        given = self._ca_certificates
        trusted = None if given is None else trustRootFromCertificates(given)
        return wrapClientTLS(optionsForClientTLS(url.host, trustRoot=trusted), endpoint)

    def _slow(self, result: object, timeout: float) -> NoReturn:
        raise HistoryUnavailable(f"it has not answered for {timeout:g} seconds")
