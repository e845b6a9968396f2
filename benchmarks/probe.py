"""
The hub as twistd runs it, with a call every millisecond that records how late it runs.

    python -m benchmarks.probe REPORT -n --pidfile= sse --port 8080 ...

On SIGUSR2 the longest delay since the last one is written to REPORT, in milliseconds as JSON, with
the longest garbage collection, which is what holds a well-behaved reactor longest. (SIGUSR1 is
twistd's: it rotates the log.)

The call itself costs about 4 % of a core.
"""

import gc
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

__all__ = ["Collections", "Lateness", "main"]

INTERVAL = 0.001  # seconds


class Lateness:
    """
    Measures how late a repeated call runs at most.

    Args:
        clock: The reactor to measure.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls = LoopingCall(self._called)
        self._calls.clock = clock
        self.reset()

    def start(self) -> None:
        """
        Start the call.
        """
        self.reset()
        self._calls.start(INTERVAL, now=False)

    def reset(self) -> None:
        """
        Forget earlier delays.
        """
        self.longest = 0.0
        self._last = self._clock.seconds()

    def take(self) -> float:
        """
        Return the longest delay in seconds since the last `take`, including the present one.
        """
        self._note()
        longest = self.longest
        self.reset()
        return longest

    def _called(self) -> None:
        self._note()
        self._last = self._clock.seconds()

    def _note(self) -> None:
        self.longest = max(self.longest, self._clock.seconds() - self._last - INTERVAL)


class Collections:
    """
    Measures the longest garbage collection of this process.
    """

    def __init__(self) -> None:
        self._longest = self._began = 0.0

    def watch(self) -> None:
        """
        Start measuring; earlier collections do not count.
        """
        gc.callbacks.append(self._collected)

    def take(self) -> float:
        """
        Return the longest collection in seconds since the last `take`.
        """
        longest, self._longest = self._longest, 0.0
        return longest

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._began = now
        else:
            self._longest = max(self._longest, now - self._began)


def write_report(path: Path, held: float, collecting: float) -> None:
    """
    Write both times, given in seconds, atomically.
    """
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"held_ms": held * 1000, "collecting_ms": collecting * 1000}))
    os.replace(partial, path)


def main(path: Path, arguments: list[str]) -> None:
    """
    Run twistd in this process.
    """
    # This import makes twistd choose the reactor, unless an option names another.
    from twisted.internet import reactor
    from twisted.scripts.twistd import run

    lateness, collections = Lateness(reactor), Collections()
    collections.watch()

    def asked(number: int, frame: FrameType | None) -> None:
        write_report(path, lateness.take(), collections.take())

    signal.signal(signal.SIGUSR2, asked)
    reactor.callWhenRunning(lateness.start)
    sys.argv = ["twistd", *arguments]
    run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
