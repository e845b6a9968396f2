"""
Connecting to Redis once: TCP or TLS, then who one is and which database.
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
from twisted_sse.history.redis.protocol import ConnectionGone, RedisFactory, RedisProtocol, Refused
from twisted_sse.history.redis.url import RedisURL

__all__ = ["RedisDialer"]


class RedisDialer:
    """
    Knows how to connect.

    Args:
        authorities: Who may have signed the server's certificate; ``None`` are
            those that the machine trusts.  The certificate has to be that of
            the URL's host, in any case.

        timeout: How long it may take until Redis has said yes to everything, in
            seconds.
    """

    def __init__(
        self,
        url: RedisURL,
        authorities: Sequence[Certificate] | None,
        timeout: float,
        clock: IReactorTime,
    ) -> None:
        self.url = url
        self._authorities = authorities
        self._timeout = timeout
        self._clock = clock

    def dial(self) -> Deferred[RedisProtocol]:
        """
        Connect; cancelling gives it up.

        Returns:
            A connection that is ready for commands.

        Raises:
            Exception: There is no connection, and nothing of it is left.
        """
        dialing = Deferred.fromCoroutine(self._connect())
        return dialing.addTimeout(self._timeout, self._clock, self._slow)

    async def _connect(self) -> RedisProtocol:
        made = await self._endpoint().connect(RedisFactory(self._clock))
        protocol = cast(RedisProtocol, made)
        try:
            await self._greet(protocol)
        except ConnectionGone as gone:
            raise gone.reason from None
        except Exception as error:
            protocol.drop(error)
            await protocol.when_gone()
            raise
        return protocol

    async def _greet(self, protocol: RedisProtocol) -> None:
        url = self.url
        user = [url.user] if url.user else []
        try:
            if url.password:
                await protocol.ask("AUTH", *user, url.password)
            await protocol.ask("SELECT", url.db)
            # Unlike these two, this is refused while Redis is still loading.
            await protocol.ask("PING")
        except Refused as refused:
            raise HistoryUnavailable(sentence_of(refused.message)) from None

    def _endpoint(self) -> IStreamClientEndpoint:
        from twisted.internet import reactor

        url = self.url
        endpoint = HostnameEndpoint(reactor, url.host, url.port, timeout=self._timeout)
        if not url.secure:
            return endpoint
        signers = self._authorities
        trusted = None if signers is None else trustRootFromCertificates(signers)
        return wrapClientTLS(optionsForClientTLS(url.host, trustRoot=trusted), endpoint)

    def _slow(self, result: object, timeout: float) -> NoReturn:
        raise HistoryUnavailable(f"it has not answered for {timeout:g} seconds")
