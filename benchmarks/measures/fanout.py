"""
Fan-out: the CPU time of one delivered event, and how many are delivered per second.

Lock-step publishes the next event when the last has reached every client, so nothing can be
batched.  With 8 in flight, a server that batches does so.  A burst is published in one request; the
floor cannot do that, and is given single events in the same round: a burst would cost it the same.
"""

from benchmarks.measures.case import Case, batching_or_floor, generated
from benchmarks.servers import Server
from benchmarks.sizes import Sizes

__all__ = ["cases"]

# Single events beside bursts: fewer, for they take far longer, but enough to measure.
FLOOR_EVENTS = 200


def cases(sizes: Sizes) -> list[Case]:
    """
    One event at a time, 8 in flight, bursts of 10 and of 100; for few connections and for many.
    """
    few, many = sizes.few, sizes.many
    return [
        _single("few-1", few, sizes.events),
        _single("many-1", many, sizes.events_many),
        _single("few-8", few, sizes.events, in_flight=8),
        _single("many-8", many, sizes.events_many, in_flight=8),
        _burst("few-b10", few, sizes.tens, 10),
        _burst("few-b100", few, sizes.hundreds, 100),
        _burst("many-b10", many, sizes.tens // 2, 10),
        _burst("many-b100", many, sizes.hundreds // 2, 100),
    ]


def _single(kind: str, streams: int, events: int, in_flight: int = 1) -> Case:
    def arguments(server: Server) -> list[object]:
        count = max(events // 4, 10) if server.slow else events
        return ["-n", streams, "-e", count, "-w", in_flight, "--prime", 3]

    return generated(kind, arguments)


def _burst(kind: str, streams: int, events: int, size: int) -> Case:
    def arguments(server: Server) -> list[object]:
        if not server.batches:
            return ["-n", streams, "-e", min(events, FLOOR_EVENTS), "--prime", 3]
        # The last --format wins, so the batch replaces the server's single events.
        return ["-n", streams, "-e", events, "-b", size, "--format", "ndjson", "--prime", 3]

    return generated(kind, arguments, batching_or_floor)
