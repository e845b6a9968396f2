"""
The ports of the hub on its own.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
)
from twisted.internet.interfaces import IStreamServerEndpoint

__all__ = ["endpoint_for"]

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
