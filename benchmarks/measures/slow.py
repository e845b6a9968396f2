"""
Slow readers: the cost of a hundred clients that never read, for the server and the others.

200 kB per second are published to each of them and to as many healthy clients, with and without
them.  Measured are the growth of the server's resident memory and the latency of the healthy
clients.
"""

from benchmarks.measures.case import Case, generated
from benchmarks.servers import Server
from benchmarks.sizes import Sizes

__all__ = ["cases"]

CLIENTS = 100
PAYLOAD = 2_000  # bytes
RATE = 100  # events per second, which makes 200 kB

# Servers with one buffer per client.
SUITABLE = ("hub", "nchan", "express", "twisted-naive")


def cases(sizes: Sizes) -> list[Case]:
    """
    The same run without and with stuck clients.
    """
    healthy: list[object] = ["-n", CLIENTS, "-e", RATE * sizes.slow_seconds]
    healthy += ["--rate", RATE, "--size", PAYLOAD]
    stuck = [*healthy, "--stuck", CLIENTS]
    return [
        generated("slow-without", lambda server: healthy, _suits),
        generated("slow-with", lambda server: stuck, _suits),
    ]


def _suits(server: Server) -> bool:
    return server.name in SUITABLE
