"""
A thread that calls functions one after the other, in the order given.

The functions' data belongs to the thread alone; results are passed back to the
reactor's thread.  A call costs one put into a queue and one `callFromThread`.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from twisted_sse.errors import TwistedSSEError

__all__ = ["WorkThread"]

T = TypeVar("T")

_Work = tuple["Deferred[Any]", Callable[..., Any], tuple[Any, ...]]


class WorkThread:
    """
    Works until it is stopped.

    It is a daemon thread: a process that ends without `stop` does not wait for it.

    Args:
        name: Shown by debuggers and `top -H`.

        reactor: Results arrive in its thread.

        previous: Wait until this thread has stopped, so that the two never work
            at the same time.
    """

    def __init__(
        self, name: str, reactor: IReactorFromThreads, previous: WorkThread | None = None
    ) -> None:
        self._reactor = reactor
        self._given: SimpleQueue[_Work | None] = SimpleQueue()
        before: Thread | None = None if previous is None else previous._thread
        self._thread: Thread = Thread(target=self._work, args=(before,), name=name, daemon=True)
        self._thread.start()

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """
        Call *function* in the thread.

        Returns:
            Its result or error, in the reactor's thread.
        """
        done: Deferred[T] = Deferred()
        self._given.put((done, function, args))
        return done

    async def stop(self) -> None:
        """
        Finish all calls, and end the thread.  `run` may not be called after this.
        """
        last = self.run(lambda: None)
        self._given.put(None)
        await last
        # It is about to return, so this does not block.
        self._thread.join()

    def _work(self, before: Thread | None) -> None:
        if before is not None:
            before.join()
        tell = self._reactor.callFromThread
        while (given := self._given.get()) is not None:
            done, function, args = given
            try:
                result = function(*args)
            except TwistedSSEError as error:
                tell(done.errback, Failure(_without_frames(error)))
            except BaseException:
                tell(done.errback, Failure())
            else:
                tell(done.callback, result)
            # While it waits, it must not keep the last call's objects alive.
            del given, done, function, args
            result = None


def _without_frames(error: TwistedSSEError) -> TwistedSSEError:
    """
    Remove the traceback of *error*: its frames keep the thread's objects alive,
    such as an open cursor, and thereby a snapshot of the file.
    """
    error.__cause__ = error.__context__ = error.__traceback__ = None
    return error
