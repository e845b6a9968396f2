"""
The CPU of one delivery with one process and with two workers: `python -m benchmarks.workers`.

Both take turns on the same core, so the ratio does not depend on how busy the machine is.  CPU is
that of all the hub's processes: parent and workers.  An event is published when the one before has
reached every stream (`alone`), or eight are under way (`eight`).

`python -m benchmarks.workers accept` counts instead which of two processes accepts connections:
from a socket that both have inherited, without `Balance` and with it, and from sockets of their own
with SO_REUSEPORT.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

from benchmarks.generator import load, problem_of, warm_up
from benchmarks.process import Running
from benchmarks.servers import SERVERS, Server

__all__ = ["main"]

ROUNDS = 3

# Streams, and how many events are sent to them.
SIZES = {1000: 200, 5000: 60}

# The generator's options.
MODES = {"alone": ("-w", 1), "eight": ("-w", 8)}

CASES = [(mode, streams) for mode in MODES for streams in SIZES]

# Connections, and how many of them at a time; the second is like clients that come one by one.
ACCEPTED, BURSTS = 1000, (200, 1)

# How an accepting process gets its socket.
WAYS = ("inherited", "balanced", "reuseport")


def main(arguments: list[str]) -> None:
    """
    Measure, and print JSON lines.
    """
    if arguments[:1] == ["accept"]:
        for way in WAYS:
            for burst in BURSTS:
                print(json.dumps({"way": way, "burst": burst, "accepted": accept(way, burst)}))
    elif arguments[:1] == ["accepting"]:
        accepting(*arguments[1:])
    else:
        measure()


def measure() -> None:
    """
    Compare one process and two workers.
    """
    figures: dict[tuple[str, int, int], list[float]] = {}
    for _ in range(ROUNDS):
        for count in (1, 2):
            with Running(_server(count)) as running:
                time.sleep(3.0)
                warm_up(running)
                for case in CASES:
                    mode, streams = case
                    output = load(
                        running, "-n", streams, "-e", SIZES[streams], "--prime", 3, *MODES[mode]
                    )
                    if problem := problem_of(output):
                        sys.exit(f"{count} {mode} {streams}: {problem}")
                    figures.setdefault((*case, count), []).append(_cost(output))
    for case in CASES:
        ones, twos = figures[*case, 1], figures[*case, 2]
        said = {
            "mode": case[0],
            "streams": case[1],
            "one_us": statistics.median(ones),
            "two_us": statistics.median(twos),
            "ratio": statistics.median(b / a for a, b in zip(ones, twos, strict=True)),
        }
        print(json.dumps(said))


def _cost(output: dict[str, Any]) -> float:
    return float(output["cpu_us_per_delivery"])


def _server(count: int) -> Server:
    (hub,) = (server for server in SERVERS if server.name == "hub")
    return replace(hub, command=lambda: [*hub.command(), "--workers", str(count)])


def accept(way: str, burst: int) -> list[int]:
    """
    Connect, and return how many connections each of two processes has accepted.
    """
    sockets = [_listening(way)]
    port = sockets[0].getsockname()[1]
    sockets.append(_listening(way, port) if way == "reuseport" else sockets[0])
    shared = os.memfd_create("counts")
    os.ftruncate(shared, 16)
    processes = []
    for index, one in enumerate(sockets):
        command = [sys.executable, "-m", "benchmarks.workers", "accepting", way, str(index)]
        given = (one.fileno(), shared)
        command += map(str, given)
        processes.append(subprocess.Popen(command, pass_fds=given, stdout=subprocess.PIPE))
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    clients = []
    for _ in range(0, ACCEPTED, burst):
        clients += [socket.create_connection(("127.0.0.1", port)) for _ in range(burst)]
        time.sleep(0.1 if burst > 1 else 0.002)
    time.sleep(1.0)
    for process in processes:
        process.kill()
        process.wait()
    counts = os.pread(shared, 16, 0)
    return [int.from_bytes(counts[place : place + 8], "little") for place in (0, 8)]


def _listening(way: str, port: int = 0) -> socket.socket:
    listening = socket.socket()
    if way == "reuseport":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(4096)
    return listening


def accepting(way: str, index: str, descriptor: str, shared: str) -> None:
    """
    Accept until killed, and count in shared memory.
    """
    from twisted.internet import reactor as _reactor
    from twisted.internet.protocol import Factory, Protocol

    from twisted_sse.server.inherited import adopt
    from twisted_sse.server.workers.balance import Balance

    reactor: Any = _reactor
    place, memory = int(index), int(shared)
    port: Any = None

    class Ports:
        def pause(self) -> None:
            port.stopReading()

        def resume(self) -> None:
            port.startReading()

    def count(number: int) -> int:
        return int.from_bytes(os.pread(memory, 8, 8 * number), "little")

    balance = Balance([Ports()], lambda: count(place), reactor)  # type: ignore[list-item]

    class Counted(Protocol):
        def connectionMade(self) -> None:
            os.pwrite(memory, (count(place) + 1).to_bytes(8, "little"), 8 * place)
            if way == "balanced":
                balance.learn(count(1 - place), 2)

    port = adopt(reactor, int(descriptor), Factory.forProtocol(Counted))
    reactor.callWhenRunning(lambda: print("ready", flush=True))
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
