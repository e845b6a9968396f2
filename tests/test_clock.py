"""
Clocks: timers that do not depend on the clock of the machine, and dates that do.
"""

import subprocess
import sys
import time
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from twisted_sse.clock import (
    GlobalClock,
    MonotonicClock,
    Timers,
    clock_for,
    dates_of,
    make_monotonic,
)

__all__ = ["ChoiceTests", "GlobalClockTests", "MonotonicReactorTests", "TimersTests"]


class GlobalClockTests(TestCase):
    """
    `GlobalClock`.
    """

    def test_interface(self) -> None:
        """
        It is an `IReactorTime`.
        """
        self.assertTrue(verifyObject(IReactorTime, GlobalClock()))

    def test_seconds(self) -> None:
        """
        It tells the monotonic time.
        """
        before = time.monotonic()
        now = GlobalClock().seconds()

        self.assertTrue(before <= now <= time.monotonic())

    def test_call(self) -> None:
        """
        A call is the reactor's, with its arguments, and can be found and cancelled.
        """
        clock = GlobalClock()
        call = clock.callLater(60, self.fail, "too early")

        self.assertIn(call, clock.getDelayedCalls())
        self.assertIn(call, IReactorTime(reactor).getDelayedCalls())
        call.cancel()
        self.assertNotIn(call, clock.getDelayedCalls())

    async def test_arguments(self) -> None:
        """
        What is called gets its arguments.
        """
        called: Deferred[tuple[object, ...]] = Deferred()
        GlobalClock().callLater(0, lambda *one, two: called.callback((*one, two)), 1, two=2)

        self.assertEqual(await called, (1, 2))


class ChoiceTests(SynchronousTestCase):
    """
    `clock_for` and `dates_of`.
    """

    def test_clock(self) -> None:
        """
        A reactor gets a clock of ours, and the clock of a test stays.
        """
        clock = Clock()

        self.assertIs(clock_for(clock), clock)
        self.assertIsInstance(clock_for(None), GlobalClock)
        self.assertIsInstance(clock_for(IReactorTime(reactor)), MonotonicClock)
        self.assertIs(clock_for(IReactorTime(reactor)), clock_for(IReactorTime(reactor)))

    def test_dates(self) -> None:
        """
        Dates are the machine's, or those of a test's clock.
        """
        clock = Clock()
        clock.advance(7)

        self.assertEqual(dates_of(clock)(), 7)
        self.assertIs(dates_of(GlobalClock()), time.time)


