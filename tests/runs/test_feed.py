"""
The feed of a run: a connection whose reader is in this process.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.events.codec import encode
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.runs.feed import RunFeed

__all__ = ["FeedTests"]


class _Stream:
    """
    Notes what the feed tells its connection.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def block(self) -> None:
        """
        See `Stream.block`.
        """
        self.told.append("block")

    def unblock(self) -> None:
        """
        See `Stream.unblock`.
        """
        self.told.append("unblock")

    def gone(self) -> None:
        """
        See `Stream.gone`.
        """
        self.told.append("gone")


def frames(*data: str) -> bytes:
    """
    Write events.
    """
    return b"".join(encode(ServerSentEvent(one)) for one in data)


class FeedTests(SynchronousTestCase):
    """
    What is written is read.
    """

    def setUp(self) -> None:
        """
        Open a feed.
        """
        self.feed = RunFeed()
        self.stream = _Stream()
        self.feed.open(self.stream)

    def next(self) -> Deferred[Any]:
        """
        Ask for the next event.
        """
        return Deferred.fromCoroutine(self.feed.__anext__())

    def test_torn(self) -> None:
        """
        Events are read whole, wherever their bytes are torn.
        """
        payload = frames("a", "b\nc")
        waiting = self.next()
        for at in range(len(payload)):
            self.assertEqual(self.feed.send(payload[at : at + 1]), 1)

        self.assertEqual(self.successResultOf(waiting).data, "a")
        self.assertEqual(self.successResultOf(self.next()).data, "b\nc")

    def test_full(self) -> None:
        """
        A reader that does not read stops the connection, and lets it go on later.
        """
        self.feed.send(frames(*map(str, range(256))))
        full = list(self.stream.told)
        for number in range(129):
            self.assertEqual(self.successResultOf(self.next()).data, str(number))

        self.assertEqual(full, ["unblock", "block"])
        self.assertEqual(self.stream.told, ["unblock", "block", "unblock"])

    def test_ends(self) -> None:
        """
        What was written is read before the end; only a good end is complete.
        """
        for end, complete in (("finish", True), ("abort", False), ("truncate", False)):
            self.setUp()
            self.feed.spill(frames("a"))
            waiting = [self.next(), self.next()]
            getattr(self.feed, end)()

            self.assertEqual(self.successResultOf(waiting[0]).data, "a")
            self.failureResultOf(waiting[1], StopAsyncIteration)
            self.assertEqual(self.feed.complete, complete)

    def test_closed(self) -> None:
        """
        A reader that leaves ends the connection, once.
        """
        self.feed.close()
        self.feed.close()

        self.assertEqual(self.stream.told, ["unblock", "gone"])
