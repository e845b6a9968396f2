"""
What a source yields, on its way to history: collected for a moment, then kept together.

One batch is on its way at a time.  What could not be kept is tried again, in its place;
what may have been kept is looked for first.  So history has every event once, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.broker.broker import Broker
from twisted_sse.errors import HistoryUnavailable, PerhapsKept
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Published, Record
from twisted_sse.topics import Exact, Selection

__all__ = ["RunWriter"]

# So many bytes make a batch at once, and so many may wait for history until the source is
# paused.
_BATCH_BYTES = 64 * 1024

# So many publications of others may precede what is looked for.
_MOST_FOREIGN = 256

# The first and the longest pause before history is tried again, in seconds.
_FIRST_PAUSE, _LAST_PAUSE = 0.2, 2.0


@dataclass
class _Waiting:
    """
    Publications that are not with history yet.
    """

    publications: list[Publication] = field(default_factory=list)
    size: int = 0

    def add(self, publication: Publication) -> None:
        """
        Add one more.
        """
        self.publications.append(publication)
        event = publication.event
        self.size += sum(len(text) for text in (event.data, event.event, event.comment) if text)


class RunWriter:
    """
    Publishes to one run.

    Args:
        make: Makes a publication of an event.

        start: The ID of the newest publication of the run.

        flush: How long an event may wait for others, in seconds.

        lost: Called once if nothing can be published any more: the run has ended, or has
            another owner, or history has failed in a way that nobody expects.

    Attributes:
        events: How many events were written in all.
    """

    def __init__(
        self,
        broker: Broker,
        topic: str,
        make: Callable[[ServerSentEvent], Publication],
        start: str,
        flush: float,
        lost: Callable[[BaseException], None],
    ) -> None:
        self._broker = broker
        self._clock: IReactorTime = broker.clock
        self._selection = Selection.of([Exact(topic)])
        self._make = make
        self._newest = start
        self._flush = flush
        self._lost = lost
        self._waiting = _Waiting()
        self._written = float("-inf")
        self._call: IDelayedCall | None = None
        self._busy = False
        self._closed = False
        self._watchers: list[Deferred[None]] = []
        self._size = 0
        self.events = 0

    @property
    def size(self) -> int:
        """
        How many bytes were written in all, those included that are not kept yet.
        """
        return self._size + self._waiting.size

    def write(self, event: ServerSentEvent | None) -> bool:
        """
        Publish *event* soon; ``None`` is nothing.

        Returns:
            Whether more can be written now; otherwise wait for `drained`.
        """
        if event is not None and not self._closed:
            self._waiting.add(self._make(event))
            self.events += 1
            self._plan()
        return self._waiting.size < _BATCH_BYTES

    def drained(self) -> Deferred[None]:
        """
        Wait until more can be written.
        """
        if self._closed or self._waiting.size < _BATCH_BYTES:
            return succeed(None)
        return self._watch()

    async def finish(self, last: Publication) -> None:
        """
        Publish *last* after everything else, and wait until history has all of it, or
        nothing can be published any more.
        """
        if not self._closed:
            self._waiting.add(last)
            self._plan()
        while not self._closed and (self._busy or self._waiting.publications):
            await self._watch()
        self.close()

    def close(self) -> None:
        """
        Publish nothing more.
        """
        self._closed = True
        self._waiting = _Waiting()
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._wake()

    def _watch(self) -> Deferred[None]:
        watcher: Deferred[None] = Deferred()
        self._watchers.append(watcher)
        return watcher

    def _wake(self) -> None:
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            # One that was cancelled has been called.
            if not watcher.called:
                watcher.callback(None)

    def _plan(self) -> None:
        """
        See to it that what waits is handed over: at once if nothing was for a moment.
        """
        if self._busy:
            return
        due = self._written + self._flush
        wait = due - self._clock.seconds()
        if wait <= 0 or self._waiting.size >= _BATCH_BYTES:
            self._cancel()
            self._hand_over()
        elif self._call is None:
            self._call = self._clock.callLater(wait, self._due)

    def _due(self) -> None:
        self._call = None
        self._hand_over()

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _hand_over(self) -> None:
        self._busy = True
        self._written = self._clock.seconds()
        waiting, self._waiting = self._waiting, _Waiting()
        self._size += waiting.size
        publications = waiting.publications
        # Not a coroutine: most sources yield again and again, one event for each batch.
        keeping = self._broker.submit(publications)
        keeping.addCallbacks(self._kept, lambda failure: self._refused(failure.value, publications))

    def _kept(self, published: Sequence[Published]) -> None:
        self._newest = published[-1][0].id
        self._go_on()

    def _refused(self, error: BaseException, publications: Sequence[Publication]) -> None:
        if not isinstance(error, HistoryUnavailable):
            self._fail(error)
            return
        keeping = Deferred.fromCoroutine(
            self._keep(publications, doubtful=isinstance(error, PerhapsKept))
        )
        keeping.addCallbacks(lambda _: self._go_on(), lambda failure: self._fail(failure.value))

    def _go_on(self) -> None:
        self._busy = False
        if self._waiting.publications and not self._closed:
            self._plan()
        self._wake()

    def _fail(self, error: BaseException) -> None:
        self._busy = False
        lost = not self._closed
        self.close()
        if lost:
            self._lost(error)

    async def _keep(self, publications: Sequence[Publication], *, doubtful: bool) -> None:
        """
        Have *publications* kept, however long that takes.

        Args:
            doubtful: Whether they may have been kept already.
        """
        pause = _FIRST_PAUSE
        while not self._closed:
            await deferLater(self._clock, pause)
            pause = min(2 * pause, _LAST_PAUSE)
            if self._closed:
                return
            try:
                if doubtful and await self._were_kept(publications):
                    return
                doubtful = False
                published = await self._broker.submit(publications)
                self._newest = published[-1][0].id
                return
            except HistoryUnavailable as error:
                doubtful = doubtful or isinstance(error, PerhapsKept)

    async def _were_kept(self, publications: Sequence[Publication]) -> bool:
        """
        Look for *publications*, which may have been kept: all or none of them.
        """
        found: Sequence[Record] = await maybeDeferred(
            self._broker.history.since, self._newest, self._selection, _MOST_FOREIGN
        )
        # Others may have published to the topic as well.
        ours = [one for one in found if one.publication == publications[0]]
        if ours:
            self._newest = ours[-1].id
        return bool(ours)
