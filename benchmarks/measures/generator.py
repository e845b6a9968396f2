"""
A stream from a generator: the CPU time of one event when one client reads as fast as it can.

The client is this program, on the generator's core.  It only counts, so a server that writes larger
pieces has an advantage, as with every client.
"""

import socket
import time

from benchmarks.measures.case import Case
from benchmarks.process import Running, cpu_seconds
from benchmarks.results import Sample
from benchmarks.servers import Server
from benchmarks.sizes import Sizes

__all__ = ["Count", "cases"]

# Servers whose application answers `GET /gen?n=N`.
SUITABLE = (
    "floor",
    "hub-generator",
    "express",
    "better-sse",
    "twisted-naive",
    "aiohttp-sse",
    "sse-starlette",
)

# The end of every event, with any line ending; the events all have the same number.
MARK = b";s=00000000;"

# Imports, first allocations, just-in-time compilers.
WARM = 2_000

LIMIT = 60.0  # seconds without a byte


class Count:
    """
    Counts marks in bytes that come in pieces.

    Attributes:
        seen: How many were found.
    """

    def __init__(self) -> None:
        self.seen = 0
        self._end = b""

    def feed(self, data: bytes) -> None:
        """
        Count the marks that *data* completes.
        """
        whole = self._end + data
        self.seen += whole.count(MARK)
        # Marks cannot overlap, so none that was counted is whole in here.
        self._end = whole[-len(MARK) + 1 :]


def cases(sizes: Sizes) -> list[Case]:
    """
    One stream.
    """

    def take(server: Server) -> Sample:
        count = max(sizes.generated // 10, 1) if server.slow else sizes.generated
        with Running(server) as running:
            _read(server.port, WARM)
            before, began = cpu_seconds(running.pids), time.perf_counter()
            _read(server.port, count)
            used, wall = cpu_seconds(running.pids) - before, time.perf_counter() - began
        values = {"cpu_us_per_event": used * 1e6 / count, "events_per_s": count / wall}
        return Sample(server.name, "generator", values)

    return [Case("generator", take, lambda server: server.name in SUITABLE)]


def _read(port: int, events: int) -> None:
    counted = Count()
    with socket.create_connection(("127.0.0.1", port), LIMIT) as stream:
        stream.sendall(f"GET /gen?n={events} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        while counted.seen < events:
            data = stream.recv(1 << 18)
            if not data:
                raise ConnectionError(f"the stream was closed after {counted.seen} events")
            counted.feed(data)
    if counted.seen > events:
        raise ConnectionError(f"{counted.seen} events came where {events} were asked for")
