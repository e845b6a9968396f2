"""
Histories named on the command line: those of the package, and a plugin in a
distribution of its own, installed beside the wheel.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar
from urllib.error import URLError
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.test_packaging import Environment, find_wheel
from tests.support.curl import publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.processes import Background, find_twistd
from tests.support.redis_server import RedisServer
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["DaemonTests", "HistoryPluginTests", "SchemeTests"]

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples" / "history_plugin"

# Files that running and building leave beside the sources.
_LEFTOVERS = shutil.ignore_patterns("__pycache__", "dropin.cache", "build", "*.egg-info")


def is_ready(port: int) -> bool:
    """
    Return whether the hub at *port* is ready.
    """
    try:
        urlopen(f"http://localhost:{port}/readyz", timeout=PATIENCE).close()
    except URLError:
        return False
    return True


class SchemeTests(SynchronousTestCase):
    """
    The options after the scheme have their effect.
    """

    def kept(self, history: str) -> list[str]:
        """
        Publish three events to a hub with *history*, and read two from its replay.
        """
        hub = HubProcess("--history", history)
        self.addCleanup(hub.stop)
        publish(hub.url, TOKEN, "news", "one", "two", "three")
        stream = RawStream(hub.port, "/events?topic=news&lastEventID=earliest")
        self.addCleanup(stream.close)
        return stream.data(2)

    def test_sqlite(self) -> None:
        """
        A SQLite history keeps the configured number of events.
        """
        path = Path(self.mktemp()).resolve()

        self.assertEqual(self.kept(f"sqlite:{path},events=2"), ["two", "three"])
        self.assertTrue(path.exists())

    def test_redis(self) -> None:
        """
        So does a Redis history, under keys with the configured prefix.
        """
        server = RedisServer()
        self.addCleanup(server.end)

        self.assertEqual(self.kept(f"{server.url},prefix=own,events=2"), ["two", "three"])
        self.assertEqual(server.cli("KEYS", "*own*"), server.cli("KEYS", "*"))


class DaemonTests(SynchronousTestCase):
    """
    A hub that runs as a daemon: it forks after its history was built.
    """

    def test_sqlite(self) -> None:
        """
        Its history works, and a relative path means the directory that it was started in.
        """
        home, elsewhere = Path(self.mktemp()).resolve(), Path(self.mktemp()).resolve()
        home.mkdir()
        elsewhere.mkdir()
        home.joinpath("tokens").write_text(TOKEN, "utf-8")
        port = free_port()
        ours = ["--port", str(port), "--publish-token-file", "tokens"]
        its = [f"--rundir={elsewhere}", "--pidfile=pid", "--logfile=log"]
        command = [find_twistd(), *its, "sse", *ours, "--history", "sqlite:events.db"]
        subprocess.run(command, cwd=home, timeout=PATIENCE, check=True)
        # twistd writes this file before its first process exits.
        pid = home / "pid"
        self.addCleanup(eventually, lambda: not pid.exists(), "the daemon has not ended")
        self.addCleanup(os.kill, int(pid.read_text("utf-8")), signal.SIGTERM)
        eventually(lambda: is_ready(port), "the daemon is not ready")

        (told,) = publish(f"http://localhost:{port}", TOKEN, "news", "one")

        self.assertTrue(told)
        self.assertTrue(home.joinpath("events.db").exists())


class HistoryPluginTests(SynchronousTestCase):
    """
    ``examples/history_plugin``, in a new environment.
    """

    environment: ClassVar[Environment]
    sources: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Install the wheel, and then the example.
        """
        home = Path("history_plugin").resolve()
        cls.sources = home / "sources"
        shutil.copytree(EXAMPLE, cls.sources, ignore=_LEFTOVERS)
        cls.environment = Environment(home / "environment")
        cls.environment.pip("install", "--no-deps", "--no-index", find_wheel())
        cls.environment.pip("install", "--no-deps", cls.sources)

    def run_command(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """
        Run *command* in a directory of its own until it exits.
        """
        home = Path(self.mktemp()).resolve()
        home.mkdir()
        return subprocess.run(
            command, cwd=home, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def start(self, port: int, file: str | Path, *options: str) -> Background:
        """
        Run a hub with the example's history, and *options* of twistd, until it is ready.
        """
        tokens = Path(self.mktemp()).resolve()
        tokens.write_text(TOKEN, "utf-8")
        hub = Background(
            [
                *[*self.environment.twistd, "-n", "--pidfile=", *options],
                *["sse", "--port", str(port), "--publish-token-file", str(tokens)],
                *["--history", f"lines:{file},events=100"],
            ]
        )
        self.addCleanup(hub.end)
        eventually(lambda: is_ready(port) or not hub.running(), "the hub is not ready")
        self.assertTrue(hub.running(), hub.output())
        return hub

    def test_listed(self) -> None:
        """
        The plugin is listed with the histories of the package, and its errors look the same.
        """
        done = self.run_command(*self.environment.twistd, "sse", "--history", "help")
        refused = self.run_command(*self.environment.twistd, "sse", "--history", "lines:")
        schemes = [line.split()[0] for line in done.stdout.splitlines()]

        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(
            schemes,
            [
                *("lines", "memory", "postgres", "postgresql"),
                *("redis", "redis+sentinel", "redis+unix", "rediss", "rediss+sentinel"),
                *("sqlite", "upstream"),
            ],
        )
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(
            refused.stderr,
            "twistd sse: --history: '' cannot be a file; write lines:PATH,events=10000.\n",
        )

    def test_outlives_a_kill(self) -> None:
        """
        A subscriber that reconnects after the hub was killed resumes without loss.
        """
        port = free_port()
        file = Path(self.mktemp()).resolve()
        first = self.start(port, file)
        ids = publish(f"http://localhost:{port}", TOKEN, "news", "one", "two", "three")
        first.send_signal(signal.SIGKILL)
        first.wait()

        self.start(port, file)
        stream = RawStream(port, "/events?topic=news", f"Last-Event-ID: {ids[0]}")
        self.addCleanup(stream.close)

        self.assertEqual(stream.named("stream-open").json()["resumed"], True)
        self.assertEqual(stream.data(2), ["two", "three"])

    def test_relative_path(self) -> None:
        """
        A relative path means the working directory at the start, even with --rundir.
        """
        elsewhere = Path(self.mktemp()).resolve()
        elsewhere.mkdir()
        port = free_port()
        hub = self.start(port, "events.json", f"--rundir={elsewhere}")

        publish(f"http://localhost:{port}", TOKEN, "news", "one")

        self.assertIn('"one"', hub.home.joinpath("events.json").read_text("utf-8"))
        self.assertEqual(list(elsewhere.iterdir()), [])

    def test_contract(self) -> None:
        """
        The plugin's own tests pass, including those of the inherited contract.
        """
        tests = str(self.sources / "tests" / "test_sse_history_lines.py")
        done = self.run_command(*self.environment.python, "-m", "twisted.trial", tests)

        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("test_half_a_line", done.stdout)
        self.assertGreater(done.stdout.count("[OK]"), 30)
