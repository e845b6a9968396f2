"""
Port numbers for servers that have to be restarted on the same one.
"""

import os
import random
import socket

__all__ = ["free_port"]

# Below what Linux gives to outgoing connections (net.ipv4.ip_local_port_range
# begins at 32768): a client that waits for its server on a port of that range can
# connect to itself, and can take the port from a server that is being restarted.
_LOWEST, _HIGHEST = 18000, 32000

# Ports that this process was given.  A server that is down keeps its port.
_given: set[int] = set()


def free_port() -> int:
    """
    Choose a port number that nothing listens on, on any address of this machine.

    No two calls return the same number, even in two workers of pytest-xdist.
    """
    numbers = _numbers()
    while True:
        port = random.choice(numbers)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _numbers() -> range:
    # pytest-xdist numbers its workers gw0, gw1 and so on.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    step = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return range(_LOWEST + worker, _HIGHEST, step)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            probe.bind(("::", port))
        except OSError:
            return False
        return True
