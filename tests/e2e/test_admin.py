"""
``--admin`` of real hubs: one process, several, and one that takes over from another.
"""

import json
import os
import re
import signal
import stat
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import CurlStream, curl, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.streams import RawStream
from tests.support.waiting import eventually

__all__ = ["AdminTests", "SelfTestTests", "SocketTests", "TakeoverTests", "WorkersTests"]


class _AdminTestCase(SynchronousTestCase):
    admin: str

    def look(self, path: str) -> Any:
        """
        Return what the admin endpoint tells at *path*.
        """
        return curl(f"{self.admin}{path}").json()

    def metric(self, name: str) -> float:
        """
        Return the sum of a metric, over all labels.
        """
        text = curl(f"{self.admin}/metrics").body
        found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.M)
        return sum(map(float, found))

    def close(self, name: str, final: str) -> int:
        """
        Close a connection, and return the status of the answer.
        """
        header = "Content-Type: application/json"
        body = json.dumps({"data": final})
        target = f"{self.admin}/connections/{name}"
        return curl("-X", "DELETE", "-H", header, "-d", body, target).status


class AdminTests(_AdminTestCase):
    """
    A hub of one process.
    """

    hub: HubProcess

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the hub.
        """
        port = free_port()
        cls.hub = HubProcess("--admin", str(port))
        cls.addClassCleanup(cls.hub.stop)
        cls.admin = f"http://localhost:{port}"

    def test_protocols(self) -> None:
        """
        Streams of both protocols are listed, until they end.
        """
        url = f"{self.hub.url}/events?topic=protocols"
        streams = [CurlStream(option, url) for option in ("--http1.1", "--http2-prior-knowledge")]
        for stream in streams:
            self.addCleanup(stream.close)
            stream.wait_for("stream-open")

        listed = self.look("/connections?topic=protocols&sort=protocol")
        publish(self.hub.url, TOKEN, "protocols", "hello")
        for stream in streams:
            stream.wait_for("hello")
        after = self.look("/connections?topic=protocols&sort=protocol")
        for stream in streams:
            stream.close()

        protocols = [row["protocol"] for row in listed["connections"]]
        self.assertEqual(protocols, ["HTTP/1.1", "HTTP/2"])
        self.assertEqual([row["events"] for row in after["connections"]], [1, 1])
        for row in listed["connections"]:
            self.assertIn(row["address"], ("127.0.0.1", "::1"))
        eventually(
            lambda: self.look("/connections?topic=protocols")["total"] == 0, "streams are left"
        )

    def test_close(self) -> None:
        """
        A connection that is closed gets its final event, and ends in good order.
        """
        stream = RawStream(self.hub.port, "/events?topic=closing")
        self.addCleanup(stream.close)
        (row,) = self.look("/connections?topic=closing")["connections"]

        self.assertEqual(self.close(row["id"], "bye"), 204)

        self.assertEqual(stream.data(1), ["bye"])
        self.assertEqual(self.close(row["id"], "bye"), 404)

    def test_not_on_the_port(self) -> None:
        """
        Nothing of this is at the port of the hub.
        """
        for path in ("/metrics", "/connections", "/status", "/dashboard", "/topics"):
            statuses = [curl(f"{url}{path}").status for url in (self.hub.url, self.admin)]

            self.assertEqual(statuses, [404, 200], path)

    def test_rebinding(self) -> None:
        """
        A request for another name is refused.
        """
        self.assertEqual(curl("-H", "Host: evil.example", f"{self.admin}/status").status, 421)


class WorkersTests(_AdminTestCase):
    """
    A hub of two workers.
    """

    def setUp(self) -> None:
        """
        Start it, and wait for both workers.
        """
        port = free_port()
        self.hub = HubProcess("--workers", "2", "--admin", str(port))
        self.addCleanup(self.stop)
        self.admin = f"http://localhost:{port}"
        eventually(lambda: self.look("/status")["ready"], "a worker is not ready")

    def stop(self) -> None:
        """
        Stop the hub; its log has a warning if a worker was killed.
        """
        if "has died" in self.hub.log:
            self.hub.signal(signal.SIGTERM)
        self.hub.stop()

    def subscribe(self, count: int) -> list[RawStream]:
        """
        Open streams.
        """
        streams = []
        for _ in range(count):
            stream = RawStream(self.hub.port, "/events?topic=news")
            self.addCleanup(stream.close)
            stream.named("stream-open")
            streams.append(stream)
        return streams

    def test_together(self) -> None:
        """
        Connections, topics and metrics are those of both; each connection can be closed.
        """
        streams = self.subscribe(12)
        publish(self.hub.url, TOKEN, "news", "one", "two")
        for stream in streams:
            self.assertEqual(stream.data(2), ["one", "two"])

        rows = self.look("/connections")["connections"]
        names = {row["id"].partition("-")[0] for row in rows}
        self.assertEqual((len(rows), len(names)), (12, 2))
        self.assertEqual(self.look("/topics")["topics"], [{"topic": "news", "connections": 12}])
        self.assertEqual(self.metric("twisted_sse_connections"), 12)
        self.assertEqual(self.metric("twisted_sse_events_delivered_total"), 24)
        self.assertEqual(self.metric("twisted_sse_events_published_total"), 2)
        self.assertEqual(self.metric("twisted_sse_history_events"), 2)
        self.assertEqual(self.metric("twisted_sse_processes"), 2)
        body = '{"topic": "else", "data": "x"}'
        header = "Content-Type: application/json"
        receipt = curl("-H", header, "-d", body, f"{self.admin}/events").json()
        self.assertEqual(receipt["subscribers"], 0)
        receipt = curl("-H", header, "-d", body.replace("else", "news"), f"{self.admin}/events")
        self.assertEqual(receipt.json()["subscribers"], 12)
        for stream in streams:
            self.assertEqual(stream.data(1), ["x"])
        self.assertEqual({self.close(quote(row["id"]), "bye") for row in rows}, {204})
        for stream in streams:
            self.assertEqual(stream.data(1), ["bye"])

    def test_death(self) -> None:
        """
        When a worker dies, no counter goes back, and its connections are gone.
        """
        self.subscribe(8)
        opened = self.metric("twisted_sse_connections_opened_total")
        os.kill(self.hub.workers[0], signal.SIGKILL)
        eventually(lambda: self.metric("twisted_sse_connections") < 8, "it still has connections")

        self.assertEqual(self.metric("twisted_sse_connections_opened_total"), opened)
        eventually(lambda: self.look("/status")["ready"], "no new worker is ready")
        self.assertEqual(self.metric("twisted_sse_connections_opened_total"), opened)


class SocketTests(_AdminTestCase):
    """
    ``--admin unix:PATH``.
    """

    def test_socket(self) -> None:
        """
        Only this user can connect; the log has a command to paste.
        """
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "admin")
            hub = HubProcess("--admin", f"unix:{path}")
            mode = stat.S_IMODE(path.stat().st_mode)
            command = f"curl --unix-socket {path} http://localhost/status"
            answer = curl(*command.split()[1:])
            log = hub.log
            hub.stop()

        self.assertEqual((mode, answer.status), (0o600, 200))
        self.assertIn(command, log)


class TakeoverTests(_AdminTestCase):
    """
    ``--takeover``: the new hub has the admin endpoint as well.
    """

    def test_taken(self) -> None:
        """
        The endpoint is the new hub's when that has taken over.
        """
        with tempfile.TemporaryDirectory() as directory:
            port = free_port()
            self.admin = f"http://localhost:{port}"
            options = ("--takeover", f"{directory}/takeover", "--admin", str(port))
            old = HubProcess(*options)
            self.addCleanup(old.stop)
            publish(old.url, TOKEN, "news", "old")
            before = self.look("/status")["published"]

            new = HubProcess(*options, port=old.port)
            self.addCleanup(new.stop)
            self.assertEqual(old.wait(), 0)
            after = self.look("/status")["published"]

        self.assertEqual((before, after), (1, 0))


class SelfTestTests(_AdminTestCase):
    """
    ``--self-test`` of a hub of two workers.
    """

    def test_self_test(self) -> None:
        """
        Each worker hears what it publishes, and the hub is ready.
        """
        port = free_port()
        hub = HubProcess("--workers", "2", "--admin", str(port), "--self-test", "0.2")
        self.addCleanup(hub.stop)
        self.admin = f"http://localhost:{port}"
        passed = "twisted_sse_self_test_seconds_count"
        eventually(lambda: self.metric(passed) > 4, "no test event arrives")

        self.assertEqual(self.metric("twisted_sse_self_test_failures_total"), 0)
        self.assertEqual(curl(f"{self.admin}/readyz").json(), {"ready": True, "problems": []})
        self.assertEqual(curl(f"{hub.url}/startupz").status, 200)
        self.assertEqual(curl(f"{hub.url}/readyz").json(), {"ready": True, "problems": []})
