"""
One run, as applications see it, wherever its source is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred, succeed

from twisted_sse.events.ending import Outcome
from twisted_sse.events.runrecord import RunRecord
from twisted_sse.events.runstatus import RunState

__all__ = ["Run"]


class Run:
    """
    A run that this hub knows.

    Args:
        cancel: Ends the run of a topic with the outcome ``cancelled``.

        wait: Waits for the end of the run of a topic.

    Attributes:
        name: The name that it was begun with.

        topic: What its events are published to.

        begun: When it was begun, in seconds since 1970.

        joined: Whether it had begun before, so that the source that was given for it is
            not read.

        record: What history knew of it when this was made.
    """

    __slots__ = (
        "__weakref__",
        "_cancel",
        "_outcome",
        "_wait",
        "begun",
        "joined",
        "name",
        "record",
        "topic",
    )

    def __init__(
        self,
        name: str,
        record: RunRecord,
        cancel: Callable[[str], Awaitable[None]],
        wait: Callable[[str], Deferred[Outcome]],
        *,
        joined: bool,
    ) -> None:
        self.name = name
        self.record = record
        self.topic = record.key.topic
        self.begun = record.begun
        self.joined = joined
        self._cancel = cancel
        self._wait = wait
        self._outcome: Outcome | None = record.outcome

    def __repr__(self) -> str:
        return f"<Run {self.name!r} {self.state}>"

    @property
    def state(self) -> RunState:
        """
        ``running``, or how it has ended, as far as this hub has been delivered.
        """
        return "running" if self._outcome is None else self._outcome

    async def cancel(self) -> None:
        """
        Cancel the source at its await, on whichever node it is, and end the run with the
        outcome ``cancelled``; nothing happens if it has ended.

        Raises:
            HistoryUnavailable: The run may go on.
        """
        await self._cancel(self.topic)

    def ended(self) -> Deferred[Outcome]:
        """
        Wait until the run has ended, and return how.
        """
        return self._wait(self.topic) if self._outcome is None else succeed(self._outcome)

    def note_end(self, outcome: Outcome) -> None:
        """
        Note that this hub was delivered the end.  Called by `Runs`.
        """
        self._outcome = outcome