class TimersTests(SynchronousTestCase):
    """
    `Timers`: what waits on the reactor of somebody else.
    """

    def setUp(self) -> None:
        """
        A reactor whose clock can be set, and a call in ten seconds.
        """
        self.reactor = Clock()
        self.reactor.advance(1_800_000_000)
        self.monotonic = 50.0
        self.timers = Timers(self.reactor, lambda: self.monotonic)
        self.called: list[str] = []
        self.call = self.timers.call_later(10, self.called.append, "first")

    def set_clock(self, seconds: float) -> None:
        """
        Set the clock of the machine forward, or back if *seconds* is less than 0.
        """
        self.reactor.rightNow += seconds

    def wait(self, seconds: float) -> None:
        """
        Let time go by.
        """
        self.monotonic += seconds
        self.reactor.advance(seconds)

    def assert_due_in(self, seconds: float) -> None:
        """
        See that the first call fires in *seconds* and not before.
        """
        self.wait(seconds - 0.01)
        early = list(self.called)
        self.wait(0.02)

        self.assertEqual((early, self.called), ([], ["first"]))

    def test_untouched(self) -> None:
        """
        While nobody sets the clock nothing is moved.
        """
        before = self.call.getTime()
        for _ in range(5):
            self.wait(1)
            self.timers.correct()

        self.assertEqual(self.call.getTime(), before)
        self.assert_due_in(5)

    def test_back(self) -> None:
        """
        A clock that is set back, once or several times, stops no call.
        """
        self.wait(2)
        for _ in range(3):
            self.set_clock(-3600)
            self.timers.correct()

        self.assert_due_in(8)

    def test_forward(self) -> None:
        """
        A clock that is set forward does not make a call early that is still to come.
        """
        self.set_clock(5)
        self.timers.correct()

        self.assert_due_in(10)

    def test_back_and_forth(self) -> None:
        """
        After there and back again a call is due when it was.
        """
        for seconds in (-600, 7200, -6600):
            self.set_clock(seconds)
            self.timers.correct()

        self.assert_due_in(10)

    def test_small(self) -> None:
        """
        Many small steps add up, and are corrected together.
        """
        for _ in range(100):
            self.set_clock(-0.05)
            self.timers.correct()
        self.wait(9.8)
        early = list(self.called)
        self.wait(0.4)

        self.assertEqual((early, self.called), ([], ["first"]))

    def test_next_call(self) -> None:
        """
        The next call that is made corrects the others, and is not moved itself.
        """
        self.set_clock(-3600)
        self.timers.call_later(10, self.called.append, "second")
        self.wait(9.9)
        early = list(self.called)
        self.wait(0.2)

        self.assertEqual((early, sorted(self.called)), ([], ["first", "second"]))

    def test_over(self) -> None:
        """
        Calls that have fired or were cancelled stay so.
        """
        self.timers.call_later(1, self.called.append, "soon")
        self.wait(1)
        self.call.cancel()
        self.set_clock(-3600)
        self.timers.correct()
        self.wait(7200)

        self.assertEqual(self.called, ["soon"])

    def test_memory(self) -> None:
        """
        Calls that have fired are forgotten, and those that wait are not.
        """
        for _ in range(10_000):
            self.timers.call_later(0, int)
            self.reactor.advance(0)
        self.set_clock(-3600)
        self.timers.correct()

        self.assertLess(len(self.timers._calls), 200)
        self.assert_due_in(10)

    def test_suspended(self) -> None:
        """
        A process that is suspended between two readings has not had its clock set.
        """
        slow = iter([0.0, 30.0])
        timers = Timers(self.reactor, lambda: next(slow, 30.0))
        before = self.call.getTime()
        timers.correct()

        self.assertEqual(self.call.getTime(), before)


# A process of its own, because it installs reactors and replaces time.time, which Twisted
# takes from the module when it is imported.
_PROGRAM = """
import sys, time
from threading import Timer
real, offset = time.time, 0.0
time.time = lambda: real() + offset

from importlib import import_module
import_module("twisted.internet." + sys.argv[1]).install()
from twisted.internet import reactor
from twisted.internet.task import LoopingCall
from twisted_sse.clock import GlobalClock, make_monotonic

ticks = 0
def set_back():
    global offset, ticks
    ticks, offset = 0, -3600.0

def tick():
    global ticks
    ticks += 1
    if offset and ticks == 3:
        print("ticked")
        reactor.stop()

if sys.argv[2] == "program":
    pending = reactor.callLater(30, print, "late")
    make_monotonic(reactor)
    assert 29 < pending.getTime() - reactor.seconds() <= 30
    pending.cancel()
loop = LoopingCall(tick)
if sys.argv[2] == "library":
    loop.clock = GlobalClock()
loop.start(0.05)
# From outside, and not in a call of the reactor.
Timer(0.32, set_back).start()
reactor.run()
"""


@pytest.mark.e2e
class MonotonicReactorTests(SynchronousTestCase):
    """
    Real reactors while the clock of the machine is set back.
    """

    def run_program(self, name: str, kind: str) -> str:
        """
        Run the program above with a reactor.
        """
        command = [sys.executable, "-c", _PROGRAM, name, kind]
        done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
        return done.stdout

    def test_program(self) -> None:
        """
        In a program of ours every timer goes on, with each reactor.
        """
        for name in ("epollreactor", "asyncioreactor", "selectreactor", "pollreactor"):
            with self.subTest(reactor=name):
                self.assertEqual(self.run_program(name, "program"), "ticked\n")

    def test_library(self) -> None:
        """
        In a program of somebody else our timers go on, although nothing else happens there.
        """
        for name in ("epollreactor", "asyncioreactor"):
            with self.subTest(reactor=name):
                self.assertEqual(self.run_program(name, "library"), "ticked\n")

    def test_other(self) -> None:
        """
        A clock that is no reactor stays as it is.
        """
        clock: Any = Clock()
        make_monotonic(clock)

        self.assertNotIn("seconds", vars(clock))
