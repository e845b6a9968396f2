"""
Publishing from other threads than the reactor's.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.support.waiting import PATIENCE
from twisted_sse import Hub, Receipt
from twisted_sse.errors import HubClosed, InvalidEvent, InvalidTopic
from twisted_sse.history import MemoryHistory
from twisted_sse.topics import Selection

__all__ = ["ThreadTests"]


class ThreadTests(TestCase):
    """
    A hub on the real reactor, and threads of its pool.
    """

    timeout = PATIENCE

    def setUp(self) -> None:
        """
        A hub.
        """
        self.history = MemoryHistory()
        self.hub = Hub(self.history, keepalive=None)
        self.addCleanup(self.hub.broker.stop)

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """
        Call *function* in another thread.
        """
        return await deferToThread(function, *arguments)

    async def test_receipt(self) -> None:
        """
        The future has the receipt of the event.
        """

        def publish() -> Receipt:
            future = self.hub.publish_from_thread("a", {"n": 1}, event="e", id="mine")
            return future.result(PATIENCE)

        self.assertEqual(await self.in_thread(publish), ("mine", 0))
        (record,) = self.history.since(None, Selection.of("*"), 9)
        self.assertEqual(record.publication.event.data, '{"n":1}')
        self.assertEqual(record.publication.event.event, "e")

    async def test_order(self) -> None:
        """
        Events of four threads at once are kept, each thread's in the order of its calls.
        """

        def publish(name: str) -> None:
            futures = [self.hub.publish_from_thread(name, str(number)) for number in range(100)]
            for future in futures:
                future.result(PATIENCE)

        await gatherResults([deferToThread(publish, name) for name in "abcd"])
        records = self.history.since(None, Selection.of("*"), 1000)
        for name in "abcd":
            data = [
                one.publication.event.data for one in records if one.publication.topics == (name,)
            ]
            self.assertEqual(data, [str(number) for number in range(100)])

    async def test_wrong_thread(self) -> None:
        """
        Publishing in another thread by the wrong method is an error that names the right one.
        """
        with self.assertRaises(RuntimeError) as caught:
            await self.in_thread(self.hub.publish, "a", "x")

        self.assertIn("publish_from_thread", str(caught.exception))
        self.assertEqual(self.history.since(None, Selection.of("*"), 9), [])

    async def test_nonsense(self) -> None:
        """
        An event that cannot be sent is an error in the thread that made it, at once.
        """
        for error, topics, data in ((InvalidTopic, "", "x"), (InvalidEvent, "a", object())):
            with self.assertRaises(error):
                await self.in_thread(self.hub.publish_from_thread, topics, data)

    async def test_failure(self) -> None:
        """
        The future fails as the Deferred would.
        """
        self.hub.broker.stop()
        future = await self.in_thread(self.hub.publish_from_thread, "a", "x")

        with self.assertRaises(HubClosed):
            await self.in_thread(future.result, PATIENCE)

    async def test_cancelled(self) -> None:
        """
        A future that is cancelled before the reactor gets to it publishes nothing.
        """
        future: Future[Receipt] = self.hub.publish_from_thread("a", "x")
        self.assertTrue(future.cancel())
        after = self.hub.publish_from_thread("a", "y")
        await self.in_thread(after.result, PATIENCE)

        self.assertRaises(CancelledError, future.result, 0)
        (record,) = self.history.since(None, Selection.of("*"), 9)
        self.assertEqual(record.publication.event.data, "y")
