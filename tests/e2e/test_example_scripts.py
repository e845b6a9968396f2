"""
Examples that are no programs in Python: scripts, an application file, and publishers in other
languages.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import curl
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.processes import Background, find_program, find_twistd
from tests.support.redis_server import RedisServer
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["EXAMPLES", "PublisherTests", "ScriptTests", "SiteTests"]

_FOLDER = Path(__file__).resolve().parents[2] / "examples"

#: The files of the examples that are tested here, and the folder ``express``.
EXAMPLES = ("edge.sh", "publish.php", "site.tac", "two_nodes.sh")

# npm has to fetch Express: 3 MB.
_NPM_PATIENCE = 240.0


class SiteTests(SynchronousTestCase):
    """
    The application file.
    """

    def test_time(self) -> None:
        """
        twistd serves it, and its streams end cleanly when it stops.
        """
        port, path = free_port(), str(_FOLDER / "site.tac")
        twistd = [find_twistd(), "-n", "--pidfile=", "-y", path]
        program = Background(["env", f"PORT={port}", *twistd])
        self.addCleanup(program.end)
        eventually(lambda: f"Site starting on {port}" in program.output(), "it does not listen")
        stream = RawStream(port, "/events")
        self.addCleanup(stream.close)
        (data,) = stream.data(1)
        program.send_signal(signal.SIGTERM)
        stream.rest()

        self.assertIn('"time"', data)
        self.assertTrue(stream.complete)
        program.wait()
        self.assertIn("Server Shut Down.", program.output())


class ScriptTests(SynchronousTestCase):
    """
    The scripts that run two hubs.
    """

    def run_script(self, name: str, *arguments: str) -> list[str]:
        """
        Run a script on two free ports, and return the data that its readers have got.
        """
        find_program("curl", "curl")
        path = f"{Path(find_twistd()).parent}{os.pathsep}{os.environ['PATH']}"
        ports = [str(free_port()) for _ in range(2)]
        script = ["sh", str(_FOLDER / name), *ports, *arguments]
        program = Background(["env", f"PATH={path}", *script])
        self.addCleanup(program.end)
        # It starts two hubs and two readers.
        self.assertEqual(program.process.wait(3 * PATIENCE), 0, program.output())
        lines = program.output().splitlines()
        return [line for line in lines if line.startswith("data: ") and "resumed" not in line]

    def test_two_nodes(self) -> None:
        """
        What is published at one hub is read at the other, and a reader continues there.
        """
        redis = RedisServer()
        self.addCleanup(redis.end)

        data = self.run_script("two_nodes.sh", redis.url)

        self.assertEqual(data, ["data: one", "data: two"])

    def test_edge(self) -> None:
        """
        What is published at the hub is read at the edge, and the other way around.
        """
        data = self.run_script("edge.sh")

        self.assertEqual(data, ["data: one", "data: two"])


class PublisherTests(SynchronousTestCase):
    """
    Programs in other languages that publish to a hub.
    """

    hub: HubProcess

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start the hub.
        """
        cls.hub = HubProcess()
        cls.addClassCleanup(cls.hub.stop)

    def follow(self, topic: str) -> RawStream:
        """
        Open a stream of the hub.
        """
        stream = RawStream(self.hub.port, f"/events?topic={topic}")
        self.addCleanup(stream.close)
        stream.named("stream-open")
        return stream

    def test_php(self) -> None:
        """
        PHP publishes an event, and exits with status 1 if it is refused.
        """
        php, script = find_program("php", "php-cli"), str(_FOLDER / "publish.php")
        stream = self.follow("news")
        outcomes = []
        for token in (TOKEN, "wrong"):
            words = [php, script, f"{self.hub.url}/events", "news", "from PHP"]
            program = Background(["env", f"TOKEN={token}", *words])
            self.addCleanup(program.end)
            outcomes.append((program.wait(), program.output()))
        event = stream.next()

        self.assertEqual(event.data, '{"text":"from PHP"}')
        self.assertEqual(outcomes[0], (0, f"{event.id} was handed to 1 subscribers\n"))
        self.assertEqual(outcomes[1][0], 1)
        self.assertIn('"status": 401', outcomes[1][1])

    def test_express(self) -> None:
        """
        The shop in Express publishes its orders.
        """
        node, npm = find_program("node", "nodejs"), find_program("npm", "npm")
        directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(directory.cleanup)
        home = Path(directory.name)
        for name in ("package.json", "shop.js"):
            shutil.copy(_FOLDER / "express" / name, home)
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=home, check=True, timeout=_NPM_PATIENCE)
        port = free_port()
        settings = [f"HUB={self.hub.url}/events", f"TOKEN={TOKEN}", f"PORT={port}"]
        program = Background(["env", *settings, node, str(home / "shop.js")])
        self.addCleanup(program.end)
        eventually(lambda: "The shop is at" in program.output(), "it does not listen")
        stream = self.follow("orders")
        kind = "Content-Type: application/json"
        url = f"http://localhost:{port}/orders"
        answer = curl(url, "--header", kind, "--data", '{"item": "bread"}')
        event = stream.named("ordered")

        self.assertEqual((answer.status, json.loads(answer.body)), (201, {"id": event.id}))
        self.assertEqual(event.json(), {"item": "bread"})
