"""
Publishing from everywhere at once: four threads, an asyncio task, and two other processes.
"""

import re
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e import publishers
from tests.support.processes import Background
from tests.support.streams import RawStream
from tests.support.waiting import eventually
from twisted_sse.events.event import ServerSentEvent

__all__ = ["ManyPublishersTests"]

READERS = 100

# How many events each publisher publishes.
COUNT = 100

# The publishers in other processes.
OUTSIDE = ("process-1", "process-2")


class ManyPublishersTests(SynchronousTestCase):
    """
    A hub in a program of its own, while a hundred subscribers read.
    """

    def setUp(self) -> None:
        """
        Start the hub, its subscribers, and then the publishers in other processes.
        """
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        server = self.run_program("serve")
        found = eventually(lambda: re.search(r"port (\d+)\n", server.output()), "no port")
        self.port = int(found[1])
        self.streams = [self.subscribe() for _ in range(READERS)]
        self.url = f"http://127.0.0.1:{self.port}/publish"
        self.outside = {name: self.run_program("publish", name, self.url) for name in OUTSIDE}
        for program in self.outside.values():
            eventually(lambda program=program: "ready" in program.output(), "it is not ready")

    def run_program(self, what: str, *rest: str) -> Background:
        """
        Start one of the two programs.
        """
        script = str(Path(publishers.__file__))
        words = [sys.executable, script, what, str(self.directory), str(COUNT), *rest]
        program = Background(words)
        self.addCleanup(program.end)
        return program

    def subscribe(self) -> RawStream:
        """
        Open a stream.
        """
        stream = RawStream(self.port, "/events?topic=numbers")
        self.addCleanup(stream.close)
        stream.named("stream-open")
        return stream

    def test_exact(self) -> None:
        """
        Every subscriber gets every event once, the events of each publisher in their order;
        all subscribers get them in the same order, with the IDs of the receipts, and nothing
        between them and the next event.
        """
        self.directory.joinpath("go").touch()
        names = [*publishers.NAMES, *OUTSIDE]
        total = COUNT * len(names)
        received = [[stream.next() for _ in range(total)] for stream in self.streams]

        first, *others = received
        for name in names:
            self.assertEqual(numbers_of(name, first), list(range(COUNT)), name)
        for other in others:
            self.assertEqual(other, first)
        ids = [event.id for event in first]
        self.assertEqual(len(set(ids)), total)
        for name, program in self.outside.items():
            self.assertEqual(program.wait(), 0, program.output())
            mine = [event.id for event in first if event.data.startswith(f"{name} ")]  # type: ignore
            self.assertEqual(program.output().split()[1:], mine)
        self.run_program("publish", "last", self.url)
        self.assertEqual({stream.next().data for stream in self.streams}, {"last 0"})


def numbers_of(name: str, events: list[ServerSentEvent]) -> list[int]:
    """
    The numbers of the events of one publisher, in the order in which they came.
    """
    words = [(event.data or "").split() for event in events]
    return [int(number) for publisher, number in words if publisher == name]
