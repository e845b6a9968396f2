"""
``--history sqlite:PATH``: acknowledged events survive any end of the process.
"""

import os
import resource
import signal
import socket
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import CurlStream, curl, publish
from tests.support.hub_process import TOKEN, HubProcess, run_twistd
from tests.support.ports import free_port
from tests.support.processes import find_program, find_twistd
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE

__all__ = ["CrowdTests", "FileTests", "KilledTests"]


class KilledTests(SynchronousTestCase):
    """
    A hub that has stored three events, was killed, and was restarted.
    """

    hub: HubProcess
    ids: list[str]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Publish, kill, and restart.
        """
        home = tempfile.TemporaryDirectory()
        cls.addClassCleanup(home.cleanup)
        cls.hub = HubProcess("--history", f"sqlite:{Path(home.name, 'history')}")
        cls.addClassCleanup(cls.hub.stop)
        cls.ids = publish(cls.hub.url, TOKEN, "news", "one", "two", "three")
        cls.hub.kill()
        cls.hub.restart()

    def test_header(self) -> None:
        """
        A subscriber with an older event ID receives exactly the events after it.
        """
        stream = RawStream(self.hub.port, "/events?topic=news", f"Last-Event-ID: {self.ids[0]}")
        self.addCleanup(stream.close)

        opened = stream.named("stream-open")
        events = [stream.next(), stream.next()]

        self.assertEqual((opened.id, opened.json()["resumed"]), (self.ids[0], True))
        self.assertEqual(stream.headers["last-event-id"], self.ids[0])
        self.assertEqual(
            [(event.id, event.data) for event in events],
            [(self.ids[1], "two"), (self.ids[2], "three")],
        )

    def test_curl(self) -> None:
        """
        The same with curl.
        """
        stream = CurlStream(
            f"{self.hub.url}/events?topic=news", "--header", f"Last-Event-ID: {self.ids[1]}"
        )
        self.addCleanup(stream.close)

        stream.wait_for("data: three\n\n")

        opened, _, rest = stream.output().partition("event: stream-open\n")[2].partition("\n\n")
        self.assertIn('data: {"resumed":true,', opened)
        self.assertEqual(rest, f"id: {self.ids[2]}\ndata: three\n\n")

    def test_new_after_old(self) -> None:
        """
        Events published after the restart follow the older ones, and have new IDs.
        """
        stream = RawStream(self.hub.port, "/events?topic=more", f"Last-Event-ID: {self.ids[2]}")
        self.addCleanup(stream.close)
        stream.named("stream-open")

        more = publish(self.hub.url, TOKEN, "more", "four", "five")

        self.assertEqual(stream.data(2), ["four", "five"])
        self.assertEqual(len({*self.ids, *more}), 5)

    def test_stream_before_anything(self) -> None:
        """
        A position from before the first publication survives too.
        """
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        hub = HubProcess("--history", f"sqlite:{Path(home.name, 'history')}")
        self.addCleanup(hub.stop)
        early = RawStream(hub.port, "/events?topic=news")
        self.addCleanup(early.close)
        position = early.named("stream-open").id
        publish(hub.url, TOKEN, "news", "first")
        hub.kill()
        hub.restart()

        late = RawStream(hub.port, "/events?topic=news", f"Last-Event-ID: {position}")
        self.addCleanup(late.close)

        self.assertEqual(late.named("stream-open").json()["resumed"], True)
        self.assertEqual(late.data(1), ["first"])


class CrowdTests(SynchronousTestCase):
    """
    All subscribers reconnect at once.
    """

    COUNT = 1000

    def setUp(self) -> None:
        """
        Raise the limit for open files of this process and its children.
        """
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.COUNT + 500
        if limits[0] < wanted:
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limits[1]))

    def test_crowd(self) -> None:
        """
        A thousand requests are sent before the first answer is read; each receives all that
        it missed.
        """
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        hub = HubProcess("--history", f"sqlite:{Path(home.name, 'history')}")
        self.addCleanup(hub.stop)
        last, *missed = publish(hub.url, TOKEN, "news", "seen", "one", "two", "three")
        hub.kill()
        hub.restart()

        crowd = [self.ask(hub, last) for _ in range(self.COUNT)]
        answers = [self.answer(one, f"id: {missed[-1]}\ndata: three\n\n") for one in crowd]

        pairs = zip(missed, ["one", "two", "three"], strict=True)
        frames = [f"id: {id}\ndata: {data}\n\n" for id, data in pairs]
        expected = '"}\n\n' + "".join(frames)
        self.assertEqual(sum('{"resumed":true,' in answer for answer in answers), self.COUNT)
        self.assertEqual(sum(answer.endswith(expected) for answer in answers), self.COUNT)

    def ask(self, hub: HubProcess, last: str) -> socket.socket:
        """
        Send a request without waiting for its answer.
        """
        connection = socket.create_connection(("127.0.0.1", hub.port), PATIENCE)
        self.addCleanup(connection.close)
        # HTTP/1.0, because its responses are not chunked.
        lines = ["GET /events?topic=news HTTP/1.0", "Host: localhost", f"Last-Event-ID: {last}"]
        connection.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        return connection

    def answer(self, connection: socket.socket, end: str) -> str:
        """
        Read from *connection* until *end* was received.
        """
        received = b""
        while end.encode() not in received:
            data = connection.recv(65536)
            self.assertTrue(data, f"The stream has ended: {received!r}")
            received += data
        return received.decode()


class FileTests(SynchronousTestCase):
    """
    Unusable files: exit status 1, and one sentence with the reason.
    """

    def setUp(self) -> None:
        """
        Have a hub write a file.
        """
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.path = Path(home.name, "history")
        self.hub = HubProcess("--history", f"sqlite:{self.path}")
        self.addCleanup(self.hub.stop)
        self.ids = publish(self.hub.url, TOKEN, "news", "one")

    def assert_refused(self, done: "subprocess.CompletedProcess[str]", why: str) -> None:
        """
        Assert that a hub did not start, and printed the reason *why* in one line.
        """
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        (line,) = (done.stdout + done.stderr).splitlines()
        self.assertIn(f"twistd sse: --history: {str(self.path)!r} {why}", line)

    def start(self) -> "subprocess.CompletedProcess[str]":
        """
        Try to start a hub on the file.
        """
        return run_twistd("--port", str(free_port()), "--history", f"sqlite:{self.path}")

    def test_second_hub(self) -> None:
        """
        A second hub is refused while the first one uses the file, and does not disturb it.
        """
        done = self.start()

        self.assert_refused(done, "is in use by another hub")
        self.assertEqual(curl(f"{self.hub.url}/readyz").status, 200)
        self.assertEqual(len(publish(self.hub.url, TOKEN, "news", "two")), 1)

    def test_after_the_first(self) -> None:
        """
        After the first hub was killed, another can use the file.
        """
        self.hub.kill()

        second = HubProcess("--history", f"sqlite:{self.path}")
        self.addCleanup(second.stop)
        stream = RawStream(second.port, "/events?topic=news&last_event_id=earliest")
        self.addCleanup(stream.close)

        self.assertEqual(stream.data(1), ["one"])

    def test_later_version(self) -> None:
        """
        A file of a later version is refused, and not changed.
        """
        self.hub.signal(signal.SIGTERM)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA user_version = 99")
        before = self.path.read_bytes()

        done = self.start()

        self.assert_refused(done, "was written by a later version of twisted-sse: upgrade")
        self.assertEqual(self.path.read_bytes(), before)

    def test_read_only(self) -> None:
        """
        A read-only file is refused.
        """
        self.hub.signal(signal.SIGTERM)
        self.path.chmod(0o444)

        done = run_without_privilege("--port", str(free_port()), "--history", f"sqlite:{self.path}")

        self.assert_refused(done, "may not be written to")


def run_without_privilege(*options: str) -> "subprocess.CompletedProcess[str]":
    """
    Call `run_twistd` such that the permissions of files apply, even for root.
    """
    if os.geteuid() != 0:
        return run_twistd(*options)
    # Without this capability the permissions of files apply to root too.
    bound = [find_program("setpriv", "util-linux"), "--bounding-set=-dac_override"]
    command = [*bound, find_twistd(), "-n", "--pidfile=", "sse", *options]
    with tempfile.TemporaryDirectory() as home:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, cwd=home, check=False
        )
