"""
``--workers 2``: two processes act as one hub, and survive each other's death.
"""

import json
import os
import signal
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import Answer, CurlStream, curl, publish
from tests.support.hub_process import TOKEN, HubProcess, run_twistd
from tests.support.ports import free_port
from tests.support.streams import RawStream
from tests.support.waiting import eventually

__all__ = ["ActingAsOneTests", "DyingTests", "LimitTests", "ServingTests"]

_TARGET = "/events?topic=news"


def post(hub: HubProcess, data: str, *headers: str) -> Answer:
    """
    Publish one event to the topic "news", over a connection of its own.
    """
    return curl(
        f"{hub.url}/events",
        *("--header", f"Authorization: Bearer {TOKEN}"),
        *("--header", "Content-Type: application/json"),
        *(part for header in headers for part in ("--header", header)),
        *("--data", json.dumps({"topic": "news", "data": data})),
    )


# A worker logs this.
_FOLLOWED = "parent process is followed"


class _WorkersTestCase(SynchronousTestCase):
    def start(self, *options: str, port: int | None = None) -> HubProcess:
        """
        Start a hub with two workers, and wait for both.
        """
        hub = HubProcess("--workers", "2", *options, port=port)
        self.addCleanup(hub.stop)
        eventually(lambda: hub.log.count(_FOLLOWED) >= 2, "a worker does not follow")
        return hub

    def subscribe(self, hub: HubProcess, count: int = 1, *headers: str) -> Sequence[RawStream]:
        """
        Open streams.
        """
        streams = []
        for _ in range(count):
            stream = RawStream(hub.port, _TARGET, *headers)
            self.addCleanup(stream.close)
            stream.named("stream-open")
            streams.append(stream)
        return streams


class ActingAsOneTests(_WorkersTestCase):
    """
    What a client is told is the hub's, whichever worker tells it.
    """

    def test_receipts(self) -> None:
        """
        Receipts count the subscribers of all workers, and each event arrives once.
        """
        hub = self.start()
        streams = self.subscribe(hub, 20)

        answers = [post(hub, f"number {number}").json() for number in range(6)]

        self.assertEqual({answer["subscribers"] for answer in answers}, {20})
        for stream in streams:
            self.assertEqual(stream.data(6), [f"number {number}" for number in range(6)])

    def test_event_ids(self) -> None:
        """
        Events have the IDs of the history, as without workers.
        """
        hub = self.start()

        first, second = (post(hub, data).json()["id"] for data in ("one", "two"))

        epoch, _, sequence = first.rpartition("-")
        self.assertRegex(epoch, "^[0-9a-f]{8}$")
        self.assertEqual(second, f"{epoch}-{int(sequence) + 1}")

    def test_idempotency(self) -> None:
        """
        A repeated request is answered as before, also by the other worker.
        """
        hub = self.start()
        (stream,) = self.subscribe(hub)

        answers = [post(hub, "once", "Idempotency-Key: 17").json() for _ in range(8)]
        other = post(hub, "another", "Idempotency-Key: 17")
        post(hub, "last")

        self.assertEqual(len({json.dumps(answer) for answer in answers}), 1)
        self.assertEqual(answers[0]["subscribers"], 1)
        self.assertEqual(other.status, 422)
        self.assertEqual(stream.data(2), ["once", "last"])

    def test_topics(self) -> None:
        """
        The topics of a stream can be changed at any worker.
        """
        hub = self.start()
        streams = [RawStream(hub.port, _TARGET) for _ in range(8)]
        for stream in streams:
            self.addCleanup(stream.close)
            connection = stream.named("stream-open").json()["connection"]
            changed = curl(
                f"{hub.url}/events/{connection}",
                *("--request", "PATCH", "--header", "Content-Type: application/json"),
                *("--data", '{"add": ["sport"], "remove": ["news"]}'),
            )
            self.assertEqual(changed.json(), {"topics": ["sport"]})
            self.assertEqual(stream.named("stream-topics").json()["topics"], ["sport"])
        post(hub, "old")
        publish(hub.url, TOKEN, "sport", "new")

        self.assertEqual([stream.data(1) for stream in streams], [["new"]] * 8)

    def test_resuming(self) -> None:
        """
        A stream resumes exactly at any worker.
        """
        hub = self.start()
        first, *_ = publish(hub.url, TOKEN, "news", *"abcdef")

        streams = self.subscribe(hub, 12, f"Last-Event-ID: {first}")

        for stream in streams:
            self.assertEqual(stream.data(5), [*"bcdef"])


