"""
What publishing with SQL costs the transaction, and how soon the event is with a subscriber:

    python -m benchmarks.transactions DATABASE PORT PATH TIMES SECONDS

DATABASE is the URL of a PostgreSQL whose events a hub on PORT serves as a stream at PATH.

Latency is measured from just before COMMIT until a subscriber's socket has the event, TIMES times
by the hub's own looks (poll) and TIMES times with notify => true, after pauses of random length, so
that commits and looks are not in step.  The cost is that of pgbench's transactions: 16 clients
insert a row, or insert a row and publish; both take turns.
"""

import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from tests.support.processes import find_program

__all__ = ["latencies", "main", "per_second"]

COMMITTERS = 16
ROUNDS = 3
LONGEST_PAUSE = 0.05  # seconds
READING_LIMIT = 20.0  # seconds without an event

_TABLE = b"CREATE TABLE IF NOT EXISTS orders (id bigserial PRIMARY KEY, state text)"
_INSERT = "INSERT INTO orders (state) VALUES ('new')"
_PUBLISH = "SELECT twisted_sse.publish(ARRAY['bench'], '{\"state\": \"new\"}', event => 'order')"
_MARKED = b"SELECT twisted_sse.publish(ARRAY['bench'], %s, notify => %s)"


class Reader(threading.Thread):
    """
    A subscriber that notes when each event arrives, by its data.
    """

    def __init__(self, port: int, path: str) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READING_LIMIT)
        self._connection.request("GET", path)
        self._response = self._connection.getresponse()
        self._arrived: dict[str, float] = {}
        self._news = threading.Condition()

    def run(self) -> None:
        """
        Read until the connection ends.
        """
        for line in iter(self._response.readline, b""):
            now = time.perf_counter()
            if line.startswith(b"data:"):
                with self._news:
                    self._arrived[line[5:].strip().decode()] = now
                    self._news.notify()

    def arrival(self, data: str) -> float:
        """
        Wait for the event with *data*, and return when it has arrived.
        """
        with self._news:
            if not self._news.wait_for(lambda: data in self._arrived, READING_LIMIT):
                raise TimeoutError(f"{data} has not arrived")
            return self._arrived[data]


def latencies(database: str, reader: Reader, times: int, notify: bool) -> list[float]:
    """
    Measure the time from each commit to its event's arrival, in seconds.
    """
    found = []
    with psycopg.connect(database) as connection:
        for number in range(times):
            data = f"{'notify' if notify else 'poll'}-{number}"
            connection.execute(_INSERT.encode())
            connection.execute(_MARKED, (data, notify))
            began = time.perf_counter()
            connection.commit()
            found.append(reader.arrival(data) - began)
            time.sleep(random.uniform(0, LONGEST_PAUSE))
    return found


def per_second(database: str, statements: Sequence[str], seconds: int) -> float:
    """
    Transactions per second of *statements*, by 16 clients.
    """
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "script.sql")
        script.write_text("".join(f"{one};\n" for one in ("BEGIN", *statements, "COMMIT")))
        options = ("-n", "-c", str(COMMITTERS), "-j", "2", "-M", "prepared", "-T", str(seconds))
        done = subprocess.run(
            [find_program("pgbench", "postgresql-contrib"), *options, "-f", str(script), database],
            capture_output=True,
            text=True,
            check=True,
        )
    (line,) = (one for one in done.stdout.splitlines() if one.startswith("tps ="))
    return float(line.split()[2])


def main(arguments: Sequence[str]) -> int:
    """
    Print the figures as JSON.
    """
    database, port, path, times, seconds = arguments
    with psycopg.connect(database) as connection:
        connection.execute(_TABLE)
    reader = Reader(int(port), path)
    reader.start()
    values = {}
    for name, notify in (("poll", False), ("notify", True)):
        found = latencies(database, reader, int(times), notify)
        values[f"{name}_p50_ms"] = statistics.median(found) * 1000
        values[f"{name}_p90_ms"] = statistics.quantiles(found, n=10)[-1] * 1000
    plain, publishing = list[float](), list[float]()
    for _ in range(ROUNDS):
        plain.append(per_second(database, [_INSERT], int(seconds)))
        publishing.append(per_second(database, [_INSERT, _PUBLISH], int(seconds)))
    values["plain_per_s"] = statistics.median(plain)
    values["publishing_per_s"] = statistics.median(publishing)
    # A round's two runs are beside each other in time.
    values["cost_times"] = statistics.median(
        one / other for one, other in zip(plain, publishing, strict=True)
    )
    sys.stdout.write(json.dumps(values))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
