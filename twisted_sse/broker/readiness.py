"""
Readiness: whether a hub takes subscribers, and its history keeps, finds and delivers now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.broker.audiences.window import Window
from twisted_sse.broker.singleflight import SingleFlight
from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.publication import Tail
from twisted_sse.interfaces import ICheckedHistory, IHistoryProvider, ISharedHistoryProvider

__all__ = ["Fault", "FaultyPart", "Readiness"]

#: What may be at fault.
FaultyPart = Literal["stopping", "reading", "writing", "following", "workers", "self-test"]

# How long what is kept may take to arrive while readiness is checked, in seconds.
_ARRIVAL = 1.0


class Fault(NamedTuple):
    """
    Why a hub is not ready.

    Attributes:
        reason: A sentence.  It may name files and addresses, so it is not for everybody.
    """

    part: FaultyPart
    reason: str


_STOPPING = Fault("stopping", "The hub is about to stop.")


class Readiness:
    """
    Checks a hub and its history.

    Args:
        start: Starts the hub, if it has not been started.

        check_kept: Raises `HistoryUnavailable` if the last publication was refused;
            for a history that cannot be asked.

        is_stopping: Whether the hub is about to stop.

    Attributes:
        checks: What else has to be well for the hub to be ready.
    """

    _log = Logger()

    def __init__(
        self,
        history: IHistoryProvider,
        window: Window,
        clock: IReactorTime,
        *,
        start: Callable[[], Deferred[None]],
        check_kept: Callable[[], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._history = history
        self._shared = ISharedHistoryProvider(history, None) is not None
        self._checked = ICheckedHistory(history, None)
        self._window = window
        self._clock = clock
        self._start = start
        self._check_kept = check_kept
        self._is_stopping = is_stopping
        self.checks: list[Callable[[], Fault | None]] = []
        self._examinations: SingleFlight[list[Fault]] = SingleFlight()
        # Checks that wait until the window has reached a number.
        self._arrivals: list[tuple[int, Deferred[None]]] = []
        self._lagging = False

    def examine(self) -> Deferred[list[Fault]]:
        """
        Find out why the hub does not take subscribers, publications are not kept, or what
        other hubs publish does not arrive here; if so.
        """
        if self._is_stopping():
            return succeed([_STOPPING])
        return self._examinations.call(None, lambda: Deferred.fromCoroutine(self._examine()))

    def check_started(self) -> Deferred[bool]:
        """
        Find out whether history has answered once since the start.
        """
        return self._start().addCallbacks(lambda _: True, lambda _: False)

    async def _examine(self) -> list[Fault]:
        try:
            await self._start()
        except (HistoryUnavailable, HubClosed) as error:
            return [Fault("reading", str(error))]
        found = await self._find_faults()
        found += [fault for check in self.checks if (fault := check()) is not None]
        return [*found, _STOPPING] if self._is_stopping() else found

    async def _find_faults(self) -> list[Fault]:
        """
        Find out whether publications are found and kept, and whether those of other hubs
        arrive.
        """
        try:
            tail: Tail = await maybeDeferred(self._history.tail, 1)
        except Exception as error:
            return [self._fault("reading", error)]
        faults = []
        try:
            await self._check_writing()
        except Exception as error:
            faults.append(self._fault("writing", error))
        try:
            await self._arrive(tail)
        except HistoryUnavailable as error:
            faults.append(self._fault("following", error))
        return faults

    def _fault(self, part: FaultyPart, error: Exception) -> Fault:
        if isinstance(error, HistoryUnavailable):
            return Fault(part, str(error))
        self._log.failure("History has failed")
        return Fault(part, "History has failed; the log says how.")

    async def _check_writing(self) -> None:
        if self._checked is None:
            self._check_kept()
        else:
            await maybeDeferred(self._checked.check_available)

    def arrived(self, *, restarted: bool = False) -> None:
        """
        Note that the window has moved.

        Args:
            restarted: Whether it has begun anew, so that no number will be reached.
        """
        if not self._arrivals:
            return
        head = self._window.head.number
        for one in [one for one in self._arrivals if restarted or one[0] <= head]:
            self._arrivals.remove(one)
            one[1].callback(None)

    async def _arrive(self, tail: Tail) -> None:
        """
        Wait until the newest record of *tail* has arrived, if history is shared.
        """
        number = tail.newest.number
        if not self._shared:
            return
        if self._window.head.number < number:
            arrived: Deferred[None] = Deferred()
            self._arrivals.append((number, arrived))
            try:
                await arrived.addTimeout(_ARRIVAL, self._clock)
            except TimeoutError:
                self._arrivals.remove((number, arrived))
                self._note_lag(number - self._window.head.number)
                raise HistoryUnavailable("What history keeps does not arrive.") from None
        if self._lagging:
            self._lagging = False
            self._log.info("What history keeps arrives in time again")

    def _note_lag(self, count: int) -> None:
        if not self._lagging:
            self._lagging = True
            self._log.warn(
                "The hub is not ready: history is {count} positions ahead, and what it keeps"
                " has not arrived for {seconds:g} seconds",
                count=count,
                seconds=_ARRIVAL,
            )
