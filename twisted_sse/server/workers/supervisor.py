"""
Starts the workers, replaces those that end or are stuck, and stops them all.

A worker is replaced at once.  If its successors end soon as well, something is wrong
that a new process does not cure, and the pauses between them grow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_sse.broker.shutdown import wait_for
from twisted_sse.clock import looping_call
from twisted_sse.server.workers.hubwide import HubWide
from twisted_sse.server.workers.workerprocess import WorkerProcess

__all__ = ["Supervisor"]

# A worker that has lived for so long counts as one that works, in seconds.
_STABLE = 30.0

# The first pause before a worker is replaced that has not, and the longest, in seconds.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0

# How long a worker may take to end, in addition to the grace, in seconds: it closes its
# history, and its interpreter ends.
_EXIT = 5.0


class _Slot:
    """
    The place of a worker and of its successors.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.member: WorkerProcess | None = None
        self.since = 0.0
        self.pause = 0.0
        self.restarting: IDelayedCall | None = None


class Supervisor(Service):
    """
    Args:
        count: How many workers.

        spawn: Starts the process of a worker, given its number.

        hub_wide: Told of workers that are ready, and of those that have ended.

        grace: How long a worker takes at most to end its streams, in seconds.

    Attributes:
        ready: Fires when each worker has been ready once.
    """

    _log = Logger()

    def __init__(
        self,
        count: int,
        spawn: Callable[[int], WorkerProcess],
        hub_wide: HubWide,
        grace: float,
        reactor: Any,
    ) -> None:
        self._slots = [_Slot(number + 1) for number in range(count)]
        self._spawn = spawn
        self._hub_wide = hub_wide
        self._grace = grace
        self._reactor = reactor
        self._waiting_for = set(self._slots)
        self._watch = looping_call(reactor, self._check)
        self.ready: Deferred[None] = Deferred()

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        # Not before: the reactor would not notice the end of a process.
        self._reactor.callWhenRunning(self._start_all)

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`: the workers end their streams, and then themselves.
        """
        super().stopService()
        if self._watch.running:
            self._watch.stop()
        for slot in self._slots:
            if slot.restarting is not None:
                slot.restarting.cancel()
                slot.restarting = None
        return Deferred.fromCoroutine(self._stop())

    def reload(self) -> None:
        """
        See `twisted_sse.server.reload.Reloadable`.
        """
        self._tell("reload")

    def leave(self) -> None:
        """
        Let the workers say that they are not ready: the hub stops soon.
        """
        self._tell("leave")

    def pause(self) -> None:
        """
        See `twisted_sse.server.takeover.holder.Pausing`.
        """
        self._tell("pause")

    def resume(self) -> None:
        """
        See `twisted_sse.server.takeover.holder.Pausing`.
        """
        self._tell("resume")

    def abort(self) -> None:
        """
        End all streams at once.
        """
        self._tell("abort")

    @property
    def _members(self) -> list[WorkerProcess]:
        return [slot.member for slot in self._slots if slot.member is not None]

    def _start_all(self) -> None:
        if self.running:
            for slot in self._slots:
                self._start(slot)
            self._watch.start(1.0, now=False)

    def _start(self, slot: _Slot) -> None:
        slot.restarting = None
        slot.since = self._reactor.seconds()
        slot.member = member = self._spawn(slot.number)
        member.ready.addCallback(lambda _: self._joined(slot, member))
        member.ended.addCallback(self._left, slot, member)

    def _joined(self, slot: _Slot, member: WorkerProcess) -> None:
        self._hub_wide.join(member.calls)
        self._waiting_for.discard(slot)
        if not self._waiting_for and not self.ready.called:
            self.ready.callback(None)

    def _left(self, how: str, slot: _Slot, member: WorkerProcess) -> None:
        slot.member = None
        self._hub_wide.leave(member.calls)
        if not self.running:
            return
        pause = self._pause_before_next(slot)
        self._log.error(
            "Worker {number} has died: {how}. A new one starts {when}",
            number=slot.number,
            how=how,
            when=f"in {pause:g} seconds" if pause else "now",
        )
        slot.restarting = self._reactor.callLater(pause, self._start, slot)

    def _pause_before_next(self, slot: _Slot) -> float:
        if self._reactor.seconds() - slot.since >= _STABLE:
            slot.pause = 0.0
        pause = slot.pause
        slot.pause = min(2 * pause or _FIRST_PAUSE, _LONGEST_PAUSE)
        return pause

    def _check(self) -> None:
        for member in self._members:
            if member.tick():
                member.kill("it was stuck")

    async def _stop(self) -> None:
        members = self._members
        for member in members:
            if member.is_ready:
                member.calls.tell("stop")
            else:
                # It serves nobody yet, and may take seconds until it would listen.
                member.kill()
        ends = [_end_of(member) for member in members]
        if not await wait_for(self._reactor, self._grace + _EXIT, gatherResults(ends)):
            for member in self._members:
                self._log.warn("Worker {number} does not end: killing it", number=member.number)
                member.kill()
            await wait_for(self._reactor, _EXIT, gatherResults(ends))

    def _tell(self, name: str) -> None:
        for member in self._members:
            member.calls.tell(name)


def _end_of(member: WorkerProcess) -> Deferred[None]:
    end: Deferred[None] = Deferred()

    def ended(how: str) -> str:
        end.callback(None)
        return how

    member.ended.addCallback(ended)
    return end
