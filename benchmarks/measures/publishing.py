"""
Publishing over HTTP without subscribers: the cost of accepting an event.

One publisher with one connection waits for each response.  Peers receive the bare payload.
"""

from collections.abc import Callable

from benchmarks.measures.case import Case, batching_or_floor, everyone, generated, only_hub
from benchmarks.servers import Server
from benchmarks.sizes import Sizes

__all__ = ["cases"]

BATCH = 100


def cases(sizes: Sizes) -> list[Case]:
    """
    Single events for all servers, as a form for the hub; for the hub batches, too.
    """
    return [
        _publishing("publish-1", sizes.publications, _one_by_one, everyone),
        _publishing("publish-batch", sizes.batched, _batched, batching_or_floor),
    ]


def _publishing(
    kind: str,
    events: int,
    how: Callable[[Server], list[object]],
    suits: Callable[[Server], bool],
) -> Case:
    return generated(kind, lambda server: ["-n", 0, "-e", events, *how(server)], suits)


def _batched(server: Server) -> list[object]:
    return ["-b", BATCH, "--format", "ndjson"] if server.batches else []


def _one_by_one(server: Server) -> list[object]:
    return ["--format", "form"] if only_hub(server) else []
