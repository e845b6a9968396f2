"""
Hubs take over from each other: no connection is refused, and no event is lost or doubled.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import curl
from tests.support.hub_process import TOKEN, HubProcess, run_twistd
from tests.support.ports import free_port
from tests.support.processes import find_twistd
from tests.support.redis_server import RedisServer
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["ActivationTests", "FailedTakeoverTests", "TakeoverTests"]

_TIMES = 5

_CONNECTIONS = 200


class _Connecting(threading.Thread):
    """
    Connects again and again, once per request.

    Attributes:
        connections: How many answers it has got.

        refused: What went wrong when it connected.

        cut: What went wrong later.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.connections = 0
        self.refused: list[str] = []
        self.cut: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        """
        See `threading.Thread.run`.
        """
        while not self.stopping.is_set():
            self.once("GET", "/healthz", None)
            time.sleep(0.05)

    def once(self, method: str, target: str, body: str | None) -> int:
        """
        Make a request on a new connection, and return its status; 0 if there is none.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.connect()
        except OSError as error:
            self.refused.append(repr(error))
            return 0
        try:
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self.cut.append(repr(error))
            return 0
        finally:
            connection.close()
        self.connections += 1
        return response.status


class _Publishing(_Connecting):
    """
    Publishes numbers, each until it is acknowledged.

    Attributes:
        acknowledged: How many were.
    """

    acknowledged = 0

    def run(self) -> None:
        """
        See `threading.Thread.run`.
        """
        while not self.stopping.is_set():
            number = self.acknowledged + 1
            event = {"topic": "news", "data": str(number), "id": f"event {number}"}
            if self.once("POST", "/events", json.dumps(event)) == 200:
                self.acknowledged = number
            time.sleep(0.02)


class _Following(threading.Thread):
    """
    Follows, and reconnects with the ID of the last event, until it has received *last*.

    Attributes:
        received: The data of all events.

        streams: How many streams it had.

        resets: How many began without their predecessor.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.received: list[str] = []
        self.streams = 0
        self.resets = 0
        self.last_id = ""
        self.stopping = threading.Event()

    def run(self) -> None:
        """
        See `threading.Thread.run`.
        """
        while not self.stopping.is_set():
            headers = [f"Last-Event-ID: {self.last_id}"] if self.last_id else []
            try:
                stream = RawStream(self.port, "/events?topic=news", *headers)
            except (OSError, AssertionError):
                time.sleep(0.05)
                continue
            self.streams += 1
            try:
                self.read(stream)
            finally:
                stream.close()

    def read(self, stream: RawStream) -> None:
        """
        Read to the end of a stream.
        """
        while not self.stopping.is_set():
            try:
                event = stream.next()
            except (OSError, AssertionError, IndexError):
                return
            if event.event == "stream-reset":
                self.resets += 1
            if event.event is None and event.data is not None:
                self.received.append(event.data)
            if event.id:
                self.last_id = event.id


