"""
Time: intervals by a monotonic clock, dates by the clock of the machine.

A Twisted reactor measures intervals by the clock of the machine.  When that is set
back by an hour, every `callLater` of the process waits an hour longer.  A program of
ours makes its reactor monotonic; in a program of somebody else, the reactor stays as it
is, and a `MonotonicClock` corrects the calls that were made through it.

Importing this module, or making a clock, chooses no reactor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from threading import Event, Thread
from typing import Any, cast
from weakref import WeakKeyDictionary, ref

from twisted.internet.base import ReactorBase
from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads, IReactorTime
from twisted.internet.task import LoopingCall
from zope.interface import implementer

__all__ = [
    "GlobalClock",
    "MonotonicClock",
    "Timers",
    "clock_for",
    "dates_of",
    "looping_call",
    "make_monotonic",
    "reactor_behind",
    "threads_of",
]

# A change of the clock by less than this many seconds is not corrected: the time between
# the readings of two clocks looks the same.
_TOLERANCE = 0.1

# Calls that have fired are forgotten when this many more were made than are waiting.
_FEW = 64

# Seconds between two checks whether the clock was set.
_CHECK_INTERVAL = 1.0


@implementer(IReactorTime)
class MonotonicClock:
    """
    The timers of *reactor*, right even if the clock of the machine is set.

    A call fires at most a second late after the clock was set back.  One that is due
    within the time by which the clock is set forward fires early.

    Attributes:
        reactor: The reactor.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        self.reactor = reactor

    #: See `IReactorTime.seconds`: for intervals.  It is called for each write to a
    #: connection, so it has no layer of Python.
    seconds = staticmethod(time.monotonic)

    #: Seconds since 1970, by the clock of the machine: for dates.
    now = staticmethod(time.time)

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object
    ) -> IDelayedCall:
        """
        See `IReactorTime.callLater`.
        """
        timers = self._timers
        if timers is None:
            return self.reactor.callLater(delay, callable, *args, **kwargs)
        return timers.call_later(delay, callable, *args, **kwargs)

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """
        See `IReactorTime.getDelayedCalls`.
        """
        return self.reactor.getDelayedCalls()

    @cached_property
    def _timers(self) -> Timers | None:
        reactor: Any = self.reactor
        if isinstance(getattr(reactor, "seconds", None), _MonotonicSeconds):
            return None
        if reactor not in _TIMERS:
            _TIMERS[reactor] = Timers(reactor)
            _TIMERS[reactor].watch()
        return _TIMERS[reactor]


class GlobalClock(MonotonicClock):
    """
    A `MonotonicClock` of the global reactor, which is looked up when it is first needed.
    """

    def __init__(self) -> None:
        pass

    @cached_property
    def reactor(self) -> IReactorTime:  # type: ignore[override]
        """
        The global reactor.
        """
        from twisted.internet import reactor

        return cast(IReactorTime, reactor)


