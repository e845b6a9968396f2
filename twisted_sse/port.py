"""
Listens, and says where.
"""

from __future__ import annotations

from socket import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure

from twisted_sse.sockets import limit_sending

__all__ = ["Port"]


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
        if isinstance(listening, socket):
            limit_sending(listening, self._send_timeout)

    def _close(self) -> Any:
        return None if self._port is None else self._port.stopListening()