class LimitTests(_WorkersTestCase):
    """
    Limits count the connections of all workers.
    """

    def test_connections(self) -> None:
        """
        One subscriber more than --max-connections is answered with 503.
        """
        hub = self.start("--max-connections", "15")
        streams = self.subscribe(hub, 15)

        refused = curl(f"{hub.url}{_TARGET}")
        streams[0].close()
        eventually(lambda: len(self._accepted(hub)) == 1, "the freed place stays taken")

        self.assertEqual(refused.status, 503)

    def test_connections_per_address(self) -> None:
        """
        One subscriber more of an address than allowed is answered with 429.
        """
        hub = self.start("--max-connections-per-address", "15")
        self.subscribe(hub, 15)

        refused = curl(f"{hub.url}{_TARGET}")

        self.assertEqual(refused.status, 429)

    def _accepted(self, hub: HubProcess) -> Sequence[RawStream]:
        stream = RawStream(hub.port, _TARGET)
        if "200" not in stream.status:
            stream.close()
            return []
        self.addCleanup(stream.close)
        return [stream]


class DyingTests(_WorkersTestCase):
    """
    Processes that die, or are stuck.
    """

    def test_worker(self) -> None:
        """
        A worker that is killed is replaced, and the log says why; the other one's streams stay.
        """
        hub = HubProcess("--workers", "2")
        self.addCleanup(self.end, hub)
        # Before, one of them would get all streams.
        eventually(lambda: hub.log.count(_FOLLOWED) >= 2, "a worker does not follow")
        streams = self.subscribe(hub, 20)
        victim = hub.workers[0]

        os.kill(victim, signal.SIGKILL)
        eventually(lambda: len(hub.workers) == 2 and victim not in hub.workers, "no new worker")
        post(hub, "after")

        self.assertRegex(hub.log, r"Worker 1 has died: it was ended by SIGKILL\. A new one starts")
        arrived = [stream for stream in streams if self._gets(stream, "after")]
        self.assertGreater(len(arrived), 0)
        self.assertLess(len(arrived), 20)

    def test_stuck(self) -> None:
        """
        A worker that does not run any more is replaced.
        """
        hub = HubProcess("--workers", "2")
        self.addCleanup(self.end, hub)
        eventually(lambda: len(hub.workers) == 2, "there are no workers")
        victim = hub.workers[1]

        os.kill(victim, signal.SIGSTOP)
        eventually(lambda: "has died: it was stuck" in hub.log, "it is not noticed", 90)
        eventually(lambda: len(hub.workers) == 2 and victim not in hub.workers, "no new worker")

        self.assertEqual(post(hub, "goes on").status, 200)

    def test_parent(self) -> None:
        """
        Workers whose parent is killed end their streams in good order, and themselves.
        """
        hub = HubProcess("--workers", "2")
        self.addCleanup(hub.stop)
        eventually(lambda: len(hub.workers) == 2, "there are no workers")
        workers = hub.workers
        (stream,) = self.subscribe(hub)

        hub.kill()
        last = stream.rest()

        self.assertTrue(stream.complete)
        self.assertIsNotNone(last[-1].retry)
        eventually(lambda: not any(map(_runs, workers)), "a worker goes on without its parent")
        hub.restart()
        self.assertEqual(post(hub, "again").status, 200)

    def test_parent_away(self) -> None:
        """
        While the parent does not answer, workers are not ready.
        """
        hub = self.start()

        os.kill(hub.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, hub.pid, signal.SIGCONT)
        away = curl("--max-time", "15", f"{hub.url}/readyz").status
        os.kill(hub.pid, signal.SIGCONT)

        self.assertEqual(away, 503)
        eventually(lambda: curl(f"{hub.url}/readyz").status == 200, "it does not become ready")

    def end(self, hub: HubProcess) -> None:
        """
        Stop a hub whose log has errors.
        """
        self.assertEqual(hub.signal(signal.SIGTERM), 0)
        self.assertNotIn("Traceback", hub.log)
        hub.stop()

    def _gets(self, stream: RawStream, data: str) -> bool:
        try:
            return stream.data(1) == [data]
        except (AssertionError, OSError, IndexError):
            return False


