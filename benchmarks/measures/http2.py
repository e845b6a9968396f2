"""
HTTP/2 over TLS: the cost of a delivery, of an idle stream, and of a client without a window.

All servers get the same connections, streams, frames, and events.  Events are published over
HTTP/1.1 and TLS; that is a thousandth of the deliveries and is included.  The next event is
published when the last has reached every stream once; a lost or doubled event fails the run.

The memory of a stream is all memory, connections included, divided by the streams.
"""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

from benchmarks.h2publisher import Publisher, mark_of
from benchmarks.h2streams import H2Error, compare
from benchmarks.h2swarm import Swarm
from benchmarks.measures.case import Case
from benchmarks.others import Others
from benchmarks.process import Running, cpu_seconds, memory
from benchmarks.results import Sample
from benchmarks.servers import Server
from benchmarks.sizes import Sizes

__all__ = ["cases"]

SERVERS = ("hub-tls", "twisted-naive-tls", "hypercorn")

PRIME = 5  # events before the measured ones
STALL = 30.0  # seconds without a published event
QUIET_AFTER = 1.0  # seconds, for deferred calls, logging, the allocator
RATE = 100.0  # events per second to a client without a window

# Bytes: the first blocks of a stream, a few events, and a part of one.  In every reactor turn,
# Twisted polls a stream that could send only a part, but not one that never had a window.
EXHAUSTED = 950


def cases(sizes: Sizes) -> list[Case]:
    """
    One event at a time to all streams; all streams idle; one stream whose window is empty, or
    almost.
    """

    def case(kind: str, measure: Callable[[Running, Sizes], dict[str, float]]) -> Case:
        def take(server: Server) -> Sample:
            with Running(server) as running:
                others = Others(lambda: cpu_seconds(running.pids))
                values = measure(running, sizes)
                return Sample(server.name, kind, values, others.cores())

        return Case(kind, take, lambda server: server.name in SERVERS)

    return [
        case("http2-1", _fanout),
        case("http2-idle", _idle),
        case("http2-blocked", partial(_blocked, 0)),
        case("http2-exhausted", partial(_blocked, EXHAUSTED)),
    ]


def _swarm(running: Running, sizes: Sizes) -> Swarm:
    server = running.server
    return Swarm(server.port, server.path, sizes.h2_connections, sizes.h2_streams)


def _fanout(running: Running, sizes: Sizes) -> dict[str, float]:
    events = sizes.h2_events
    with _swarm(running, sizes) as swarm, closing(Publisher(running.server)) as publisher:
        for number in range(PRIME):
            _deliver(swarm, publisher, number)
        cpu, began = cpu_seconds(running.pids), time.monotonic()
        for number in range(PRIME, PRIME + events):
            _deliver(swarm, publisher, number)
        used, elapsed = cpu_seconds(running.pids) - cpu, time.monotonic() - began
        swarm.idle(QUIET_AFTER)
        compare(swarm.received(), 0)
    deliveries = events * sizes.h2_connections * sizes.h2_streams
    return {
        "n": float(sizes.h2_connections * sizes.h2_streams),
        "events": float(events),
        "cpu_us_per_delivery": used * 1e6 / deliveries,
        "deliveries_per_s": deliveries / elapsed,
    }


def _deliver(swarm: Swarm, publisher: Publisher, number: int) -> None:
    """
    Publish an event, and check that every stream gets it once.

    The first stream of each connection is read; the others must get as many bytes.
    """
    publisher.publish(number)
    mark = mark_of(number)
    arrived = swarm.read(lambda: all(one.complete(mark) for one in swarm.all), STALL)
    firsts = [one.first for one in swarm.all]
    size = max(map(len, firsts))
    if not arrived:
        compare(swarm.received(), size)
    if not arrived or any(len(one) != size or one.count(b"~t=") != 1 for one in firsts):
        raise H2Error(f"event {number} did not come to all, once and alone")
    swarm.forget()


def _idle(running: Running, sizes: Sizes) -> dict[str, float]:
    server = running.server
    # What the server imports and allocates for its first connections does not count.
    with Swarm(server.port, server.path, 2, 5):
        pass
    time.sleep(QUIET_AFTER)
    before, cpu = memory(running.pids), cpu_seconds(running.pids)
    with _swarm(running, sizes) as swarm:
        swarm.idle(QUIET_AFTER)
        after, used = memory(running.pids), cpu_seconds(running.pids) - cpu
    count = sizes.h2_connections * sizes.h2_streams
    return {
        "n": float(count),
        "rss_per_stream_b": (after.resident - before.resident) * 1024 / count,
        "connect_cpu_us": used * 1e6 / count,
    }


def _blocked(window: int, running: Running, sizes: Sizes) -> dict[str, float]:
    server, seconds = running.server, sizes.blocked_seconds
    with closing(Publisher(server)) as publisher:
        publisher.publish_steadily(int(RATE), RATE)
        before = _publishing(running, publisher, seconds / 2)
        with Swarm(server.port, server.path, 1, 1, window) as swarm:
            beside = _publishing(running, publisher, seconds)
            swarm.idle(QUIET_AFTER)
            if max(swarm.received()) > window:
                raise H2Error("the server has sent more than it was allowed")
        after = _publishing(running, publisher, seconds / 2)
    # Measured before and after, so that a change in the machine's speed cancels out.
    without = (before + after) / 2
    return {
        "core_percent": (beside - without) * 100,
        "core_percent_without": without * 100,
    }


def _publishing(running: Running, publisher: Publisher, seconds: float) -> float:
    """
    The share of a core that the server uses while events are published.
    """
    cpu, began = cpu_seconds(running.pids), time.monotonic()
    publisher.publish_steadily(int(seconds * RATE), RATE)
    return (cpu_seconds(running.pids) - cpu) / (time.monotonic() - began)
