"""
The new process: it asks the running hub for its sockets, before its own reactor runs.

Everything here waits, which holds nobody: connections wait in the queues of the sockets.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IStreamServerEndpoint

from twisted_sse.server.inherited import Inheriting, inheriting_description
from twisted_sse.server.listening import endpoint_for
from twisted_sse.server.portdescription import PortDescription
from twisted_sse.server.takeover.messages import LONGEST, READY, Answer, Request, read_answer

__all__ = ["Claim", "TakeoverFailed", "claim"]

# How long the running hub may take to answer, in seconds: it needs a turn of its reactor.
_TIMEOUT = 10.0

# The most sockets; SCM_MAX_FD of Linux.
_MOST = 253


class TakeoverFailed(Exception):
    """
    The running hub gives no sockets; half a sentence.
    """


class Claim(Service):
    """
    The sockets of the hub that is replaced.

    As a service, it tells that hub when this one accepts connections.
    """

    def __init__(
        self, connection: socket.socket, ports: Sequence[str], descriptors: Sequence[int]
    ) -> None:
        self._connection = connection
        self._left = list(zip(ports, descriptors, strict=True))
        self._reactor: Any = None

    def endpoint(self, reactor: Any, index: int, description: str) -> IStreamServerEndpoint:
        """
        Return an endpoint on the socket that the other hub had for *description*, or else
        a new one; see `Role`.

        What is spoken on it, TLS or the PROXY protocol, may have changed.
        """
        self._reactor = reactor
        for place, (port, descriptor) in enumerate(self._left):
            if PortDescription.parse(port).endpoint == description:
                del self._left[place]
                inheriting = Inheriting(reactor, descriptor, owns_path=True)
                return endpoint_for(inheriting, inheriting_description(description))
        return endpoint_for(reactor, description)

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        # Sockets that this configuration does not have any more.
        for _, descriptor in self._left:
            os.close(descriptor)
        self._left.clear()

    def tell_ready(self) -> None:
        """
        Tell the other hub that this one accepts connections.
        """
        try:
            self._connection.sendall(READY)
        except OSError:
            # It has ended already.
            return
        finally:
            self._connection.close()


def claim(path: str, *, shared: bool) -> Claim | None:
    """
    Ask the hub that listens at *path* for its sockets.

    If its history cannot be used by two processes, this returns when it has been closed.

    Args:
        shared: Whether the history of this process can be used by several.

    Returns:
        The sockets; ``None`` if no hub runs there.

    Raises:
        TakeoverFailed: It does not give them.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_TIMEOUT)
    try:
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        raise TakeoverFailed(f"{path} cannot be used: {error.strerror or error}") from None
    try:
        connection.sendall(Request(shared).encode())
        answer, descriptors = _receive(connection)
        if answer.refusal:
            raise TakeoverFailed(answer.refusal)
        if answer.wait:
            _wait_for_end(connection, answer.wait)
    except (OSError, ValueError) as error:
        connection.close()
        raise TakeoverFailed(f"the hub at {path} does not answer as it should: {error}") from None
    return Claim(connection, answer.ports, descriptors)


def _receive(connection: socket.socket) -> tuple[Answer, list[int]]:
    line = b""
    descriptors: list[int] = []
    while not line.endswith(b"\n"):
        data, received, _, _ = socket.recv_fds(connection, LONGEST, _MOST)
        descriptors += received
        line += data
        if not data or len(line) > LONGEST:
            raise ValueError("its answer is cut")
    answer = read_answer(line)
    if len(answer.ports) != len(descriptors):
        raise ValueError(f"{len(descriptors)} of {len(answer.ports)} sockets have arrived")
    return answer, descriptors


def _wait_for_end(connection: socket.socket, seconds: float) -> None:
    connection.settimeout(seconds)
    try:
        while connection.recv(LONGEST):
            pass
    except ConnectionResetError:
        return
    except TimeoutError:
        raise ValueError(f"it has not closed its history within {seconds:g} seconds") from None