class Timers:
    """
    The calls that were made through the `MonotonicClock`s of a reactor.

    They are corrected when the reactor's clock was set: before the next call is made,
    and at the checks of a thread, because no timer of the reactor would fire.

    Args:
        monotonic: Returns the time that no one sets.
    """

    def __init__(self, reactor: Any, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reactor = reactor
        self._monotonic = monotonic
        # Weak, because a call that has fired must not live on; and a list, because this
        # is done for each turn of the hub, and a WeakSet takes four times as long.
        self._calls: list[ref[Any]] = []
        self._most = _FEW
        self._offset: float = reactor.seconds() - monotonic()
        self._ended = Event()

    def call_later(
        self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object
    ) -> IDelayedCall:
        """
        See `IReactorTime.callLater`.
        """
        moved = self._reactor.seconds() - self._monotonic() - self._offset
        if not -_TOLERANCE < moved < _TOLERANCE:
            self.correct()
        call: IDelayedCall = self._reactor.callLater(delay, callable, *args, **kwargs)
        self._calls.append(ref(call))
        if len(self._calls) > self._most:
            self._calls = [one for one in self._calls if one() is not None]
            self._most = 2 * len(self._calls) + _FEW
        return call

    def correct(self) -> None:
        """
        Move all calls if the clock was set.
        """
        if not self._was_set():
            return
        before, self._offset = self._offset, self._measure()
        for one in self._calls:
            call = one()
            if call is not None and call.active():
                call.delay(self._offset - before)

    def watch(self) -> None:
        """
        Look for changes of the clock as long as the reactor runs.
        """
        self._reactor.callWhenRunning(self._start)

    def _start(self) -> None:
        self._reactor.addSystemEventTrigger("after", "shutdown", self._ended.set)
        Thread(target=self._check, name="twisted_sse.clock", daemon=True).start()

    def _check(self) -> None:
        while not self._ended.wait(_CHECK_INTERVAL):
            if self._was_set():
                self._reactor.callFromThread(self.correct)

    def _was_set(self) -> bool:
        moved: float = self._reactor.seconds() - self._monotonic() - self._offset
        return abs(moved) > _TOLERANCE and abs(self._measure() - self._offset) > _TOLERANCE

    def _measure(self) -> float:
        while True:
            before = self._monotonic()
            offset: float = self._reactor.seconds() - before
            # Unless the process was suspended between the two readings.
            if self._monotonic() - before < _TOLERANCE / 10:
                return offset


class _MonotonicSeconds:
    """
    Continues the time of a reactor by the monotonic clock.
    """

    def __init__(self, now: float) -> None:
        self._origin = now - time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() + self._origin


_TIMERS: WeakKeyDictionary[Any, Timers] = WeakKeyDictionary()


def make_monotonic(reactor: Any) -> None:
    """
    Make *reactor* measure intervals by the monotonic clock from now on.

    This corrects all timers of the process, those of Twisted included.  It is for
    programs, before or while the reactor runs; a library must leave the reactor of a
    program alone.  ``reactor.seconds()`` then differs from the date by the time by
    which the clock is set from now on.
    """
    if not isinstance(reactor, ReactorBase) or isinstance(reactor.seconds, _MonotonicSeconds):
        return
    changed: Any = reactor
    changed.seconds = _MonotonicSeconds(reactor.seconds())
    for call in changed.getDelayedCalls():
        call.seconds = changed.seconds


def clock_for(clock: IReactorTime | None) -> IReactorTime:
    """
    The clock for intervals: the global reactor's for ``None``, a `MonotonicClock` for a
    reactor, always the same one, and *clock* itself if it is anything else, such as a
    clock of a test.

    Raises:
        TypeError: *clock* is not a clock.
    """
    if clock is None:
        return GlobalClock()
    if not IReactorTime.providedBy(clock):
        raise TypeError(
            f"reactor is {clock!r}: give an IReactorTime, such as twisted.internet.reactor"
        )
    return _clock_of(clock) if isinstance(clock, ReactorBase) else clock


_clock_of = cache(MonotonicClock)


def looping_call(clock: Any, call: Callable[..., object], *args: object) -> LoopingCall:
    """
    Make a `LoopingCall` that measures its intervals by *clock*.

    Making one chooses a reactor, so a constructor that must not do that leaves it for later.
    """
    loop = LoopingCall(call, *args)
    loop.clock = clock
    return loop


def reactor_behind(clock: IReactorTime) -> object:
    """
    The reactor behind *clock*; in a test, the clock itself.
    """
    return clock.reactor if isinstance(clock, MonotonicClock) else clock


def threads_of(clock: IReactorTime) -> IReactorFromThreads:
    """
    What other threads call: the reactor behind *clock*, or else the global reactor.
    """
    reactor = reactor_behind(clock)
    if not IReactorFromThreads.providedBy(reactor):
        from twisted.internet import reactor
    return IReactorFromThreads(reactor)


def dates_of(clock: IReactorTime) -> Callable[[], float]:
    """
    What returns the date, in seconds since 1970, where *clock* measures intervals.

    A clock of a test tells both.
    """
    now: Callable[[], float] = getattr(clock, "now", clock.seconds)
    return now
