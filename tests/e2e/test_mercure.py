"""
Mercure, as its clients see it: the conformance suite, and clients of other languages.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.mercure.running import run
from tests.mercure.tokens import NEW, OLD, Keys, Token
from tests.support.hub_process import HubProcess
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.waiting import PATIENCE, eventually

__all__ = ["ClientTests", "ConformanceTests", "MercureHub"]

ISSUER = "https://login.example"
PUBLISHER = "the key of publishers, which has at least 256 bits"
SUBSCRIBER = "the key of subscribers, which has at least 256 bits"

CLIENTS = Path(__file__).resolve().parent.parent / "mercure" / "clients"

# The Symfony component, as Debian installs it.
SYMFONY = Path("/usr/share/php/Symfony/Component/Mercure/autoload.php")

# npm has to fetch a package.
NPM_PATIENCE = 120.0


class MercureHub:
    """
    A hub with one key for publishers, and another for subscribers.

    Args:
        options: Further options of ``twistd sse``.

        parties: Whether tokens must name their issuer and this hub.

    Attributes:
        url: The URL of the hub.

        keys: The keys, as the suite takes them.
    """

    def __init__(self, *options: str, parties: bool = True) -> None:
        self._directory = tempfile.TemporaryDirectory()
        port = free_port()
        origin = f"http://localhost:{port}"
        self.url = f"{origin}/.well-known/mercure"
        self.keys = Keys(PUBLISHER, SUBSCRIBER, ISSUER, self.url)
        given = ["--public-url", origin, *options]
        for role, key in (("publisher", PUBLISHER), ("subscriber", SUBSCRIBER)):
            path = Path(self._directory.name, role)
            path.write_text(key, "utf-8")
            given += [f"--jwt-{role}-key-file", str(path)]
        if parties:
            given += ["--jwt-issuer", ISSUER, "--jwt-audience", self.url]
        self._process = HubProcess(*given, port=port, token=None)

    def stop(self) -> None:
        """
        Stop it.
        """
        self._process.stop()
        self._directory.cleanup()


class ConformanceTests(SynchronousTestCase):
    """
    The conformance suite.
    """

    def assert_conformant(self, hub: MercureHub, versions: Sequence[str], least: int) -> None:
        """
        Assert that *hub* passes all cases of *versions*, of which there are at least *least*.
        """
        self.addCleanup(hub.stop)
        results = list(run(hub.url, hub.keys, versions))

        self.assertEqual([one for one in results if one.fault is not None], [])
        self.assertGreaterEqual(len(results), least)

    def test_both_versions(self) -> None:
        """
        A hub that speaks both versions passes all cases.
        """
        self.assert_conformant(MercureHub("--subscriptions", "yes"), [OLD, NEW], 450)

    def test_old_version(self) -> None:
        """
        A hub that speaks only version 0.x passes its cases, without issuer and audience.
        """
        options = ["--protocol", "mercure-0.x", "--subscriptions", "yes"]
        self.assert_conformant(MercureHub(*options, parties=False), [OLD], 200)

    def test_new_version(self) -> None:
        """
        A hub that speaks only version 1.0 passes its cases.
        """
        options = ["--protocol", "mercure-1.0", "--subscriptions", "yes"]
        self.assert_conformant(MercureHub(*options), [NEW], 200)


class ClientTests(SynchronousTestCase):
    """
    Symfony's Mercure component publishes, and the npm package eventsource subscribes; both
    are as their authors published them.
    """

    hub: MercureHub
    home: Path
    php: str
    node: str

    @classmethod
    def setUpClass(cls) -> None:
        """
        Install the subscriber, and start a hub.
        """
        cls.php = find_program("php", "php-cli")
        if not SYMFONY.exists():
            raise SkipTest("This test needs php-symfony-mercure: install that Debian package.")
        cls.node, npm = find_program("node", "nodejs"), find_program("npm", "npm")
        directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(directory.cleanup)
        cls.home = Path(directory.name)
        for name in ("package.json", "subscribe.mjs"):
            (cls.home / name).write_bytes((CLIENTS / name).read_bytes())
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=cls.home, check=True, timeout=NPM_PATIENCE)
        cls.hub = MercureHub(parties=False)
        cls.addClassCleanup(cls.hub.stop)

    def publish(self, topic: str, data: str, *private: str) -> str:
        """
        Publish by Symfony, and return the ID.
        """
        script = CLIENTS / "publish.php"
        command = [self.php, str(script), self.hub.url, PUBLISHER, topic, data, *private]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def subscribe(self, topic: str, number: int, *token: str) -> "Lines":
        """
        Subscribe by eventsource.
        """
        script = str(self.home / "subscribe.mjs")
        lines = Lines([self.node, script, self.hub.url, topic, str(number), *token])
        self.addCleanup(lines.end)
        lines.wait_for(1)
        return lines

    def test_public(self) -> None:
        """
        What Symfony publishes arrives with its ID and its type.
        """
        subscriber = self.subscribe("https://example.com/books/{id}", 1)
        event_id = self.publish("https://example.com/books/1", '{"title":"é"}')

        opened, event = subscriber.wait_for(2)
        self.assertEqual(opened, {"open": True})
        self.assertEqual(event, {"type": "update", "id": event_id, "data": '{"title":"é"}'})

    def test_private(self) -> None:
        """
        What is private arrives only at a subscriber whose token grants it.
        """
        topic = "https://example.com/private"
        token = self.hub.keys.sign(Token(subscribe=(topic,), key="subscriber"), OLD)
        granted, other = self.subscribe(topic, 2, token), self.subscribe(topic, 1)
        ids = [self.publish(topic, "secret", "private"), self.publish(topic, "open")]

        self.assertEqual([one["id"] for one in granted.wait_for(3)[1:]], ids)
        self.assertEqual([one["data"] for one in other.wait_for(2)[1:]], ["open"])


class Lines(Background):
    """
    A program that prints lines of JSON.
    """

    def wait_for(self, number: int) -> list[Any]:
        """
        Wait until it has printed *number* lines.
        """
        lines = eventually(
            lambda: self._whole(number), f"{number} lines are not printed: {self.output()}"
        )
        return [json.loads(line) for line in lines]

    def _whole(self, number: int) -> list[str]:
        lines = [one for one in self.output().splitlines(keepends=True) if one.endswith("\n")]
        return lines if len(lines) >= number else []
