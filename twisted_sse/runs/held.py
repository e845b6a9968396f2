"""
The runs that applications hold: each is told of its end, once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakSet

from twisted.internet.defer import Deferred

from twisted_sse.broker.endings import Endings
from twisted_sse.events.ending import Outcome
from twisted_sse.events.runrecord import RunRecord
from twisted_sse.runs.run import Run

__all__ = ["HeldRuns"]


class HeldRuns:
    """
    Makes a `Run` of what history knows, and tells it when this hub is delivered its end.

    Args:
        find: Finds a run by its topic.

        cancel: Cancels one.
    """

    def __init__(
        self,
        endings: Endings,
        find: Callable[[str], Awaitable[RunRecord | None]],
        cancel: Callable[[str], Awaitable[None]],
    ) -> None:
        self._find = find
        self._cancel = cancel
        self._held: dict[str, WeakSet[Run]] = {}
        # What waits for an end is held here, or a coroutine that nothing else refers to would
        # be garbage while it waits.
        self._waiting: dict[str, list[Deferred[Outcome]]] = {}
        # For each question to history, the topics that have ended since it was asked.
        self._asking: list[set[str]] = []
        endings.watch(self._note_ends)

    async def known(
        self,
        name: str,
        topic: str,
        ask: Callable[[], Awaitable[RunRecord | None]],
        owner: str = "",
    ) -> Run | None:
        """
        Ask history for a run, and again if it has ended meanwhile: nobody is told later.

        Args:
            owner: That of the run if this call has begun it.
        """
        ended: set[str] = set()
        self._asking.append(ended)
        try:
            record = await ask()
            while topic in ended and record is not None and record.outcome is None:
                ended.clear()
                record = await self._find(topic)
        finally:
            # By identity: another set may be equal.
            self._asking = [one for one in self._asking if one is not ended]
        if record is None:
            return None
        joined = record.key.owner != owner
        run = Run(name, record, self._cancel, self._wait, joined=joined)
        if record.outcome is None:
            self._held.setdefault(topic, WeakSet()).add(run)
        return run

    def _wait(self, topic: str) -> Deferred[Outcome]:
        waiting: Deferred[Outcome] = Deferred(lambda one: self._forget(topic, one))
        self._waiting.setdefault(topic, []).append(waiting)
        return waiting

    def _forget(self, topic: str, waiting: Deferred[Outcome]) -> None:
        left = [one for one in self._waiting.pop(topic, ()) if one is not waiting]
        if left:
            self._waiting[topic] = left

    def _note_ends(self, topics: Sequence[str], outcome: Outcome) -> None:
        for ended in self._asking:
            ended.update(topics)
        for topic in topics:
            for run in list(self._held.pop(topic, ())):
                run.note_end(outcome)
            for waiting in self._waiting.pop(topic, ()):
                waiting.callback(outcome)
