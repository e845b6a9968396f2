"""
How long the reactor is held with many connections and 100 events per second.

Inside the server, a call due every millisecond records how late it runs (`benchmarks/probe.py`).
From outside, `/healthz` is requested all the time; its response also waits for the generator's
core, so it is an upper bound.
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

__all__ = ["HealthPoller", "cases"]

RATE = 100  # events per second
TAIL = 2  # seconds that the clients stay after the last event
SPAN = 0.5  # seconds between two reports of the probe
POLL_PAUSE = 0.05  # seconds between two requests
REPORT_LIMIT = 5.0  # seconds


class HealthPoller(threading.Thread):
    """
    Requests `/healthz` again and again, and remembers the longest response time.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0  # seconds
        self._port = port
        self._stopped = threading.Event()

    def run(self) -> None:
        """
        Send requests over one connection until stopped.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._stopped.wait(POLL_PAUSE):
            began = time.perf_counter()
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            self.longest = max(self.longest, time.perf_counter() - began)
        connection.close()

    def stop(self) -> None:
        """
        Wait for the last response, and stop.
        """
        self._stopped.set()
        self.join()


def cases(sizes: Sizes) -> list[Case]:
    """
    While the clients come and leave, and while all are connected and published to.
    """

    def take(server: Server) -> Sample:
        with Running(hub_probed) as running:
            warm_up(running)
            return replace(_watched(running, sizes), server=server.name)

    return [Case("crowd", take, only_hub)]


def _watched(running: Running, sizes: Sizes) -> Sample:
    ask_probe(running)  # delays of the start-up do not count
    arguments = ["-n", sizes.crowd, "-e", sizes.crowd_events, "--rate", RATE, "--tail", TAIL]
    poller = HealthPoller(running.server.port)
    poller.start()
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load, running, *arguments)
        there, coming = _ask_until(loading, running, sizes.crowd)
    poller.stop()
    return sample(
        running,
        "crowd",
        loading.result(),
        **there,
        held_accepting_ms=coming["held_ms"],
        answered_ms=poller.longest * 1000,
    )


def _ask_until(
    loading: Future[Output], running: Running, crowd: int
) -> tuple[dict[str, float], dict[str, float]]:
    """
    Read the probe every half second until *loading* is done.

    Returns:
        The longest times while all *crowd* clients were connected, and while they came or left.
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
    Read the longest delay of the reactor and the longest garbage collection from the probe.

    Returns:
        `held_ms` and `collecting_ms`, since the last report.
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
