"""
``twisted-sse connections`` and ``twisted-sse top`` against a hub.
"""

import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress as suppressed
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.commands import Done, Running, run_command
from tests.support.curl import publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE

__all__ = ["ConnectionsTests", "TopTests"]


class _AdminTestCase(SynchronousTestCase):
    hub: HubProcess
    admin: str

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share a hub, whose admin endpoint needs a token.
        """
        port = free_port()
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        tokens = Path(directory.name, "tokens")
        tokens.write_text(f"{TOKEN}\n", "utf-8")
        cls.hub = HubProcess("--admin", str(port), "--admin-token-file", str(tokens))
        cls.addClassCleanup(cls.hub.stop)
        cls.admin = f"localhost:{port}"

    def subscribe(self, *targets: str) -> None:
        """
        Open streams.
        """
        for target in targets:
            stream = RawStream(self.hub.port, f"/events?{target}")
            self.addCleanup(stream.close)
            stream.named("stream-open")


class ConnectionsTests(_AdminTestCase):
    """
    ``twisted-sse connections``.
    """

    def ask(self, *options: str) -> Done:
        """
        Run the command.
        """
        done = run_command("connections", self.admin, *options)
        self.assertEqual(done.status, 0, done.err)
        return done

    def test_table(self) -> None:
        """
        People are shown a table.
        """
        self.subscribe("topic=b", "topic=a", "topic=c")

        done = self.ask("--sort", "topics", "--count", "2")

        heads, *rows = done.out.splitlines()
        self.assertTrue(heads.startswith("user  address"))
        self.assertEqual([row.split()[2] for row in rows], ["a", "b"])
        self.assertEqual(done.err, "These are 2 of 3 connections.\n")

    def test_json(self) -> None:
        """
        Scripts are given all connections, page by page, each once.
        """
        self.subscribe(*["topic=page"] * 5, "topic=else")

        done = self.ask("--topic", "page", "--json")

        rows = [json.loads(line) for line in done.out.splitlines()]
        self.assertEqual(len({row["id"] for row in rows}), 5)
        self.assertEqual({tuple(row["topics"]) for row in rows}, {("page",)})

    def test_refused(self) -> None:
        """
        A missing token, a bad filter and a wrong URL are told in one sentence.
        """
        url = f"localhost:{self.hub.port}"
        cases = [
            ((self.admin,), None, 2, "Pass a token of --admin-token-file with --token-file."),
            ((self.admin, "--state", "asleep"), TOKEN, 2, "state is one of opening, live"),
            ((url,), TOKEN, 2, "Pass the URL of --admin, which is not that of the hub."),
            (("localhost:1",), TOKEN, 3, "cannot be reached: "),
        ]
        for arguments, token, status, sentence in cases:
            done = run_command("connections", *arguments, token=token)

            self.assertEqual((done.status, done.out), (status, ""), done.err)
            self.assertIn(sentence, done.err)
            self.assertEqual(len(done.err.splitlines()), 1, done.err)


class TopTests(_AdminTestCase):
    """
    ``twisted-sse top``.
    """

    def test_lines(self) -> None:
        """
        Without a terminal, each second is a line.
        """
        self.subscribe("topic=a")

        done = run_command("top", self.admin, "--count", "2")

        lines = done.out.splitlines()
        self.assertEqual((done.status, len(lines), done.err), (0, 2, ""))
        self.assertTrue(lines[1].startswith("connections 1, opened/s 0"), lines[1])

    def test_json(self) -> None:
        """
        With --json, each second is an object; Ctrl-C ends it with status 0.
        """
        running = Running("top", self.admin, "--json")
        self.addCleanup(running.close)
        running.line()
        publish(self.hub.url, TOKEN, "a", "one", "two")
        seconds = [json.loads(running.line()) for _ in range(2)]
        done = running.end(signal.SIGINT)

        self.assertEqual(sum(second["published"] > 0 for second in seconds), 1)
        self.assertEqual((done.status, done.err), (0, ""))

    def test_screen(self) -> None:
        """
        In a terminal, the numbers and the connections are written again and again.
        """
        self.subscribe("topic=on/the/screen")
        primary, secondary = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
        with subprocess.Popen(
            [sys.executable, "-m", "twisted_sse", "top", self.admin, "--count", "2"],
            stdin=secondary,
            stdout=secondary,
            stderr=subprocess.PIPE,
            env={**environment, "TWISTED_SSE_TOKEN": TOKEN},
        ) as program:
            os.close(secondary)
            shown = b""
            # Linux reports the end of the terminal as an error.
            with suppressed(OSError):
                while data := os.read(primary, 65536):
                    shown += data
            os.close(primary)
            status = program.wait(PATIENCE)

        self.assertEqual(status, 0)
        text = shown.decode()
        self.assertGreaterEqual(text.count("on/the/screen"), 2)
        self.assertIn("published/s", text)
        # The cursor goes up, so that the next lines replace these.
        self.assertRegex(text, "\x1b\\[1A|\x1b\\[\\d+A")

    def test_unreachable(self) -> None:
        """
        A hub that is not there is told at once.
        """
        done = run_command("top", "localhost:1")

        self.assertEqual((done.status, len(done.err.splitlines())), (3, 1), done.err)
        self.assertIn("cannot be reached", done.err)

    def test_wrong(self) -> None:
        """
        So is the URL of something else.
        """
        done = run_command("top", f"localhost:{self.hub.port}")

        self.assertEqual(done.status, 2)
        self.assertIn("Pass the URL of --admin, which is not that of the hub.", done.err)
