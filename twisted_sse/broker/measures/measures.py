"""
The numbers of one hub.
"""

from __future__ import annotations

from collections import Counter

from twisted_sse.broker.measures.histogram import Histogram

__all__ = ["Measures"]

# From half a millisecond, a turn of a reactor that is busy, to what a user takes for an
# outage; in seconds.
_LATENCIES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# A history in memory answers in microseconds.
_HISTORY = (0.0001, *_LATENCIES)

# From one second to a day: streams are meant to last.
_DURATIONS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600)

# Publications.
_BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

# Below 10 ms, nobody notices that the reactor was held.
_STALLS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Measures:
    """
    Attributes:
        opened: How many connections were admitted, by the protocol.

        closed: How many have ended, by the reason.

        ended_events, ended_bytes: What those that have ended had been sent.

        durations: How long those have lasted, in seconds.

        first_byte: The time from the admission of a subscriber until the head of its
            stream was written, in seconds.

        published: How many publications history has kept.

        not_kept: How many it has not kept, as far as is known.

        publish_to_write: The time from a call of `publish`, or a request, until the
            event was written to every live subscriber, in seconds; once for each
            publication.

        batches: How many publications history was given at once.

        appends, reads: How long history took to keep a batch, and to find what a
            subscriber has missed, in seconds.

        replays: How many pages of missed events were sent, by where they came from.

        resets: How many streams were told that events are missing, by the reason.

        self_tests: How long events of the self-test took to arrive, in seconds.

        self_test_failures: How many have not arrived.

        stalls: By how much a timer fired late because the reactor was held, in seconds.
    """

    def __init__(self) -> None:
        self.opened: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.ended_events = 0
        self.ended_bytes = 0
        self.durations = Histogram(_DURATIONS)
        self.first_byte = Histogram(_LATENCIES)
        self.published = 0
        self.not_kept = 0
        self.publish_to_write = Histogram(_LATENCIES)
        self.batches = Histogram(_BATCHES)
        self.appends = Histogram(_HISTORY)
        self.reads = Histogram(_HISTORY)
        self.replays: Counter[str] = Counter(window=0, history=0)
        self.resets: Counter[str] = Counter()
        self.self_tests = Histogram(_LATENCIES)
        self.self_test_failures = 0
        self.stalls = Histogram(_STALLS)
