"""
How long the reactor is held: a crowd of connections, 100 events a second.

Inside the server a call due every millisecond notes how late it comes (`benchmarks/probe.py`).
From outside `/healthz` is asked all the time; that answer also waits for the core which the
generator uses, so it is an upper bound.
"""

import http.client
import json
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.generator import Output, load, sample, warm_up
from benchmarks.measures.case import Case, only_hub
from benchmarks.process import Running
from benchmarks.results import Sample
from benchmarks.servers import Server, hub_probed, report_file
from benchmarks.sizes import Sizes

__all__ = ["Asking", "cases"]

RATE = 100  # events a second
TAIL = 2  # seconds that the crowd stays after the last event
SPAN = 0.5  # seconds between two questions to the probe
ASKING_PAUSE = 0.05  # seconds between two answers
REPORT_LIMIT = 5.0  # seconds


class Asking(threading.Thread):
    """
    Ask a server whether it is well, again and again, and remember the longest wait.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0  # seconds
        self._port = port
        self._stopped = threading.Event()

    def run(self) -> None:
        """
        Ask over one connection until stopped.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._stopped.wait(ASKING_PAUSE):
            began = time.perf_counter()
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            self.longest = max(self.longest, time.perf_counter() - began)
        connection.close()

    def stop(self) -> None:
        """
        Let the last answer come, and end.
        """
        self._stopped.set()
        self.join()


def cases(sizes: Sizes) -> list[Case]:
    """
    While the crowd comes and leaves, and while all of it is there and published to.
    """

    def take(server: Server) -> Sample:
        with Running(hub_probed) as running:
            warm_up(running)
            return replace(_watched(running, sizes), server=server.name)

    return [Case("crowd", take, only_hub)]


def _watched(running: Running, sizes: Sizes) -> Sample:
    ask_probe(running)  # what start-up took does not count
    arguments = ["-n", sizes.crowd, "-e", sizes.crowd_events, "--rate", RATE, "--tail", TAIL]
    asking = Asking(running.server.port)
    asking.start()
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load, running, *arguments)
        there, coming = _ask_until(loading, running, sizes.crowd)
    asking.stop()
    return sample(
        running,
        "crowd",
        loading.result(),
        **there,
        held_accepting_ms=coming["held_ms"],
        answered_ms=asking.longest * 1000,
    )


def _ask_until(
    loading: Future[Output], running: Running, crowd: int
) -> tuple[dict[str, float], dict[str, float]]:
    """
    Ask the probe every half second until *loading* is done.

    Returns:
        The longest times of the spans in which the whole crowd was there, and of the others, in
        which it came or left.
    """
    there = {"held_ms": 0.0, "collecting_ms": 0.0}
    coming = dict(there)
    complete = False
    while not loading.done():
        time.sleep(SPAN)
        was_complete, complete = complete, _open_files(running) >= crowd
        report = ask_probe(running)
        longest = there if complete and was_complete else coming
        for name, value in report.items():
            longest[name] = max(longest[name], value)
    return there, coming


def _open_files(running: Running) -> int:
    return max(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in running.pids)


def ask_probe(running: Running) -> dict[str, float]:
    """
    Ask how long the reactor was held at most, and how long the longest garbage collection took.

    Returns:
        `held_ms` and `collecting_ms`, since it was last asked.
    """
    path = report_file()
    path.unlink(missing_ok=True)
    running.send_signal(signal.SIGUSR2)
    end = time.monotonic() + REPORT_LIMIT
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError("the probe did not answer")
        time.sleep(0.01)
    report: dict[str, float] = json.loads(path.read_text())
    return report
