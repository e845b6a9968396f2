"""
A worker follows what the parent keeps: both ends of the pipe in memory.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase

from tests.server.workers.pairs import connect
from tests.support.following import Following, publication
from tests.support.hubs import make_hub
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.events.publication import Position, Record
from twisted_sse.history.follower import PAUSE
from twisted_sse.history.memory import MemoryHistory
from twisted_sse.history.outage import Outage
from twisted_sse.server.workers.assignment import TO_WORKER
from twisted_sse.server.workers.calls import AnswerCall
from twisted_sse.server.workers.parentfollower import ParentFollower, ParentStream
from twisted_sse.server.workers.recordstream import RecordStream
from twisted_sse.server.workers.workerprocess import WorkerProcess

__all__ = ["ParentFollowerTests", "PipeTests"]


class _Pipe:
    """
    What a full pipe does is up to the test.

    Attributes:
        producer: What is paused.
    """

    def __init__(self) -> None:
        self.producer: IPushProducer | None = None

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None


class _Client:
    """
    Reads the tail of the parent's history, without HTTP.
    """

    def __init__(self, history: MemoryHistory) -> None:
        self._history = history

    async def tail(self, limit: int) -> tuple[Position, Sequence[Record]]:
        tail = self._history.tail(limit)
        return tail.before, tail.kept


class ParentFollowerTests(SynchronousTestCase):
    """
    `ParentFollower`, `ParentStream`, `RecordStream` and `PipeSink`.
    """

    def setUp(self) -> None:
        """
        A hub, and a worker that has kept up with its first event.
        """
        self.history = MemoryHistory(events=3)
        self.hub, self.clock = make_hub(self.history)
        self.pipe = _Pipe()
        here: dict[str, AnswerCall] = {}
        there: dict[str, AnswerCall] = {}
        self.parent, self.calls, self._deliver = connect(here, there)
        here |= RecordStream(self.hub.broker, self.parent, self.pipe).handlers
        self.stream = ParentStream(self.calls)
        there |= self.stream.handlers
        (first,) = self.publish("first")
        self.following = Following()
        self.follower = self.follow(Position(first.number, first.id))

    def follow(self, after: Position) -> ParentFollower:
        """
        Begin to follow.
        """
        client: Any = _Client(self.history)
        outage = Outage("The parent", self.clock)
        following = self.following
        follower = ParentFollower(
            *(self.stream, client, outage, self.clock, after),
            *(following.deliver, following.restart),
        )
        self.settle()
        return follower

    def publish(self, *data: str) -> list[Record]:
        """
        Publish together, without telling the worker.
        """
        publishing = self.hub.broker.submit([publication(one) for one in data])
        self.clock.advance(0)
        return [record for record, _ in self.successResultOf(publishing)]

    def settle(self) -> None:
        """
        Let what was written arrive.
        """
        self.clock.advance(0)
        self._deliver()
        self.stream.flush()

    def go_on(self) -> None:
        """
        Let the follower follow again.
        """
        self.clock.advance(PAUSE)
        for _ in range(3):
            self.settle()

    def end(self) -> None:
        """
        End the stream in the parent.
        """
        (connection,) = self.hub.connections
        connection.end(EndReason.ENDED)

    @property
    def connections(self) -> int:
        """
        How many streams the parent has open.
        """
        return len(self.hub.connections)

    def test_delivered(self) -> None:
        """
        What the parent keeps arrives as it is there, with its number.
        """
        kept = [*self.publish("a", "b\né"), *self.publish("c")]
        self.settle()

        self.assertEqual(self.following.kept, kept)

    def test_together(self) -> None:
        """
        What has arrived together is delivered together.
        """
        self.publish("a")
        self.publish("b")
        self._deliver()
        self.assertEqual(self.following.kept, [])

        self.stream.flush()

        self.assertEqual(self.following.data, ["a", "b"])

    def test_full(self) -> None:
        """
        While the pipe is full nothing is written to it; then the rest follows.
        """
        assert self.pipe.producer is not None
        self.pipe.producer.pauseProducing()
        kept = self.publish("a", "b")
        self.settle()
        self.assertEqual(self.following.kept, [])

        self.pipe.producer.resumeProducing()
        self.settle()

        self.assertEqual(self.following.kept, kept)

    def test_forgotten(self) -> None:
        """
        A worker that is too far behind is restarted at the newest that is kept.
        """
        assert self.pipe.producer is not None
        self.pipe.producer.pauseProducing()
        kept = self.publish(*map(str, range(2000)))
        self.end()
        self.settle()
        self.go_on()
        (restart,) = self.following.restarts

        self.assertEqual(self.following.kept, [])
        self.assertEqual(restart.kept, kept[-3:])
        later = self.publish("later")
        self.settle()
        self.assertEqual(self.following.kept, later)

    def test_ended(self) -> None:
        """
        A stream that the parent ends is followed again, and nothing is missing.
        """
        self.end()
        kept = self.publish("a")
        self.settle()
        self.assertEqual(self.following.kept, [])

        self.go_on()

        self.assertEqual(self.following.kept, kept)
        self.assertEqual(self.connections, 1)

    def test_closed(self) -> None:
        """
        If the parent's hub is stopping, the worker asks again.
        """
        self.hub.broker.admission.close()
        self.end()
        for _ in range(3):
            self.settle()
            self.clock.advance(PAUSE)

        self.assertEqual(self.following.restarts, [])
        self.assertEqual(self.connections, 0)

    def test_stopped(self) -> None:
        """
        A follower that stops ends its stream.
        """
        self.successResultOf(Deferred.fromCoroutine(self.follower.stop()))
        self.settle()
        self.publish("a")
        self.settle()

        self.assertEqual(self.connections, 0)
        self.assertIsNone(self.pipe.producer)
        self.assertEqual(self.following.kept, [])

    def test_worker_ended(self) -> None:
        """
        The stream of a worker whose process has ended is over.
        """
        assert self.pipe.producer is not None
        self.pipe.producer.stopProducing()
        self.publish("a")

        self.assertEqual(self.connections, 0)


class _Producer:
    """
    Attributes:
        stopped: Whether it was told to stop.
    """

    stopped = False

    def stopProducing(self) -> None:
        self.stopped = True


class PipeTests(SynchronousTestCase):
    """
    The pipe of a `WorkerProcess`.
    """

    def setUp(self) -> None:
        """
        A process whose pipe exists.
        """
        self.pipe = _Pipe()
        self.pipes = {TO_WORKER: self.pipe}
        self.member = WorkerProcess(1, lambda _: {}, b"")
        self.member.transport = SimpleNamespace(pipes=self.pipes)
        self.producer: Any = _Producer()

    def test_open(self) -> None:
        """
        What is full is the pipe that calls are written to.
        """
        self.member.registerProducer(self.producer, True)
        self.assertIs(self.pipe.producer, self.producer)

        self.member.unregisterProducer()

        self.assertIsNone(self.pipe.producer)

    def test_gone(self) -> None:
        """
        A producer for a pipe that is gone is stopped.
        """
        self.pipes.clear()

        self.member.registerProducer(self.producer, True)
        self.member.unregisterProducer()

        self.assertTrue(self.producer.stopped)
