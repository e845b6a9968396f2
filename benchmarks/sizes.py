"""
The size of each measurement.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["FULL", "QUICK", "Sizes", "sizes_of"]


@dataclass(frozen=True)
class Sizes:
    """
    Connections, events and seconds.

    Args:
        few, many, crowd: Connections.

        events: In a fan-out to *few*, one at a time; slow servers get a quarter.

        events_many: The same for *many*.

        tens, hundreds: Events in a fan-out in bursts of 10 and of 100.

        gentle_events, gentle_rounds: At 10 per second, for latencies; and in how many rounds
            at least.  The slowest hundredth are few events of a round, so that it takes many of
            both to tell two servers apart.

        encrypted: TLS connections.

        behind: Events each returning client has missed.

        slow_seconds: How long slow readers are published to.

        crowd_events: At 100 per second to the crowd.

        publications, batched: Without subscribers, one by one and in batches of 100.

        codec_seconds: For encoding, and for each decoder.

        commit_seconds: For many publishers, and for one.

        small_store, large_store: Publications in which a returning client's are looked for.

        resumes: How often in each.

        templates: How many are matched at once.

        template_store: Publications that a replay by a template looks through.

        h2_connections, h2_streams: HTTP/2 connections, and streams on each.

        h2_events: In a fan-out to all of them, one at a time, the same for all servers.

        generated: Events that one client reads from a generator; slow servers have a tenth.

        blocked_seconds: With a client that has no window, and as long without.

        first_tokens: Plain streams, and runs, whose first token is waited for.

        run_streams, run_seconds: Plain streams, and runs, side by side, and for how long.

        few_runs, many_runs, new_runs: Finished runs in the store, and how many are begun then.
    """

    few: int
    many: int
    crowd: int
    events: int
    events_many: int
    tens: int
    hundreds: int
    gentle_events: int
    gentle_rounds: int
    encrypted: int
    behind: int
    slow_seconds: int
    crowd_events: int
    publications: int
    batched: int
    codec_seconds: float
    commit_seconds: float
    small_store: int
    large_store: int
    resumes: int
    templates: int
    template_store: int
    h2_connections: int
    h2_streams: int
    h2_events: int
    generated: int
    blocked_seconds: float
    first_tokens: int
    run_streams: int
    run_seconds: float
    few_runs: int
    many_runs: int
    new_runs: int


FULL = Sizes(
    few=1_000,
    many=5_000,
    crowd=10_000,
    events=300,
    events_many=200,
    tens=600,
    hundreds=2_000,
    gentle_events=400,
    gentle_rounds=5,
    encrypted=2_000,
    behind=100,
    slow_seconds=20,
    crowd_events=1_000,
    publications=5_000,
    batched=50_000,
    codec_seconds=2.0,
    commit_seconds=5.0,
    small_store=1_000,
    large_store=1_000_000,
    resumes=200,
    templates=10_000,
    template_store=100_000,
    h2_connections=20,
    h2_streams=50,
    h2_events=300,
    generated=200_000,
    blocked_seconds=10.0,
    first_tokens=300,
    run_streams=100,
    run_seconds=5.0,
    few_runs=10,
    many_runs=10_000,
    new_runs=100,
)

QUICK = Sizes(
    few=50,
    many=100,
    crowd=200,
    events=40,
    events_many=20,
    tens=100,
    hundreds=400,
    gentle_events=5,
    gentle_rounds=1,
    encrypted=20,
    behind=20,
    slow_seconds=2,
    crowd_events=50,
    publications=200,
    batched=2_000,
    codec_seconds=0.1,
    commit_seconds=0.3,
    small_store=1_000,
    large_store=5_000,
    resumes=10,
    templates=200,
    template_store=4_000,
    h2_connections=3,
    h2_streams=10,
    h2_events=40,
    generated=20_000,
    blocked_seconds=1.0,
    first_tokens=10,
    run_streams=10,
    run_seconds=0.2,
    few_runs=10,
    many_runs=100,
    new_runs=20,
)


def sizes_of(kept: Mapping[str, Any]) -> Sizes:
    """
    The sizes of saved results, which may be older than the newest measures.
    """
    return Sizes(**{**asdict(FULL), **kept})
