"""
Who makes the requests: a treq client, whatever a caller brings.
"""

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IReactorTCP
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer

from twisted_sse.client.closing import PartingEndpoints

__all__ = ["WholeBody", "client_of"]


def client_of(given: Any, reactor: object, connect_timeout: float | None) -> Any:
    """
    Something with treq's ``request``.

    Args:
        given: A treq client, as it is; an `IAgent`, wrapped in one; or ``None``.

        reactor: For connections of its own, if it can make any; else the global
            one is asked.

        connect_timeout: Of a connection of its own, in seconds.
    """
    if given is None:
        given = _own_agent(reactor, connect_timeout)
    if IAgent.providedBy(given):
        return HTTPClient(given, data_to_body_producer=WholeBody)
    return given


def _own_agent(reactor: object, connect_timeout: float | None) -> IAgent:
    if not IReactorTCP.providedBy(reactor):
        from twisted.internet import reactor
    # One stream, one connection, closed when it is over.
    pool = HTTPConnectionPool(reactor, persistent=False)
    agent: IAgent = Agent.usingEndpointFactory(
        reactor, PartingEndpoints(reactor, connect_timeout), pool
    )
    return agent


@implementer(IBodyProducer)
class WholeBody:
    """
    The body of a request that is in memory, in one piece.

    treq's own producer, which is for files, needs the global reactor.
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
        See `IBodyProducer.pauseProducing`: there is nothing left to hold back.
        """

    def resumeProducing(self) -> None:
        """
        See `IBodyProducer.resumeProducing`.
        """

    def stopProducing(self) -> None:
        """
        See `IBodyProducer.stopProducing`.
        """
