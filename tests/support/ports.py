"""
Port numbers for servers that have to be started again on the same one.
"""

import random
import socket

__all__ = ["free_port"]

# Below what Linux gives to outgoing connections (net.ipv4.ip_local_port_range
# begins at 32768): a client that waits for its server on a port of that range can
# meet itself, and can take the port from a server that is being started again.
_LOWEST, _HIGHEST = 18000, 32000


def free_port() -> int:
    """
    A port number that nothing listens on, on any address of this machine.
    """
    while True:
        port = random.randint(_LOWEST, _HIGHEST)
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                probe.bind(("::", port))
            except OSError:
                continue
            return port
