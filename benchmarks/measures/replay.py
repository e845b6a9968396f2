"""
Replay: clients that resume with a `Last-Event-ID`, each equally many events behind.

The same clients also resume from the newest ID, which costs everything but the replay.  The
difference, divided by the number of replayed events, is the cost of one.
"""

import http.client
import re
import statistics
import time
from collections.abc import Callable, Iterator

from benchmarks.generator import Output, load, sample, warm_up
from benchmarks.measures.case import Case, everyone
from benchmarks.process import Running
from benchmarks.results import Sample
from benchmarks.servers import Server
from benchmarks.sizes import Sizes

__all__ = ["cases", "ids_of_events"]

# One pair of runs differs by more than the measured cost.
PAIRS = 5

READING_LIMIT = 5.0  # seconds without an event

_ID = re.compile(rb"^id: ?(.*)$", re.MULTILINE)


def cases(sizes: Sizes) -> list[Case]:
    """
    For servers that replay events.
    """

    def take(server: Server) -> Sample:
        with Running(server) as running:
            warm_up(running)
            return _replay(running, sizes.few, sizes.behind)

    return [Case("replay", take, lambda server: everyone(server) and server.replays)]


def _replay(running: Running, clients: int, behind: int) -> Sample:
    ids = _publish_and_read_ids(running, behind + 1)
    pairs = [_pair(running, clients, behind, ids) for _ in range(PAIRS)]
    outputs = [output for _, output in pairs]
    failed = next((output for output in outputs if not output["ok"]), None)
    net = statistics.median(_net(base, output) for base, output in pairs)
    gross = statistics.median(float(output["cpu_us_per_delivery"]) for output in outputs)
    # The runs differ in their IDs only, so one of them provides everything that is not a median.
    return sample(running, "replay", failed or outputs[-1], net_us=net, gross_us=gross)


def _pair(running: Running, clients: int, behind: int, ids: list[str]) -> tuple[Output, Output]:
    time.sleep(0.5)
    newest = f"Last-Event-ID: {ids[-1]}"
    base = load(running, "-n", clients, "-e", 0, "--prime", 0, "-H", newest)
    time.sleep(0.5)
    oldest = f"Last-Event-ID: {ids[-behind - 1]}"
    output = load(running, "-n", clients, "-e", behind, "--no-publish", "-H", oldest)
    return base, output


def _net(base: Output, output: Output) -> float:
    connecting_us = float(base["connect_cpu_us"]) * float(output["n"])
    replaying_us = float(output["cpu_s"]) * 1e6
    return (replaying_us - connecting_us) / max(float(output["delivered"]), 1.0)


def _publish_and_read_ids(running: Running, count: int) -> list[str]:
    server = running.server
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=READING_LIMIT)
    connection.request("GET", server.path, headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    # A subscriber is needed, since the generator reads no IDs.
    load(running, "-n", 0, "-e", count, "--prime", 0)
    newest = f"s={count:08d};".encode()
    ids = ids_of_events(_lines_until(response.readline, newest))
    connection.close()
    if len(ids) < count:
        raise ConnectionError(f"{len(ids)} of {count} events had an ID")
    return ids


def _lines_until(readline: Callable[[], bytes], newest: bytes) -> Iterator[bytes]:
    seen = False
    for line in iter(readline, b""):
        yield line
        seen = seen or newest in line
        if seen and not line.strip():
            return


def ids_of_events(lines: Iterator[bytes]) -> list[str]:
    """
    Find the IDs of the blocks that carry one of the generator's events, in order.

    Other blocks, such as control events and comments, are skipped.
    """
    blocks = b"".join(lines).replace(b"\r\n", b"\n").split(b"\n\n")
    found = [_ID.search(block) for block in blocks if b"~t=" in block]
    return [match[1].decode() for match in found if match]
