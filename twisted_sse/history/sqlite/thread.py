"""
A thread that does one piece of work after the other, in the order given.

What it works on belongs to it alone: functions go in, and their results come
back to the reactor's thread.  One put into a queue and one call from the thread
are all that a piece of work costs.
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

    It is a daemon: a process that ends without a stop does not wait for it.

    Args:
        name: Seen in debuggers and in `top -H`.

        reactor: In whose thread results arrive.

        previous: Works first until it has stopped; with it, the two never work
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
        Have *function* called in the thread.

        Returns:
            What it returns or raises, in the reactor's thread.
        """
        done: Deferred[T] = Deferred()
        self._given.put((done, function, args))
        return done

    async def stop(self) -> None:
        """
        Finish what was given, and end.  Nothing may be given after this.
        """
        last = self.run(lambda: None)
        self._given.put(None)
        await last
        # It has nothing left to do but to return.
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
            # Waiting for the next, it holds on to nothing of the last.
            del given, done, function, args
            result = None


def _without_frames(error: TwistedSSEError) -> TwistedSSEError:
    """
    Let go of the frames that raised *error*: they hold on to what is the
    thread's, such as an open cursor, and with it to a snapshot of the file.
    """
    error.__cause__ = error.__context__ = error.__traceback__ = None
    return error
