"""
How much is done in each measurement.
"""

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Sizes"]


@dataclass(frozen=True)
class Sizes:
    """
    Connections, events and seconds.

    Args:
        few, many, crowd: Connections.

        events: In a fan-out to *few*, one at a time; slow servers get a quarter.

        events_many: The same for *many*.

        tens, hundreds: Events in a fan-out in bursts of 10 and of 100.

        gentle_events: At 10 a second, for latencies.

        encrypted: TLS connections.

        behind: Events each returning client has missed.

        slow_seconds: How long slow readers are published to.

        crowd_events: At 100 a second to the crowd.

        publications, batched: Without subscribers, one by one and in batches of 100.

        codec_seconds: For encoding, and for decoding.
    """

    few: int
    many: int
    crowd: int
    events: int
    events_many: int
    tens: int
    hundreds: int
    gentle_events: int
    encrypted: int
    behind: int
    slow_seconds: int
    crowd_events: int
    publications: int
    batched: int
    codec_seconds: float


FULL = Sizes(
    few=1_000,
    many=5_000,
    crowd=10_000,
    events=300,
    events_many=200,
    tens=600,
    hundreds=2_000,
    gentle_events=200,
    encrypted=2_000,
    behind=100,
    slow_seconds=20,
    crowd_events=1_000,
    publications=5_000,
    batched=50_000,
    codec_seconds=2.0,
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
    encrypted=20,
    behind=20,
    slow_seconds=2,
    crowd_events=50,
    publications=200,
    batched=2_000,
    codec_seconds=0.1,
)
