"""
What a private publication to one user costs, when few users are connected and when many are.

    python -m benchmarks.users FEW MANY PUBLICATIONS ROUNDS

Each user reads a topic of the user's own.  In each round, hubs with FEW and with MANY users,
without presence and with it, take turns to publish PUBLICATIONS private events, one in each turn
of the reactor, to one user after the other.

CPU time is that of the whole process.  The streams end in memory, so the system call that sends an
event is not in it; that does not depend on the number of users.
"""

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.subscriber import Subscriber
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.hub import Hub
from twisted_sse.topics import Selection
from twisted_sse.transport.framing import Framing, raw
from twisted_sse.transport.sink import Stream

__all__ = ["main", "measure"]

ADDRESS = IPv4Address("TCP", "192.0.2.1", 50000)
EVENT = ServerSentEvent(data="x" * 192)


class CountingSink:
    """
    Takes everything, and counts the writes.
    """

    __slots__ = ("framing", "send", "unsent", "writes")

    def __init__(self) -> None:
        self.framing: Framing = raw
        self.writes = 0
        self.unsent = 0
        self.send: Callable[[bytes], int] = self._send

    def _send(self, payload: bytes) -> int:
        self.writes += 1
        return len(payload)

    def limit(self, send_timeout: float | None) -> None:
        """
        See `Sink.limit`.
        """

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`.
        """
        stream.unblock()

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """

    def abort(self) -> None:
        """
        See `Sink.abort`.
        """


class Audience:
    """
    A hub and its users, each with one open stream.
    """

    def __init__(self, users: int, *, presence: bool) -> None:
        self.clock = Clock()
        self.hub = Hub(keepalive=None, presence=presence, reactor=self.clock)
        self.sinks = []
        for number in range(users):
            sink = CountingSink()
            self.sinks.append(sink)
            topic = f"users/{number}"
            subscriber = Subscriber(
                sink=sink,
                selection=Selection.of(topic),
                grant=Grant(f"user {number}", subscribe=[topic]),
                address=ADDRESS,
            )
            self.hub.broker.admission.admit(subscriber, lambda connection, start: None)
            self.clock.advance(0)
        self._topics = cycle([f"users/{number}" for number in range(users)])

    def publish(self, publications: int) -> float:
        """
        Publish to one user after the other.

        Returns:
            The CPU time of one publication, in seconds.

        Raises:
            ValueError: A publication has reached another number of users than one.
        """
        before = sum(sink.writes for sink in self.sinks)
        topics = list(islice(self._topics, publications))
        advance, publish = self.clock.advance, self.hub.publish
        began = time.process_time()
        for topic in topics:
            publish(topic, EVENT, private=True)
            advance(0)
        used = time.process_time() - began
        written = sum(sink.writes for sink in self.sinks) - before
        if written != publications:
            raise ValueError(f"{publications} publications were written {written} times")
        return used / publications


def measure(few: int, many: int, publications: int, rounds: int) -> dict[str, float]:
    """
    Return the median CPU time of one publication in microseconds, and what *many* users cost as a
    multiple of *few*.
    """
    hubs = {
        (name, users): Audience(users, presence=name == "presence")
        for name in ("plain", "presence")
        for users in (few, many)
    }
    # As `twistd sse` does, so that no full collection examines what is connected.
    gc.collect()
    gc.freeze()
    samples: dict[tuple[str, int], list[float]] = {key: [] for key in hubs}
    for _ in range(rounds):
        for key, hub in hubs.items():
            samples[key].append(hub.publish(publications))
    gc.unfreeze()
    values: dict[str, float] = {}
    for name in ("plain", "presence"):
        for users in (few, many):
            values[f"{name}_{users}_us"] = statistics.median(samples[name, users]) * 1e6
        ratios = [b / a for a, b in zip(samples[name, few], samples[name, many], strict=True)]
        values[f"{name}_times"] = statistics.median(ratios)
    return values


def main(*numbers: str) -> None:
    """
    Print the figures as JSON.
    """
    few, many, publications, rounds = map(int, numbers)
    sys.stdout.write(json.dumps(measure(few, many, publications, rounds)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
