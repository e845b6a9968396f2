"""
Collects what is published inside ``with hub.batch():``, and submits it at once.

A batch belongs to a context (`contextvars`): what other tasks publish while a
coroutine waits inside its batch is not part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from twisted_sse.events.publication import Publication, Published, Receipt, receipt_of

__all__ = ["Batch", "batch_of", "collect"]

#: Submits publications together: all or none.
Submit = Callable[[Sequence[Publication]], "Deferred[list[Published]]"]


class Batch:
    """
    Publications that wait for the end of a block.

    Args:
        hub: The hub that they are published to.

        around: The batch, of any hub, inside which this one was begun.
    """

    def __init__(self, hub: object, around: Batch | None) -> None:
        self.hub = hub
        self.around = around
        self.open = True
        self._waiting: list[tuple[Publication, Deferred[Receipt]]] = []

    def add(self, publication: Publication) -> Deferred[Receipt]:
        """
        Submit *publication* with the others.
        """
        done: Deferred[Receipt] = Deferred()
        self._waiting.append((publication, done))
        return done

    def finish(self, submit: Submit) -> None:
        """
        Become part of the batch around this one, or submit everything.
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
            # The callers have been told; the log does not need it.
            done.addErrback(lambda failure: failure.trap(CancelledError) and None)

    def _tell(self, published: list[Published]) -> None:
        for (_, done), one in zip(self._waiting, published, strict=True):
            done.callback(receipt_of(one))

    def _refuse(self, failure: Failure) -> None:
        for _, done in self._waiting:
            done.errback(failure)


_innermost: ContextVar[Batch | None] = ContextVar("_innermost", default=None)


def batch_of(hub: object) -> Batch | None:
    """
    The innermost open batch of *hub* in this context, if there is one.

    A task that was begun inside a batch may outlive it.
    """
    batch = _innermost.get()
    while batch is not None and not (batch.open and batch.hub is hub):
        batch = batch.around
    return batch


@contextmanager
def collect(hub: object, submit: Submit) -> Iterator[None]:
    """
    Collect what is published to *hub* inside the block, and *submit* it unless the
    block raises.
    """
    batch = Batch(hub, _innermost.get())
    token = _innermost.set(batch)
    try:
        yield
    except BaseException:
        batch.cancel()
        raise
    else:
        batch.finish(submit)
    finally:
        _innermost.reset(token)
