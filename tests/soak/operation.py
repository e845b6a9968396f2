"""
A hub as operators run it, with thousands of subscribers: `python -m tests.soak.operation --help`.
"""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path

from tests.soak.herd import Herd
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually
from twisted_sse import Publisher
from twisted_sse.errors import TwistedSSEError

__all__ = ["Operation", "main"]

# How long everything may take to be well again after an interruption, in seconds.
_PATIENCE = 60.0

_PAGE = os.sysconf("SC_PAGESIZE")

# Lines of the log above info, and those that tell of what is done here.
_ABOVE_INFO = re.compile(r"^\S+ \[\S+#(?:warn|error|critical)\].*|^Traceback.*", re.MULTILINE)
_DONE = re.compile("has died: it was ended by SIGKILL|Redis at .* is not available")


class _Publishing(threading.Thread):
    """
    Publishes numbers at a rate.

    Attributes:
        acknowledged: Those that were kept.
    """

    def __init__(self, url: str, rate: float) -> None:
        super().__init__(daemon=True)
        self._publisher = Publisher(f"{url}/events", token=TOKEN)
        self._rate = rate
        self.stopping = threading.Event()
        self.acknowledged: set[int] = set()

    def run(self) -> None:
        due = time.monotonic()
        for number in count():
            if self.stopping.is_set():
                return
            # It tries for a while.  What it does not know is not published again.
            with suppress(TwistedSSEError):
                self._publisher.publish("soak", str(number))
                self.acknowledged.add(number)
            due = max(due + 1 / self._rate, time.monotonic() - 1)
            self.stopping.wait(due - time.monotonic())


class Operation:
    """
    A hub, its subscribers and a publisher.

    Args:
        workers: How many processes serve.

        redis: Whether history is in Redis; otherwise it is in a file.

        options: More options of ``twistd sse``.
    """

    def __init__(
        self,
        stack: ExitStack,
        *,
        streams: int,
        slow: int,
        churn: int,
        rate: float,
        workers: int,
        redis: bool,
        options: Sequence[str] = (),
    ) -> None:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.redis = (
            RedisServer("--appendonly", "yes", "--appendfsync", "always") if redis else None
        )
        history = f"sqlite:{home}/events.db"
        if self.redis is not None:
            stack.callback(self.redis.end)
            history = self.redis.url
        self._port = free_port()
        self._options = (
            *("--takeover", str(home / "hub.sock"), "--farewell", "pause=soon"),
            *("--history", history, "--workers", str(workers)),
            *("--max-connections-per-address", "none", *options),
        )
        self.hub = self._start()
        stack.callback(lambda: self.hub.end())
        self._publishing = _Publishing(self.hub.url, rate)
        self.herd = Herd(self._port, streams, slow, churn)
        self._streams = streams
        self._ending = False
        self._reading = threading.Thread(
            target=self.herd.run, args=(lambda: not self._ending,), daemon=True
        )
        self._reading.start()
        self._await(lambda: self.herd.connected == streams, "not everybody is connected")
        self._publishing.start()
        self._await(lambda: self.herd.copy.count > 10, "nothing arrives")
        stack.callback(self._end)

    def replace(self) -> float:
        """
        Start the next hub, which takes the port over, and wait until everybody is back.

        Returns:
            When it began.
        """
        began = time.monotonic()
        herd = self.herd
        farewells, returns = herd.counts.farewells, len(herd.counts.returns)
        following = self._start()
        status = self.hub.wait()
        following.await_ready()
        self._check_log(status)
        self.hub.end()
        self.hub = following
        self._await(
            lambda: herd.counts.farewells - farewells >= self._streams, "a farewell is missing"
        )
        self._await(
            lambda: (
                len(herd.counts.returns) - returns >= self._streams
                and herd.connected == self._streams
            ),
            "somebody is not back",
        )
        self._await_news()
        return began

    def kill_worker(self) -> None:
        """
        Kill a worker; another one takes its place.
        """
        before = self.hub.workers
        os.kill(before[0], signal.SIGKILL)
        self._await(
            lambda: before[0] not in self.hub.workers and len(self.hub.workers) == len(before),
            "no worker has taken its place",
        )
        # The second turn from now begins after the end of the worker.
        turns = self.herd.turns
        self._await(lambda: self.herd.turns > turns + 1, "nobody reads")
        self._await(lambda: self.herd.connected == self._streams, "somebody is not back")
        self._await_news()

    def kill_redis(self) -> None:
        """
        Kill Redis, and start it again.
        """
        assert self.redis is not None
        self.redis.kill()
        self.redis.restart()
        self._await_news()

    def sizes(self) -> list[float]:
        """
        The resident memory of each process of the hub, in MiB, the parent first.
        """
        return [_resident(pid) for pid in (self.hub.pid, *sorted(self.hub.workers))]

    def check(self) -> list[str]:
        """
        Stop publishing, and return what is wrong after everybody has everything.
        """
        self._publishing.stopping.set()
        self._publishing.join(_PATIENCE)
        self._await(
            lambda: self.herd.copy.count >= len(self._publishing.acknowledged),
            "an event is missing",
        )
        with suppress(AssertionError):
            self._await(lambda: self.herd.behind == 0, "somebody does not have everything")
        behind = self.herd.behind
        # What follows is no matter of the subscribers.
        self._end()
        self._check_log(self.hub.signal(signal.SIGTERM))
        counts = self.herd.counts
        numbers = [int(one) for one in _data_of(bytes(self.herd.copy.text))]
        found = list(counts.faults)
        missing = self._publishing.acknowledged - set(numbers)
        if missing:
            found.append(f"{len(missing)} acknowledged events are missing: {sorted(missing)[:5]}")
        doubled = [one for one, times in Counter(numbers).items() if times > 1]
        if doubled:
            found.append(f"{len(doubled)} events came twice: {doubled[:5]}")
        if behind:
            found.append(f"{behind} subscribers do not have everything")
        return found

    def _check_log(self, status: int) -> None:
        """
        Check that the hub has ended well, and has logged nothing that was not done to it.
        """
        unexpected = [line for line in _ABOVE_INFO.findall(self.hub.log) if not _DONE.search(line)]
        assert (status, unexpected) == (0, []), (status, unexpected[:5])

    def _start(self) -> HubProcess:
        return HubProcess(*self._options, port=self._port)

    def _await_news(self) -> None:
        before = self.herd.copy.count
        self._await(lambda: self.herd.copy.count > before, "nothing new arrives")

    def _await(self, probe: Callable[[], bool], what: str) -> None:
        try:
            eventually(probe, what, _PATIENCE)
        except AssertionError:
            print(json.dumps(self.herd.counts.summary), self.herd.connected, file=sys.stderr)
            raise

    def _end(self) -> None:
        self._ending = True
        self._reading.join(_PATIENCE)
        self.herd.close()