class _TakeoverTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        """
        A place for the files.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)
        self.port = free_port()

    def start(self, *options: str) -> HubProcess:
        """
        Start a hub that takes over, if another one runs.
        """
        hub = HubProcess(
            *("--takeover", str(self.home / "hub.sock"), "--spread", "0", "--retry", "100"),
            *options,
            port=self.port,
        )
        self.addCleanup(hub.stop)
        return hub


class TakeoverTests(_TakeoverTestCase):
    """
    Hubs that take over, five times in a row and under load.
    """

    def replace(self, hub: HubProcess, *options: str) -> HubProcess:
        """
        Start the next hub, and wait until the previous one has exited.
        """
        following = self.start(*options)
        status = hub.wait()
        # The previous one may have answered before.
        following.await_ready()
        hub.check_log()
        self.assertEqual(status, 0)
        return following

    def assert_exact(self, *options: str) -> None:
        """
        Assert that nothing is refused, lost or doubled.
        """
        hub = self.start(*options)
        connecting, publishing = _Connecting(self.port), _Publishing(self.port)
        followers = [_Following(self.port) for _ in range(3)]
        for one in followers:
            one.start()
        eventually(lambda: all(one.last_id for one in followers), "nobody follows")
        connecting.start()
        publishing.start()
        for _ in range(_TIMES):
            before = publishing.acknowledged
            hub = self.replace(hub, *options)
            eventually(lambda before=before: publishing.acknowledged > before, "nothing is kept")
        eventually(lambda: connecting.connections >= _CONNECTIONS, "too few connections", 60)
        publishing.stopping.set()
        publishing.join(PATIENCE)
        expected = [str(number + 1) for number in range(publishing.acknowledged)]
        for one in followers:
            eventually(lambda one=one: len(one.received) >= len(expected), "an event is missing")
        for each in (connecting, *followers):
            each.stopping.set()

        self.assertEqual((connecting.refused, publishing.refused), ([], []))
        self.assertEqual(connecting.cut, [])
        for one in followers:
            self.assertEqual(one.received[: len(expected)], expected)
            self.assertEqual(one.resets, 0)
            self.assertGreater(one.streams, _TIMES)

    def test_sqlite(self) -> None:
        """
        With a history in a file, the next hub opens it when the previous one has closed it.
        """
        self.assert_exact("--history", f"sqlite:{self.home}/events.db")

    def test_redis(self) -> None:
        """
        With Redis, both run for a moment.
        """
        redis = RedisServer()
        self.addCleanup(redis.end)

        self.assert_exact("--history", f"{redis.url},prefix=takeover")

    def test_workers(self) -> None:
        """
        Hubs with workers, and hubs without, take over from each other.
        """
        options = ("--history", f"sqlite:{self.home}/events.db")
        hub = self.start(*options, "--workers", "2")
        connecting = _Connecting(self.port)
        connecting.start()

        hub = self.replace(hub, *options, "--workers", "2")
        self.replace(hub, *options)
        connecting.stopping.set()

        self.assertEqual((connecting.refused, connecting.cut), ([], []))

    def test_memory(self) -> None:
        """
        With a history in memory, subscribers are told that the next hub does not know their
        position.
        """
        hub = self.start()
        stream = RawStream(self.port, "/events?topic=news")
        self.addCleanup(stream.close)
        opened = stream.named("stream-open")

        self.replace(hub)
        stream.rest()
        again = RawStream(self.port, "/events?topic=news", f"Last-Event-ID: {opened.id}")
        self.addCleanup(again.close)

        self.assertTrue(stream.complete)
        self.assertIsNotNone(again.named("stream-reset"))

    def test_unix_socket(self) -> None:
        """
        The path of a UNIX socket stays where it is, until the last hub stops.
        """
        path = self.home / "public.sock"
        options = ("--port", f"unix:{path}")
        hub = self.start(*options)

        hub = self.replace(hub, *options)
        answer = curl("--unix-socket", str(path), "http://localhost/healthz")
        hub.signal(15)

        self.assertEqual(answer.status, 200)
        self.assertFalse(path.exists())
        self.assertFalse((self.home / "hub.sock").exists())

    def test_other_ports(self) -> None:
        """
        The next hub may have other ports: it opens those, and closes what it has not.
        """
        more, less = free_port(), free_port()
        hub = self.start("--port", str(less))

        self.replace(hub, "--port", str(more))

        self.assertEqual(curl(f"http://localhost:{more}/healthz").status, 200)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", less))

    def test_secured(self) -> None:
        """
        Ports with TLS and with the PROXY protocol are passed on, and may be spoken to in another
        way by the next hub.
        """
        secured, proxied = free_port(), free_port()
        certificate, key = map(str, write_certificate(self.home))
        tcp = f"tcp:{secured}:interface=127.0.0.1"
        options = (
            *("--port", f"haproxy:tcp:{proxied}:interface=127.0.0.1"),
            *("--trusted-proxy", "127.0.0.1", "--tls-cert", certificate, "--tls-key", key),
        )
        hub = self.start("--port", f"tls:{tcp}", *options)
        hub = self.replace(hub, "--port", f"tls:{tcp}", *options)
        over_tls = curl("-k", f"https://127.0.0.1:{secured}/healthz")
        over_proxy = curl("--haproxy-protocol", f"http://127.0.0.1:{proxied}/healthz")

        self.replace(hub, "--port", tcp, *options)

        self.assertEqual((over_tls.status, over_proxy.status), (200, 200))
        self.assertEqual(curl(f"http://127.0.0.1:{secured}/healthz").status, 200)

    def test_mode(self) -> None:
        """
        Only this user can ask for the sockets.
        """
        self.start()

        self.assertEqual((self.home / "hub.sock").stat().st_mode & 0o777, 0o600)


class FailedTakeoverTests(_TakeoverTestCase):
    """
    Takeovers that do not happen.
    """

    def test_bad_configuration(self) -> None:
        """
        A hub whose configuration is wrong leaves the running one alone.
        """
        hub = self.start()

        done = run_twistd("--takeover", str(self.home / "hub.sock"), "--tls-cert", "absent.pem")

        self.assertEqual(done.returncode, 1)
        self.assertIn("--tls-cert: absent.pem cannot be read", done.stderr)
        self.assertNotIn("takes over", hub.log)

    def test_dying(self) -> None:
        """
        If the next hub dies before it is ready, the running one goes on.
        """
        redis = RedisServer()
        self.addCleanup(redis.end)
        hub = self.start("--history", f"{redis.url},prefix=takeover")
        with socket.socket(socket.AF_UNIX) as taker:
            taker.connect(str(self.home / "hub.sock"))
            taker.sendall(b'{"version": 1, "shared": true}\n')
            data, descriptors, _, _ = socket.recv_fds(taker, 4096, 8)
            for each in descriptors:
                os.close(each)
            self.assertTrue(data)
            eventually(lambda: "Another process takes over" in hub.log, "it does not answer")

        eventually(lambda: "so this hub goes on" in hub.log, "the end is not noticed")

        self.assertEqual(curl(f"{hub.url}/healthz").status, 200)
        self.assertEqual(hub.signal(15), 0)

    def test_stale(self) -> None:
        """
        The socket of a hub that was killed does not stop the next one.
        """
        hub = self.start()
        hub.kill()
        self.assertTrue((self.home / "hub.sock").exists())

        self.assertEqual(curl(f"{self.start().url}/healthz").status, 200)

    def test_not_a_hub(self) -> None:
        """
        If something else listens there, the hub does not start, and says so.
        """
        path = self.home / "hub.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            threading.Thread(target=_answer_nonsense, args=(other,), daemon=True).start()

            done = run_twistd("--takeover", str(path), "--port", str(free_port()))

        self.assertEqual(done.returncode, 1)
        self.assertIn("--takeover: the hub at", done.stderr)

    def test_no_directory(self) -> None:
        """
        A path that cannot be is refused in a sentence.
        """
        done = run_twistd("--takeover", "/nowhere/hub.sock")

        self.assertEqual(done.returncode, 1)
        self.assertIn("--takeover: there is no directory '/nowhere'", done.stderr)


class ActivationTests(SynchronousTestCase):
    """
    Sockets that systemd has opened.
    """

    # What systemd does before it executes the program.
    LAUNCHER = (
        "import os, sys\n"
        "os.dup2(int(sys.argv[1]), 3)\n"
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='hub')\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n"
    )

    def assert_serves(self, *options: str) -> None:
        """
        Assert that a hub serves on a socket that exists before it, and after it.
        """
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            # It waits in the queue until there is a hub.
            early = socket.create_connection(("127.0.0.1", port))
            self.addCleanup(early.close)
            early.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            hub = subprocess.Popen(
                [
                    *(sys.executable, "-c", self.LAUNCHER, str(listening.fileno())),
                    *(find_twistd(), "-n", "--pidfile=", "sse", *options),
                ],
                pass_fds=[listening.fileno()],
                stdout=subprocess.DEVNULL,
            )
            self.addCleanup(hub.wait)
            self.addCleanup(hub.kill)
            early.settimeout(PATIENCE)
            answer = early.recv(4096)
            hub.terminate()
            status = hub.wait(PATIENCE)
            late = socket.create_connection(("127.0.0.1", port))
            late.close()

        self.assertIn(b" 200 OK", answer)
        self.assertEqual(status, 0)

    def test_index(self) -> None:
        """
        The hub serves on it, and the connections of a restart wait in its queue.
        """
        self.assert_serves("--port", "systemd:domain=INET:index=0")

    def test_workers(self) -> None:
        """
        So do workers.
        """
        self.assert_serves("--port", "systemd:domain=INET:name=hub", "--workers", "2")


def _answer_nonsense(listening: socket.socket) -> None:
    try:
        connection, _ = listening.accept()
    except OSError:
        return
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
