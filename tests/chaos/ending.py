"""
How a hostile server ends its connections, and whether the client has closed them.
"""

import random
import socket
from typing import Any

from tests.chaos.answers import End

__all__ = ["client_is_connected", "end_connection"]

# The kernel's TCP states in which the client's half of a connection is open: ESTABLISHED,
# FIN_WAIT1, FIN_WAIT2.  Only the kernel knows it at this moment.
_CLIENT_OPEN = (1, 4, 5)


def client_is_connected(transport: Any) -> bool:
    """
    Return whether the client's half is still open, as the kernel sees it.
    """
    plain = transport.socket
    if plain.fileno() < 0:
        return False
    return plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _CLIENT_OPEN


def end_connection(transport: Any, end: End, reactor: Any, rng: random.Random) -> None:
    """
    End the connection as *end* says.  What was written before still arrives, except after a reset.
    """
    tls = hasattr(transport, "getPeerCertificate")
    if end is End.RESET:
        transport.abortConnection()
    elif end is End.CUT and tls and rng.random() < 0.5:
        # No TLS close_notify.  The delay lets TLS write its buffer first.
        reactor.callLater(0.01, transport.transport.loseConnection)
    elif end is End.CUT or (end is End.HALF and tls):
        # TLS cannot be half-closed.
        transport.loseConnection()
    elif end is End.HALF:
        transport.loseWriteConnection()
