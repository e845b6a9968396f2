"""
Network addresses, as limits per address count them.
"""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET6, inet_ntop, inet_pton

from twisted.internet.interfaces import IAddress

__all__ = ["network_of"]

# RFC 6177: a site has at least a /64, so one machine can use 2**64 addresses.
_PREFIX = 8  # bytes

# RFC 4291, 2.5.5.2: "IPv4-Mapped IPv6 Address".  A dual-stack socket reports these.
_MAPPED = bytes(10) + b"\xff\xff"


def network_of(address: IAddress) -> str:
    """
    The part of *address* that counts as one client.

    It is the whole IPv4 address, whether the socket is IPv4 or dual-stack; the /64
    network of an IPv6 address; and "" for an address without a host: all connections
    through a proxy's UNIX socket count as one client.
    """
    host: str = getattr(address, "host", None) or ""
    return _network(host) if ":" in host else host


# Asked several times for each connection.
@lru_cache(maxsize=256)
def _network(host: str) -> str:
    try:
        packed = inet_pton(AF_INET6, host.partition("%")[0])
    except OSError:
        return host
    if packed.startswith(_MAPPED):
        return ".".join(map(str, packed[12:]))
    return f"{inet_ntop(AF_INET6, packed[:_PREFIX] + bytes(16 - _PREFIX))}/64"
