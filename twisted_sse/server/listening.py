"""
The ports of the hub on its own.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
)
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure

from twisted_sse.transport.sockets import limit_sending

__all__ = ["Port", "endpoint_for"]

# Connections that wait to be accepted.  Twisted's own 50 turns subscribers away
# when they all come back at once; the kernel cuts this to net.core.somaxconn.
_BACKLOG = 4096


def endpoint_for(reactor: Any, description: str) -> IStreamServerEndpoint:
    """
    Where to listen.

    Args:
        description: A port number, meaning every address of this machine, or
            a Twisted endpoint description, taken as it is.

    Raises:
        ValueError: It is neither.
    """
    if not (description.isascii() and description.isdigit()):
        endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
        return endpoint
    port = int(description)
    if port > 65535:
        raise ValueError(f"there is no port {port}; the highest is 65535")
    if socket.has_dualstack_ipv6():
        return TCP6ServerEndpoint(reactor, port, backlog=_BACKLOG, interface="::")
    return TCP4ServerEndpoint(reactor, port, backlog=_BACKLOG)


class Port(Service):
    """
    Listens from start to stop.

    Args:
        description: What the user wrote.

        send_timeout: See `limit_sending`; for every connection, because those
            inherit it from the socket that listens.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        factory: IProtocolFactory,
        description: str,
        send_timeout: float | None,
    ) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self._description = description
        self._send_timeout = send_timeout
        self._port: IListeningPort | None = None

    @property
    def number(self) -> int | None:
        """
        The TCP port, if it is one and has begun to listen.
        """
        return None if self._port is None else getattr(self._port.getHost(), "port", None)

    def privilegedStartService(self) -> None:
        """
        See `IService.privilegedStartService`: ports below 1024 need it.

        Raises:
            SystemExit: The port cannot be had.
        """
        failures: list[Failure] = []
        self._endpoint.listen(self._factory).addCallbacks(self._listens, failures.append)
        if failures:
            # Here and not in a callback, which would log it and go on.
            reason = getattr(failures[0].value, "strerror", None) or failures[0].getErrorMessage()
            raise SystemExit(f"twistd sse: --port {self._description}: {reason}")

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        super().stopService()
        stopping: Deferred[None] = maybeDeferred(self._close)
        return stopping

    def _listens(self, port: IListeningPort) -> None:
        self._port = port
        listening = getattr(port, "socket", None)
        if isinstance(listening, socket.socket):
            limit_sending(listening, self._send_timeout)

    def _close(self) -> Any:
        return None if self._port is None else self._port.stopListening()
