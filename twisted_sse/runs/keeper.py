"""
Keeps the runs of one hub alive, and notices those whose owners are dead.

It renews the leases of the runs that this process owns, and interrupts those that nobody
renews, wherever they were begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_sse.broker.broker import Broker
from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.ending import Outcome
from twisted_sse.events.publication import Record
from twisted_sse.events.runrecord import RunKey, beginning
from twisted_sse.interfaces import IRunHistory
from twisted_sse.runs.settings import RunSettings
from twisted_sse.runs.work import RunWork

__all__ = ["RunKeeper"]

# How often leases are renewed while one lasts: a history takes a silence of half a lease for
# an outage.
_RENEWALS = 4

# The most runs that are interrupted at once.
_MOST = 100

# How often readers are looked for while *linger* lasts, and the longest pause between two
# looks, in seconds.
_LOOKS = 4
_LONGEST_LOOK = 1.0


class RunKeeper:
    """
    The runs that this process owns: ``len()`` is their number, and iterating gives the
    work of each.

    Args:
        history: The history of *broker*.
    """

    _log = Logger()

    def __init__(self, broker: Broker, history: IRunHistory, settings: RunSettings) -> None:
        self._broker = broker
        self._history = history
        self._settings = settings
        self._works: dict[str, RunWork] = {}
        self._loops: list[LoopingCall] = []
        self._unread: dict[str, float] = {}
        self._refused = False
        self.closed = False
        broker.endings.watch(self._note_ends)

    def __len__(self) -> int:
        return len(self._works)

    def __iter__(self) -> Iterator[RunWork]:
        return iter(list(self._works.values()))

    def find(self, topic: str) -> RunWork | None:
        """
        Find the work for *topic*, if this process owns its run.
        """
        return self._works.get(topic)

    def add(self, work: RunWork) -> None:
        """
        Keep *work* alive until it is removed.
        """
        topic = work.run.key.topic
        self._works[topic] = work
        self._unread[topic] = self._broker.clock.seconds()

    def remove(self, work: RunWork) -> None:
        """
        Forget *work*, which is over.
        """
        topic = work.run.key.topic
        if self._works.get(topic) is work:
            del self._works[topic], self._unread[topic]

    def start(self) -> None:
        """
        Begin to renew and to interrupt.
        """
        if self._loops or self.closed:
            return
        self._repeat(self._turn, self._settings.lease / _RENEWALS)
        linger = self._settings.linger
        if linger is not None:
            self._repeat(self._look, min(_LONGEST_LOOK, linger / _LOOKS))

    async def stop(self) -> None:
        """
        Interrupt all runs of this process.
        """
        self.closed = True
        await gatherResults([work.stop("interrupted") for work in self])
        loops, self._loops = self._loops, []
        for loop in loops:
            loop.stop()

    def _repeat(self, call: Callable[[], object], seconds: float) -> None:
        # Made here, because making a LoopingCall chooses a reactor.
        loop = LoopingCall(call)
        loop.clock = self._broker.clock
        self._loops.append(loop)
        loop.start(seconds).addErrback(
            lambda failure: self._log.failure("Runs are not kept alive any more", failure)
        )

    def _turn(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._renew_and_interrupt())

    async def _renew_and_interrupt(self) -> None:
        try:
            await self._broker.start()
            await self._renew()
            await self._interrupt()
            self._refused = False
        except HubClosed:
            pass
        except Exception as error:
            # One line for each outage.
            if not self._refused and isinstance(error, HistoryUnavailable):
                self._log.warn("Runs cannot be renewed: {error}", error=error)
            elif not self._refused:
                self._log.failure("Runs cannot be renewed")
            self._refused = True

    async def _renew(self) -> None:
        keys = [work.run.key for work in self]
        lost: Sequence[RunKey] = await maybeDeferred(
            self._history.renew_runs, keys, self._settings.lease
        )
        for key in lost:
            work = self._works.get(key.topic)
            if work is not None and work.run.key == key:
                work.end("interrupted")

    async def _interrupt(self) -> None:
        def interrupt() -> Sequence[Record]:
            return self._history.interrupt_runs(self._settings.lease, _MOST)

        count = _MOST
        while count == _MOST:
            ended: Sequence[Record] = await self._broker.perform(interrupt, lambda found: found)
            count = len(ended)

    def _note_ends(self, topics: Sequence[str], outcome: Outcome) -> None:
        for topic in topics:
            work = self._works.get(topic)
            if work is not None:
                work.end(outcome)

    def _look(self) -> None:
        """
        Cancel the runs that have had no reader at this hub for too long.
        """
        now = self._broker.clock.seconds()
        linger = self._settings.linger or 0.0
        for work in self:
            topic = work.run.key.topic
            if self._broker.distribution.count([beginning(topic, work.run.private)])[0]:
                self._unread[topic] = now
            elif now - self._unread[topic] >= linger:
                work.stop("cancelled")
