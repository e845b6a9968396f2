"""
The HTTP client that makes the requests.
"""

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IReactorTCP
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer

from twisted_sse.client.closing import ClosingEndpoints

__all__ = ["BytesProducer", "client_of"]


def client_of(client: Any, reactor: object, connect_timeout: float | None) -> Any:
    """
    Turn whatever the caller passed into an object with treq's ``request``.

    Args:
        client: A treq client, which is returned as it is; an `IAgent`, which is
            wrapped in one; or ``None``, which makes a default agent.

        reactor: Makes the connections of a default agent; the global reactor is
            used instead if *reactor* cannot make any.

        connect_timeout: Of a default agent, in seconds.
    """
    if client is None:
        client = _default_agent(reactor, connect_timeout)
    if IAgent.providedBy(client):
        return HTTPClient(client, data_to_body_producer=BytesProducer)
    return client


def _default_agent(reactor: object, connect_timeout: float | None) -> IAgent:
    if not IReactorTCP.providedBy(reactor):
        from twisted.internet import reactor
    # Each stream has a connection of its own, which is closed when the stream ends.
    pool = HTTPConnectionPool(reactor, persistent=False)
    agent: IAgent = Agent.usingEndpointFactory(
        reactor, ClosingEndpoints(reactor, connect_timeout), pool
    )
    return agent


@implementer(IBodyProducer)
class BytesProducer:
    """
    A request body that is in memory, written in one piece.

    treq's own producer is made for files and needs the global reactor.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        See `IBodyProducer.startProducing`.
        """
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        See `IBodyProducer.pauseProducing`: everything has been written already.
        """

    def resumeProducing(self) -> None:
        """
        See `IBodyProducer.resumeProducing`.
        """

    def stopProducing(self) -> None:
        """
        See `IBodyProducer.stopProducing`.
        """
