"""
What a run costs beside a plain generator, with its history in memory and in SQLite.

    python -m benchmarks.runs SQLITE_PATH FIRSTS STREAMS SECONDS FEW MANY TIMES

FIRSTS times, a plain stream and a run are asked for in turn: the time from the request to the first
token.  STREAMS of them then go on side by side for SECONDS, each with 50 tokens per second and one
reader: the server's CPU for each token.  New runs are begun, TIMES each, when the store has FEW and
when it has MANY finished runs: CPU and time from the beginning of one to its end.

The server has a process of its own, on the core of this one, which then moves to another.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["main"]

APP = Path(__file__).with_name("apps") / "runs_app.py"
BOUNDS = "events=10000000,bytes=8GiB,age=86400"
RATE = 50  # tokens per second of each stream


def free_port() -> int:
    """
    Choose a port that nothing listens on.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(history: str) -> Iterator[int]:
    """
    Run the application, and yield its port.
    """
    port = free_port()
    command = [sys.executable, str(APP), str(port), history]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            if server.stdout.readline() != b"ready\n":
                raise RuntimeError("the application did not begin")
            yield port
        finally:
            server.terminate()


class Client:
    """
    Sends requests to the application at *port*, each over a connection of its own.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._names = 0

    async def ask(self, method: str, target: str) -> object:
        """
        Return the JSON of an answer.
        """
        reader, writer = await self._open()
        self._send(writer, method, target)
        answer = await reader.read()
        writer.close()
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    async def first(self, kind: str) -> float:
        """
        Return the seconds from a request to its first token.
        """
        reader, writer = await self._open()
        began = time.perf_counter()
        self._send(writer, *self._stream(kind, 1, 0))
        await reader.readuntil(b"data: token 0\n")
        passed = time.perf_counter() - began
        writer.close()
        return passed

    async def read(self, kind: str, count: int) -> None:
        """
        Read a stream of *count* tokens to its last one.
        """
        reader, writer = await self._open()
        self._send(writer, *self._stream(kind, count, 1 / RATE))
        for index in range(count):
            await reader.readuntil(b"data: token %d\n" % index)
        writer.close()

    def _stream(self, kind: str, count: int, pause: float) -> tuple[str, str]:
        query = f"?count={count}&pause={pause}"
        if kind == "plain":
            return "GET", f"/plain{query}"
        self._names += 1
        return "POST", f"/run/{self._names}{query}"

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    @staticmethod
    def _send(writer: asyncio.StreamWriter, method: str, target: str) -> None:
        head = f"{method} {target} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())


async def first_tokens(client: Client, times: int) -> dict[str, float]:
    """
    The median time to the first token of a plain stream and of a run, in turn.
    """
    found: dict[str, list[float]] = {"plain": [], "run": []}
    for _ in range(times):
        for kind, passed in found.items():
            passed.append(await client.first(kind))
    plain, run = (statistics.median(passed) * 1e3 for passed in found.values())
    return {"plain_first_ms": plain, "first_ms": run, "later_ms": run - plain}


async def token_cost(client: Client, kind: str, streams: int, seconds: float) -> float:
    """
    The CPU of the server for each token, in microseconds.
    """
    count = round(seconds * RATE)
    before = float(str(await client.ask("GET", "/cpu")))
    await asyncio.gather(*(client.read(kind, count) for _ in range(streams)))
    after = float(str(await client.ask("GET", "/cpu")))
    return (after - before) / (streams * count) * 1e6


async def new_runs(client: Client, few: int, many: int, times: int) -> dict[str, float]:
    """
    What a new run costs in a store with few finished ones, and in one with many.
    """
    values: dict[str, float] = {}
    before = 0
    for name, size in (("few", few), ("many", many)):
        await client.ask("POST", f"/fill?count={size - before}")
        before = size
        told = await client.ask("POST", f"/finish?count={times}")
        assert isinstance(told, dict)
        values |= {f"{name}_{key}": value for key, value in told.items()}
    values["many_times"] = values["many_cpu_us"] / values["few_cpu_us"]
    return values


async def measure(
    port: int, firsts: int, streams: int, seconds: float, few: int, many: int, times: int
) -> dict[str, float]:
    """
    Take all figures of one history.
    """
    client = Client(port)
    # Imports and first allocations.
    await first_tokens(client, 5)
    values = await first_tokens(client, firsts)
    for kind in ("plain", "run"):
        values[f"{kind}_token_us"] = await token_cost(client, kind, streams, seconds)
    values["token_times"] = values["run_token_us"] / values["plain_token_us"]
    return values | await new_runs(client, few, many, times)


def main(path: str, *numbers: str) -> None:
    """
    Print the figures of both histories as JSON.
    """
    firsts, streams, few, many, times = (int(numbers[index]) for index in (0, 1, 3, 4, 5))
    histories = {"memory": f"memory:{BOUNDS}", "sqlite": f"sqlite:{path},{BOUNDS}"}
    values: dict[str, float] = {}
    cores = os.sched_getaffinity(0)
    for name, history in histories.items():
        os.sched_setaffinity(0, cores)
        with serving(history) as port:
            # The server keeps the core of this process.
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - cores or cores)
            found = asyncio.run(measure(port, firsts, streams, float(numbers[2]), few, many, times))
        values |= {f"{name}_{key}": value for key, value in found.items()}
    sys.stdout.write(json.dumps(values))


if __name__ == "__main__":
    main(*sys.argv[1:])
