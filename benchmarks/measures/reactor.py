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
from dataclasses import replace

from benchmarks.generator import load, sample, warm_up
from benchmarks.measures.case import Case, only_hub
from benchmarks.process import Running
from benchmarks.results import Sample
from benchmarks.servers import Server, hub_probed, report_file
from benchmarks.sizes import Sizes

__all__ = ["Asking", "cases"]

RATE = 100  # events a second
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
    Once while the crowd connects, once while it is published to.
    """

    def take(server: Server) -> Sample:
        with Running(hub_probed) as running:
            warm_up(running)
            return replace(_watched(running, sizes), server=server.name)

    return [Case("crowd", take, only_hub)]


def _watched(running: Running, sizes: Sizes) -> Sample:
    ask_probe(running)  # what start-up took does not count
    # Without events the crowd only connects and leaves.
    load(running, "-n", sizes.crowd, "-e", 0, "--prime", 0)
    accepting = ask_probe(running)
    asking = Asking(running.server.port)
    asking.start()
    output = load(running, "-n", sizes.crowd, "-e", sizes.crowd_events, "--rate", RATE)
    asking.stop()
    return sample(
        running,
        "crowd",
        output,
        **ask_probe(running),
        held_accepting_ms=accepting["held_ms"],
        answered_ms=asking.longest * 1000,
    )


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
