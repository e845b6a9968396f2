"""
A thread that calls functions in order.
"""

import threading
from typing import cast

from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import TestCase

from twisted_sse.errors import UnknownEventID
from twisted_sse.history.sqlite.thread import WorkThread

__all__ = ["WorkThreadTests"]


def refuse() -> None:
    """
    Raise an error that has a cause and a traceback.
    """
    try:
        raise KeyError
    except KeyError as error:
        raise UnknownEventID("x") from error


class WorkThreadTests(TestCase):
    """
    Calls and their results.
    """

    def setUp(self) -> None:
        """
        A thread.
        """
        from twisted.internet import reactor

        self.reactor = cast(IReactorFromThreads, reactor)
        self.thread = WorkThread("worker", self.reactor)

    async def test_order(self) -> None:
        """
        Functions are called in the order given, and all of them before the end.
        """
        done: list[int] = []
        waiting = [self.thread.run(done.append, number) for number in range(100)]
        await self.thread.stop()

        self.assertEqual(done, list(range(100)))
        await gatherResults(waiting)

    async def test_threads(self) -> None:
        """
        Functions are called in the thread, and results arrive in the reactor's.
        """
        worked = self.thread.run(threading.current_thread)
        arrived = worked.addCallback(lambda worker: (worker, threading.current_thread()))
        worker, here = await arrived
        await self.thread.stop()

        self.assertEqual(worker.name, "worker")
        self.assertIs(here, threading.main_thread())
        self.assertFalse(worker.is_alive())

    async def test_errors(self) -> None:
        """
        Errors arrive, and the thread continues; this package's errors hold no frames.
        """
        with self.assertRaises(UnknownEventID) as caught:
            await self.thread.run(refuse)
        with self.assertRaises(ZeroDivisionError):
            await self.thread.run(divmod, 1, 0)
        self.assertEqual(await self.thread.run(lambda: 7), 7)
        await self.thread.stop()

        self.assertIsNone(caught.exception.__cause__)
        self.assertIsNone(caught.exception.__context__)

    async def test_previous(self) -> None:
        """
        A thread with a previous one begins when that has ended.
        """
        open_gate = threading.Event()
        done: list[str] = []
        self.thread.run(open_gate.wait)
        self.thread.run(done.append, "first")
        stopped = self.thread.stop()
        follower = WorkThread("follower", self.reactor, self.thread)
        followed = follower.run(done.append, "second")
        open_gate.set()
        await stopped
        await followed
        await follower.stop()

        self.assertEqual(done, ["first", "second"])