def _data_of(text: bytes) -> Iterator[bytes]:
    for line in text.split(b"\n"):
        if line.startswith(b"data: "):
            yield line[6:]


def _resident(pid: int) -> float:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return int(pages) * _PAGE / 1024**2


def _histogram(returns: list[float], began: float) -> list[int]:
    """
    How many reconnections there were in each second.
    """
    seconds = Counter(int(one - began) for one in returns if one > began)
    return [seconds[second] for second in range(max(seconds, default=-1) + 1)]


def restart(operation: Operation, rounds: int, kill: bool) -> None:
    """
    Replace the hub again and again, and print a line of JSON for each time.
    """
    for number in range(rounds):
        before = len(operation.herd.counts.returns)
        began = operation.replace()
        seconds = _histogram(operation.herd.counts.returns[before:], began)
        busy = [one for one in seconds if one]
        mean = sum(seconds) / max(1, len(busy))
        line = {"round": number + 1, "returns": seconds, "busiest": round(max(seconds) / mean, 2)}
        print(json.dumps(line), flush=True)
        if kill:
            operation.kill_worker()


def endure(operation: Operation, minutes: float) -> None:
    """
    Kill a worker each minute, and Redis every third one, and print the memory.
    """
    began = time.monotonic()
    minute = 0
    while time.monotonic() - began < 60 * minutes:
        minute += 1
        if operation.redis is not None and minute % 3 == 0:
            operation.kill_redis()
        else:
            operation.kill_worker()
        while time.monotonic() < began + 60 * minute:
            time.sleep(5)
            sizes = [round(one) for one in operation.sizes()]
            line = {
                "second": round(time.monotonic() - began),
                "MiB": sizes,
                "events": operation.herd.copy.count,
                "connected": operation.herd.connected,
                "log": len(operation.hub.log),
            }
            print(json.dumps(line), flush=True)


def main(arguments: list[str] | None = None) -> int:
    """
    Run, and return the exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.operation", description=__doc__)
    parser.add_argument("--streams", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=50, help="events per second")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--redis", action="store_true", help="keep history in Redis")
    parser.add_argument("--rounds", type=int, default=0, help="how often the hub is replaced")
    parser.add_argument("--kill", action="store_true", help="kill a worker after each round")
    parser.add_argument("--minutes", type=float, default=0, help="how long processes are killed")
    parser.add_argument("--slow", type=int, default=0, help="readers that pause for ten seconds")
    parser.add_argument("--churn", type=int, default=0, help="how many leave and return a second")
    given = parser.parse_args(arguments)
    with ExitStack() as stack:
        operation = Operation(
            stack,
            streams=given.streams,
            slow=given.slow,
            churn=given.churn,
            rate=given.rate,
            workers=given.workers,
            redis=given.redis,
        )
        restart(operation, given.rounds, given.kill)
        endure(operation, given.minutes)
        faults = operation.check()
        counts = operation.herd.counts
        print(json.dumps({"events": operation.herd.copy.count, **counts.summary}))
    for fault in faults:
        print(fault)
    return 1 if faults or counts.resets else 0


if __name__ == "__main__":
    sys.exit(main())