class ServingTests(_WorkersTestCase):
    """
    Everything that one process serves.
    """

    def test_sigterm(self) -> None:
        """
        SIGTERM to the parent ends all streams in good order, with status 0 and a clean log.
        """
        hub = self.start()
        streams = self.subscribe(hub, 12)

        status = hub.signal(signal.SIGTERM)

        self.assertEqual(status, 0)
        hub.check_log()
        for stream in streams:
            self.assertIsNotNone(stream.rest()[-1].retry)
            self.assertTrue(stream.complete)

    def test_signals_of_groups(self) -> None:
        """
        Workers leave signals that everybody gets, from a terminal or from systemd, to the parent.
        """
        hub = self.start()
        (stream,) = self.subscribe(hub)

        for worker in hub.workers:
            os.kill(worker, signal.SIGINT)
            os.kill(worker, signal.SIGTERM)
            os.kill(worker, signal.SIGHUP)
        post(hub, "still here")

        self.assertEqual(stream.data(1), ["still here"])

    def test_reload(self) -> None:
        """
        SIGHUP to the parent reads the tokens again in all workers.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        tokens = Path(directory.name, "tokens")
        tokens.write_text("before\n", "utf-8")
        hub = self.start("--publish-token-file", str(tokens))

        tokens.write_text(f"{TOKEN}\n", "utf-8")
        hub.send_signal(signal.SIGHUP)
        eventually(lambda: hub.log.count("Tokens that may publish: 1 now") == 2, "not reloaded")

        self.assertEqual({post(hub, "x").status for _ in range(6)}, {200})
        self.assertEqual(hub.signal(signal.SIGTERM), 0)

    def test_tls(self) -> None:
        """
        TLS and HTTP/2 work as in one process.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        certificate, key = map(str, write_certificate(Path(directory.name)))
        hub = self.start("--tls-cert", certificate, "--tls-key", key)
        follower = CurlStream("-k", "--http2", f"{hub.url}{_TARGET}")
        self.addCleanup(follower.close)
        follower.wait_for("stream-open")

        answer = curl(
            *("-k", "--http1.1", f"{hub.url}/events", "-d", "topic=news", "-d", "data=hello"),
            *("-H", f"Authorization: Bearer {TOKEN}"),
        )

        self.assertEqual(answer.status, 200)
        follower.wait_for("data: hello")

    def test_unix_socket(self) -> None:
        """
        A UNIX socket has the mode that was asked for while workers come and go, and is
        removed in the end.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = Path(directory.name, "hub.sock")
        hub = self.start("--port", f"unix:{path}:mode=600")

        answer = curl("--unix-socket", str(path), "http://localhost/healthz")
        mode = path.stat().st_mode & 0o777
        hub.signal(signal.SIGTERM)

        self.assertEqual(answer.status, 200)
        self.assertEqual(mode, 0o600)
        self.assertFalse(path.exists())

    def test_sqlite(self) -> None:
        """
        A history in a file is kept by the parent, and outlives it.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        hub = self.start("--history", f"sqlite:{directory.name}/events.db")
        first, *_ = publish(hub.url, TOKEN, "news", *"abc")
        self.assertEqual(hub.signal(signal.SIGTERM), 0)

        hub.restart()
        (stream,) = self.subscribe(hub, 1, f"Last-Event-ID: {first}")

        self.assertEqual(stream.data(2), ["b", "c"])

    def test_demo(self) -> None:
        """
        The demo topics are published once, not by each worker.
        """
        hub = self.start("--demo")
        stream = RawStream(hub.port, "/events?topic=demo/clock")
        self.addCleanup(stream.close)

        times = [json.loads(data)["time"] for data in stream.data(3)]

        self.assertGreater(times[2] - times[0], 1.5)
        self.assertIn("EventSource", curl(f"{hub.url}/").body)

    def test_check_config(self) -> None:
        """
        --check-config starts no process, and refuses what workers cannot do.
        """
        good = run_twistd("--workers", "2", "--check-config", "--port", str(free_port()))
        bad = run_twistd("--workers", "none", "--check-config")
        large = run_twistd("--workers", "2", "--max-body", "1GiB")

        self.assertEqual((good.returncode, good.stdout), (0, "The configuration is good.\n"))
        self.assertEqual(bad.returncode, 1)
        self.assertIn("--workers: 'none' is not a whole number greater than 0, and not", bad.stderr)
        self.assertIn("--max-body: with --workers", large.stderr)

    def test_port_taken(self) -> None:
        """
        A port that is in use is told in one sentence.
        """
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run_twistd("--workers", "2", "--port", f"tcp:{port}:interface=127.0.0.1")

        self.assertEqual(done.returncode, 1)
        self.assertIn("Address already in use", done.stdout + done.stderr)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
