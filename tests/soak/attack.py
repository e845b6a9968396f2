"""
An attack on a hub with its default limits and few open files.

A hostile client opens connections as fast as it can, 500 that never finish their headers,
and 500 that never finish their TLS handshake, while well-behaved streams are served.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import NamedTuple

from tests.soak import attacker
from tests.support.certificates import write_certificate
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, eventually

__all__ = ["Attacked", "Outcome", "Readers", "attack"]

_REQUEST = b"GET /events?topic=news HTTP/1.1\r\nHost: a\r\n\r\n"
_EVENT = re.compile(rb"data: (\d+) ([\d.]+)\n")

# Where streams come from: an address that has every limit, unlike 127.0.0.1.
_SOURCE = "127.9.0.1"

# How long a newcomer waits during the attack, in seconds.
_NEWCOMER_WAITS = 5.0


class Outcome(NamedTuple):
    """
    What an attack has done.

    Attributes:
        before, during: The time from publishing to receiving, in seconds, of every event
            on every stream.

        lost: How many events streams have not received.

        attacker: What the attacker has noted.

        newcomer: How long a new stream took to begin during the attack, in seconds; None if
            it was not let in: the kernel drops attempts while its queue is
            full of the attacker's.

        files: The hub's open files before the attack, and after it.

        load: The share of a core that the hub uses after the attack.
    """

    before: Sequence[float]
    during: Sequence[float]
    lost: int
    attacker: dict[str, float]
    newcomer: float | None
    files: tuple[int, int]
    load: float


class Readers:
    """
    Well-behaved streams, read by a thread.

    Args:
        port: The hub's port without TLS.

        count: How many.

    Attributes:
        received: The numbers of the events that each of them has received.

        delays: How long each event took, in seconds.
    """

    def __init__(self, port: int, count: int) -> None:
        self.received: dict[socket.socket, list[int]] = {}
        self.delays: list[float] = []
        self._rest: dict[socket.socket, bytes] = {}
        self._selector = DefaultSelector()
        for _ in range(count):
            stream = open_stream(port)
            self.received[stream], self._rest[stream] = [], b""
            self._selector.register(stream, EVENT_READ)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """
        Close all streams.
        """
        self._ended.set()
        self._thread.join(PATIENCE)
        for stream in self.received:
            stream.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._selector.select(0.1):
                assert isinstance(key.fileobj, socket.socket)
                self._read(key.fileobj, time.monotonic())

    def _read(self, stream: socket.socket, now: float) -> None:
        try:
            data = stream.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self._selector.unregister(stream)
            return
        text = self._rest[stream] + data
        end = 0
        for found in _EVENT.finditer(text):
            self.received[stream].append(int(found[1]))
            self.delays.append(now - float(found[2]))
            end = found.end()
        self._rest[stream] = text[end:]


def open_stream(port: int, patience: float = PATIENCE) -> socket.socket:
    """
    Open a stream, and return its socket when events may follow.

    Raises:
        AssertionError: The hub has refused it.
    """
    with ExitStack() as stack:
        stream = socket.create_connection(("127.0.0.1", port), patience, (_SOURCE, 0))
        stack.callback(stream.close)
        stream.sendall(_REQUEST)
        begin = b""
        while b"stream-open" not in begin:
            data = stream.recv(65536)
            begin += data
            if not data:
                raise AssertionError(f"The stream was refused: {begin!r}")
        stream.setblocking(False)
        stack.pop_all()
    return stream


class Attacked:
    """
    A hub with the default limits, 1,024 open files, and streams.

    Args:
        streams: How many streams.
    """

    def __init__(self, streams: int) -> None:
        self._stack = ExitStack()
        home = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        certificate, key = write_certificate(home)
        self.plain = free_port()
        self.hub = HubProcess(
            *("--port", f"tcp:{self.plain}:interface=127.0.0.1"),
            *("--tls-cert", str(certificate), "--tls-key", str(key)),
            files=1024,
        )
        # The log warns that sockets are short, so it is not checked.
        self._stack.callback(self.hub.stop)
        self._stack.callback(self.hub.kill)
        self.readers = Readers(self.plain, streams)
        self._stack.callback(self.readers.stop)
        self._number = 0
        self._publisher = HTTPConnection(
            "127.0.0.1", self.plain, timeout=PATIENCE, source_address=(_SOURCE, 0)
        )
        self._stack.callback(self._publisher.close)

    def stop(self) -> None:
        """
        Stop everything.
        """
        self._stack.close()

    def publish(self, seconds: float, rate: float) -> int:
        """
        Publish for *seconds*, and return the number of events so far.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._number += 1
            self._publish()
            time.sleep(1 / rate)
        return self._number

    def _publish(self) -> None:
        publisher = self._publisher
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": str(self._number),
        }
        body = f"topic=news&data={self._number}+{time.monotonic():.6f}"
        while True:
            try:
                publisher.request("POST", "/events", body, headers)
                answer = publisher.getresponse()
                answer.read()
                assert answer.status == 200, answer.status
                return
            except (HTTPException, ConnectionError):
                # An idle connection may be closed to make room.
                publisher.close()

    def begin(self, held: int, addresses: int) -> "subprocess.Popen[str]":
        """
        Begin the attack.
        """
        # By its path: in CI, modules are not found from the current directory.
        command = [sys.executable, attacker.__file__, str(self.plain)]
        return subprocess.Popen(
            [*command, str(self.hub.port), str(held), str(addresses)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def files(self) -> int:
        """
        The number of the hub's open files.
        """
        return len(os.listdir(f"/proc/{self.hub.pid}/fd"))

    def processor_time(self) -> float:
        """
        The processor time that the hub has used, in seconds.
        """
        fields = Path(f"/proc/{self.hub.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks = os.sysconf("SC_CLK_TCK")
        return (int(fields[11]) + int(fields[12])) / ticks


def attack(
    streams: int, seconds: float, rate: float, held: int, addresses: int, afterward: float = 4.0
) -> Outcome:
    """
    Attack a hub, and see how its streams fare.

    Args:
        streams: How many there are.

        seconds: How long they are watched before the attack, and during it.

        rate: Events per second.

        held: How many half requests, and how many half handshakes, there are.

        addresses: How many addresses each kind of the attack comes from.

        afterward: For how long the hub's processor time is measured after the attack, in
            seconds.
    """
    attacked = Attacked(streams)
    try:
        readers = attacked.readers
        attacked.publish(1, rate)
        readers.delays.clear()
        attacked.publish(seconds, rate)
        before, files = list(readers.delays), attacked.files()
        hostile = attacked.begin(held, addresses)
        attacked.publish(1, rate)
        readers.delays.clear()
        number = attacked.publish(seconds, rate)
        during = list(readers.delays)
        newcomer = _time_to_open(attacked.plain)
        noted, _ = hostile.communicate(timeout=PATIENCE)
        eventually(
            lambda: all(len(got) >= number for got in readers.received.values()),
            "streams lack events",
        )
        # What was in the kernel's queue is accepted, and half requests time out.
        eventually(lambda: attacked.files() <= files, "sockets stay open", 2 * PATIENCE)
        used, since = attacked.processor_time(), time.monotonic()
        time.sleep(afterward)
        load = (attacked.processor_time() - used) / (time.monotonic() - since)
        after = attacked.files()
        open_stream(attacked.plain).close()
        expected = list(range(1, number + 1))
        lost = sum(got != expected for got in readers.received.values())
        return Outcome(before, during, lost, json.loads(noted), newcomer, (files, after), load)
    finally:
        attacked.stop()


def _time_to_open(port: int) -> float | None:
    began = time.monotonic()
    try:
        open_stream(port, _NEWCOMER_WAITS).close()
    except TimeoutError:
        return None
    return time.monotonic() - began


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Attack once, and print the figures; the exit status is 1 if the hub does not withstand.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.soak.attack", description=__doc__)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=20, help="events per second")
    parser.add_argument("--held", type=int, default=500, help="half requests, and half handshakes")
    parser.add_argument("--addresses", type=int, default=1, help="of each kind of connection")
    given = parser.parse_args(arguments)
    _say(f"Load average before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors.")
    outcome = attack(given.streams, given.seconds, given.rate, given.held, given.addresses)
    for name, delays in (("before", outcome.before), ("during", outcome.during)):
        _say(
            f"{name}: {len(delays)} events, p50 {_percentile(delays, 0.5):.1f} ms,"
            f" p99 {_percentile(delays, 0.99):.1f} ms, longest {_percentile(delays, 1):.1f} ms"
        )
    for what, count in outcome.attacker.items():
        _say(f"attacker, {what}: {count:,}")
    if outcome.newcomer is None:
        _say(f"A new stream during the attack did not begin within {_NEWCOMER_WAITS:.0f} s.")
    else:
        _say(f"A new stream during the attack began after {outcome.newcomer * 1000:.0f} ms.")
    _say(f"Open files: {outcome.files[0]} before, {outcome.files[1]} after.")
    _say(f"After the attack, the hub uses {outcome.load:.1%} of a core.")
    _say(f"Streams that lack events: {outcome.lost}.")
    ratio = _percentile(outcome.during, 0.99) / _percentile(outcome.before, 0.99)
    _say(f"p99 during the attack: {ratio:.2f} times what it was.")
    sys.exit(0 if ratio <= 2 and outcome.load < 0.05 and not outcome.lost else 1)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
