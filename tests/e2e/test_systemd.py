"""
The units for systemd, and a hub that is started as they say.
"""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import CurlStream, curl, publish
from tests.support.hub_process import TOKEN
from tests.support.processes import Background, find_program, find_twistd
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually
from tests.test_docs import marked

__all__ = ["ActivationTests", "UnitTests"]

_ROOT = Path(__file__).resolve().parents[2]

_DEPLOY = _ROOT / "deploy"

_PAGE = _ROOT / "docs" / "how-to" / "systemd.md"

# Makes the descriptor that it is given number 3, as systemd does, and becomes the service.
_LAUNCH = """
import os, sys
descriptor, *command = sys.argv[1:]
os.dup2(int(descriptor), 3)
number = str(os.getpid())
os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="sse.socket", LISTEN_PID=number)
os.environ.update(WATCHDOG_PID=number)
os.execv(command[0], command)
"""


def _settings(unit: str) -> dict[str, list[str]]:
    """
    The values of each setting of a unit.
    """
    found: dict[str, list[str]] = {}
    for line in _DEPLOY.joinpath(unit).read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


class UnitTests(SynchronousTestCase):
    """
    The files.
    """

    def test_verify(self) -> None:
        """
        systemd finds nothing wrong with them, nor with those of the page about restarts.
        """
        files = ("sse.service", "sse.socket")
        self.verify({name: _DEPLOY.joinpath(name).read_text("utf-8") for name in files})
        self.verify({one.mark[1]: one.text for one in marked("unit")})

    def verify(self, units: dict[str, str]) -> None:
        """
        Have systemd verify units, which are given by the names of their files.
        """
        analyze = find_program("systemd-analyze", "systemd")
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        paths = []
        for unit, text in units.items():
            paths.append(str(Path(home.name, unit)))
            Path(paths[-1]).write_text(text.replace("/opt/sse/bin/twistd", find_twistd()), "utf-8")
        done = subprocess.run(
            [analyze, "verify", *paths],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

        # It also tells about units of this machine.
        ours = [line for line in done.stderr.splitlines() if "sse." in line]
        self.assertEqual((ours, done.returncode), ([], 0))

    def test_printed(self) -> None:
        """
        The page has both: who has installed the package has no folder with them.
        """
        page = _PAGE.read_text("utf-8")

        for unit in ("sse.service", "sse.socket"):
            text = _DEPLOY.joinpath(unit).read_text("utf-8")
            self.assertIn(f"`/etc/systemd/system/{unit}`:\n\n```ini\n{text}```\n", page)

    def test_times(self) -> None:
        """
        systemd waits longer than the hub takes to stop, and for a sign of life.
        """
        unit = _settings("sse.service")

        self.assertGreater(int(unit["TimeoutStopSec"][0]), 2 * 8)
        self.assertEqual(unit["WatchdogSec"], ["30"])


class ActivationTests(SynchronousTestCase):
    """
    A hub with the command and the environment of the service, and the port of the socket.
    """

    def setUp(self) -> None:
        """
        Do what systemd does before it starts the service.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)
        # What `systemctl edit` has added.
        self.edited: list[str] = []
        for name in ("etc", "state", "credentials"):
            self.home.joinpath(name).mkdir()
        self.home.joinpath("etc", "hub.toml").write_text("keepalive = 20\n", "utf-8")
        self.home.joinpath("credentials", "tokens").write_text(TOKEN, "utf-8")
        (port,) = _settings("sse.socket")["ListenStream"]
        self.assertEqual(port, "8080")
        self.listening = socket.create_server(
            ("::", 0), family=socket.AF_INET6, dualstack_ipv6=True
        )
        self.addCleanup(self.listening.close)
        self.port = self.listening.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.states = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.states.close)
        self.states.settimeout(PATIENCE)
        self.states.bind(f"{self.home}/notify")

    def path(self, text: str) -> str:
        """
        Replace the paths of the unit.
        """
        places = {
            "/opt/sse/bin/": f"{Path(sys.executable).parent}/",
            "/etc/sse/": f"{self.home}/etc/",
            "/var/lib/sse/": f"{self.home}/state/",
            "%d/": f"{self.home}/credentials/",
        }
        for ours, theirs in places.items():
            text = text.replace(ours, theirs)
        return text

    def environment(self, unit: dict[str, list[str]]) -> list[str]:
        """
        The variables of the service.
        """
        watchdog = int(unit["WatchdogSec"][0]) * 1_000_000
        return [
            *map(self.path, (*unit["Environment"], *self.edited)),
            f"NOTIFY_SOCKET={self.home}/notify",
            f"WATCHDOG_USEC={watchdog}",
            f"PATH={os.environ['PATH']}",
        ]

    def start(self) -> Background:
        """
        Start the service, and wait until systemd is told that it is ready.
        """
        unit = _settings("sse.service")
        (command,) = unit["ExecStart"]
        os.set_inheritable(self.listening.fileno(), True)
        program = Background(
            [
                *("env", "--ignore-environment", *self.environment(unit)),
                *(f"--chdir={self.home}/state", sys.executable, "-c", _LAUNCH),
                *(str(self.listening.fileno()), *self.path(command).split()),
            ],
            close_fds=False,
        )
        self.addCleanup(program.end)
        try:
            self.state("READY=1")
        except TimeoutError:
            self.fail(program.output())
        return program

    def state(self, name: str) -> str:
        """
        Wait for the state *name*.
        """
        while name not in (received := self.states.recv(4096).decode("utf-8")):
            pass
        return received

    def stop(self, program: Background) -> None:
        """
        Stop the service as systemd does.
        """
        program.send_signal(signal.SIGTERM)
        self.state("STOPPING=1")
        self.assertEqual(program.wait(), 0, program.output())
        self.assertNotRegex(program.output(), r"#(warn|error|critical)\]|Traceback")

    def test_serves(self) -> None:
        """
        The hub serves on the socket, over IPv4 and IPv6, with the token of the credentials,
        and tells that it lives.
        """
        program = self.start()
        stream = RawStream(self.port, "/events?topic=news")
        self.addCleanup(stream.close)
        publish(f"http://[::1]:{self.port}", TOKEN, "news", "hello")

        self.assertEqual(stream.data(1), ["hello"])
        self.assertIn("WATCHDOG=1\nSTATUS=", self.state("WATCHDOG=1"))
        self.assertTrue(self.home.joinpath("state", "events.db").exists())
        self.stop(program)

    def test_restart(self) -> None:
        """
        Over a restart the port refuses no connection, and no event is lost.
        """
        first = self.start()
        (kept, _) = publish(self.url, TOKEN, "news", "one", "two")
        self.stop(first)
        # Connects while no hub runs: systemd still listens.
        early = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self.addCleanup(early.close)
        early.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        second = self.start()

        self.assertTrue(early.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n"))
        stream = RawStream(self.port, "/events?topic=news", f"Last-Event-ID: {kept}")
        self.addCleanup(stream.close)
        self.assertEqual(stream.data(1), ["two"])
        stream.close()
        self.stop(second)

    def test_tls(self) -> None:
        """
        As the page edits the service, it speaks TLS and HTTP/2 on the socket, and a renewed
        certificate is used at once, while streams stay open.
        """
        block = _PAGE.read_text("utf-8").split("```ini\n[Service]\n")[1].partition("```")[0]
        self.edited = re.findall("^Environment=(.*)$", block, re.M)
        tls = self.home.joinpath("etc", "tls")
        tls.mkdir()
        certificate, key = write_certificate(tls)
        certificate.rename(tls / "cert.pem")
        key.rename(tls / "key.pem")
        program = self.start()
        url = f"https://localhost:{self.port}/events"
        follower = CurlStream("-k", "--http2", f"{url}?topic=news")
        self.addCleanup(follower.close)
        follower.wait_for("stream-open")

        before = ssl.get_server_certificate(("127.0.0.1", self.port))
        renewed, new_key = write_certificate(self.home)
        new_key.rename(tls / "key.pem")
        renewed.rename(tls / "cert.pem")
        eventually(
            lambda: ssl.get_server_certificate(("127.0.0.1", self.port)) != before, "not renewed"
        )
        curl("-k", url, "-H", f"Authorization: Bearer {TOKEN}", "-d", "topic=news", "-d", "data=x")

        follower.wait_for("data: x")
        follower.close()
        self.stop(program)

    def test_reload(self) -> None:
        """
        ``ExecReload`` makes the hub read the tokens again, and tell systemd.
        """
        program = self.start()
        (reload,) = _settings("sse.service")["ExecReload"]
        self.assertEqual(re.split(" +", reload)[1:], ["-HUP", "$MAINPID"])
        self.home.joinpath("credentials", "tokens").write_text("another-token", "utf-8")
        program.send_signal(signal.SIGHUP)
        self.state("RELOADING=1")
        self.state("READY=1")

        eventually(lambda: self.publishes("another-token") == 200, "the token is not known")
        self.assertEqual(self.publishes(TOKEN), 401)
        self.stop(program)

    def publishes(self, token: str) -> int:
        """
        The status of a publication with *token*.
        """
        answer = curl(
            f"{self.url}/events",
            *("--header", f"Authorization: Bearer {token}"),
            *("--data", "topic=news&data=x"),
        )
        return answer.status
