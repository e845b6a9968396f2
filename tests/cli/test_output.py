"""
Output that nobody reads.
"""

import contextlib
import os
import signal
from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.support.waiting import PATIENCE
from twisted_sse.cli.output import Output

__all__ = ["FileTests", "PipeTests"]


def opened(test: SynchronousTestCase, descriptor: int) -> Output:
    """
    Make an output over a file descriptor, which is closed after the test.
    """
    stream = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")
    test.addCleanup(stream.close)
    return Output(stream)


class PipeTests(TestCase):
    """
    A pipe.
    """

    timeout = PATIENCE

    def setUp(self) -> None:
        """
        Make a pipe.
        """
        self.reader, writer = os.pipe()
        os.set_blocking(self.reader, False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.reader_is_open = True
        self.addCleanup(self.close_reader)
        self.output = opened(self, writer)

    def close_reader(self) -> None:
        """
        Close the reading end.
        """
        if self.reader_is_open:
            self.reader_is_open = False
            os.close(self.reader)

    def fill(self) -> None:
        """
        Write more than the pipe takes.
        """
        self.output.write("x" * 1_000_000)
        self.output.flush()

    async def read_until(self, done: Callable[[], object]) -> int:
        """
        Read until *done* returns true, and return the number of bytes.
        """
        size = 0
        while not done():
            with contextlib.suppress(BlockingIOError):
                size += len(os.read(self.reader, 65536))
            await deferLater(reactor, 0)  # type: ignore[arg-type]
        return size

    def test_small(self) -> None:
        """
        What the pipe takes is written at once, with the encoding of the stream.
        """
        self.output.write("hé \ud800\n")
        self.output.flush()

        self.assertEqual(os.read(self.reader, 100), "hé \\ud800\n".encode())
        self.successResultOf(self.output.drained())

    async def test_full(self) -> None:
        """
        A full pipe does not block, and everything arrives once it is read.
        """
        self.fill()
        draining = self.output.drained()
        self.assertNoResult(draining)

        size = await self.read_until(lambda: draining.called)

        self.assertLessEqual(1_000_000 - size, 65536)

    def assertNoResult(self, deferred: "Deferred[None]") -> None:
        """
        Check that a Deferred has not fired.
        """
        self.assertFalse(deferred.called)

    async def test_reader_leaves(self) -> None:
        """
        A reader that leaves is an error, while one waits for it and afterwards.
        """
        self.fill()
        draining = self.output.drained()
        self.close_reader()

        with self.assertRaises(BrokenPipeError):
            await draining
        self.assertRaises(BrokenPipeError, self.output.flush)
        self.output.finish(wait=True)

    async def test_cancelled(self) -> None:
        """
        Waiting can be cancelled, and repeated.
        """
        self.fill()
        draining = self.output.drained()
        draining.cancel()
        with self.assertRaises(CancelledError):
            await draining

        again = self.output.drained()
        await self.read_until(lambda: again.called)

    def test_interrupted(self) -> None:
        """
        After an interruption the rest is given up.
        """
        self.fill()

        self.output.finish(wait=False)


class FileTests(SynchronousTestCase):
    """
    A regular file, which the reactor cannot wait for.
    """

    def test_written(self) -> None:
        """
        Everything is written at once.
        """
        path = self.mktemp()
        output = opened(self, os.open(path, os.O_CREAT | os.O_WRONLY))

        output.write("x" * 1_000_000)
        output.flush()

        self.assertEqual(os.path.getsize(path), 1_000_000)
        self.successResultOf(output.drained())
