"""
What is published inside of ``with hub.batch():``, collected and handed over once.

The innermost batch belongs to a context, as `contextvars` has it: what others
publish while a coroutine waits inside of its batch is none of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from twisted_sse.events.publication import Publication, Published, Receipt

__all__ = ["Batch", "batch_of", "collect"]

#: Hands publications over together: all or none.
Submit = Callable[[Sequence[Publication]], "Deferred[list[Published]]"]


class Batch:
    """
    Publications that wait for the end of a block.

    Args:
        hub: Whose they are.

        around: The batch, of any hub, inside of which this one was begun.
    """

    def __init__(self, hub: object, around: Batch | None) -> None:
        self.hub = hub
        self.around = around
        self.open = True
        self._waiting: list[tuple[Publication, Deferred[Receipt]]] = []

    def add(self, publication: Publication) -> Deferred[Receipt]:
        """
        Have *publication* handed over with the others.
        """
        done: Deferred[Receipt] = Deferred()
        self._waiting.append((publication, done))
        return done

    def hand_over(self, submit: Submit) -> None:
        """
        End well: become part of the batch around this one, or be submitted.
        """
        self.open = False
        around = batch_of(self.hub)
        if around is not None:
            around._waiting += self._waiting
        else:
            submitted = submit([publication for publication, _ in self._waiting])
            submitted.addCallbacks(self._tell, self._refuse)

    def cancel(self) -> None:
        """
        Publish nothing.
        """
        self.open = False
        for _, done in self._waiting:
            done.cancel()
            # Whoever listens has been told; the log need not be.
            done.addErrback(lambda failure: failure.trap(CancelledError) and None)

    def _tell(self, published: list[Published]) -> None:
        for (_, done), one in zip(self._waiting, published, strict=True):
            done.callback(one.receipt)

    def _refuse(self, failure: Failure) -> None:
        for _, done in self._waiting:
            done.errback(failure)


_innermost: ContextVar[Batch | None] = ContextVar("_innermost", default=None)


def batch_of(hub: object) -> Batch | None:
    """
    The innermost open batch of *hub*.  A task that was begun inside of one may
    outlive it.
    """
    batch = _innermost.get()
    while batch is not None and not (batch.open and batch.hub is hub):
        batch = batch.around
    return batch


@contextmanager
def collect(hub: object, submit: Submit) -> Iterator[None]:
    """
    Collect what is published to *hub* inside, and *submit* it if all goes well.
    """
    batch = Batch(hub, _innermost.get())
    token = _innermost.set(batch)
    try:
        yield
    except BaseException:
        batch.cancel()
        raise
    else:
        batch.hand_over(submit)
    finally:
        _innermost.reset(token)
