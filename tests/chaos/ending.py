"""
How connections of a rogue server end, and whether the client has ended them.
"""

import random
import socket
from typing import Any

from tests.chaos.answers import End

__all__ = ["client_is_there", "end_connection"]

# The states in which the client's half of a connection is open, as the kernel counts them:
# ESTABLISHED, FIN_WAIT1, FIN_WAIT2.  Nothing else tells it at this very moment.
_CLIENT_OPEN = (1, 4, 5)


def client_is_there(transport: Any) -> bool:
    """
    Whether the client has not closed its half, as far as the kernel knows.
    """
    plain = transport.socket
    if plain.fileno() < 0:
        return False
    return plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _CLIENT_OPEN


def end_connection(transport: Any, end: End, reactor: Any, rng: random.Random) -> None:
    """
    End it as *end* says; what has been written before still arrives, but after a reset.
    """
    tls = hasattr(transport, "getPeerCertificate")
    if end is End.RESET:
        transport.abortConnection()
    elif end is End.CUT and tls and rng.random() < 0.5:
        # Without the goodbye of TLS, when what it holds back has been written.
        reactor.callLater(0.01, transport.transport.loseConnection)
    elif end is End.CUT or (end is End.HALF and tls):
        # TLS has no halves.
        transport.loseConnection()
    elif end is End.HALF:
        transport.loseWriteConnection()
