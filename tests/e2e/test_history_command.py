"""
``twisted-sse history``, beside running hubs and without them.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.commands import Done, Running, run_command
from tests.support.curl import publish
from tests.support.hub_process import TOKEN, HubProcess, run_twistd
from tests.support.redis_server import RedisServer
from tests.support.streams import RawStream
from tests.support.waiting import eventually
from twisted_sse.events.publication import Publication
from twisted_sse.history.sqlite.store import Store
from twisted_sse.history.sqlite.trim import DEFAULT_BOUNDS

__all__ = ["BackupTests", "MemoryTests", "MoveTests", "RunningHubTests"]


class HistoryTestCase(SynchronousTestCase):
    """
    A test case with a directory, hubs, and the command.

    Attributes:
        path: The file of a history, which does not exist.
    """

    def setUp(self) -> None:
        """
        Make the directory.
        """
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.home = Path(home.name)
        self.path = self.home / "events.db"

    def hub(self, history: str) -> HubProcess:
        """
        Start a hub that is stopped after the test.
        """
        hub = HubProcess("--history", history)
        self.addCleanup(hub.stop)
        return hub

    def history(self, *arguments: str, stdin: str | None = None) -> Done:
        """
        Run the command, which succeeds.
        """
        done = run_command("history", *arguments, stdin=stdin)
        self.assertEqual(done.status, 0, done)
        return done

    def exported(self, history: str) -> list[dict[str, Any]]:
        """
        Return the exported lines.
        """
        return [json.loads(line) for line in self.history(history, "export").out.splitlines()]

    def refused(self, *arguments: str, stdin: str | None = None) -> Done:
        """
        Run the command, which fails with one sentence.
        """
        done = run_command("history", *arguments, stdin=stdin)
        self.assertNotEqual(done.status, 0, done)
        self.assertNotIn("Traceback", done.err)
        return done


class RunningHubTests(HistoryTestCase):
    """
    The command beside a hub that uses the store.
    """

    def test_sqlite(self) -> None:
        """
        A file is shown and exported, private events included, and the hub goes on; an import
        is refused in one sentence.
        """
        hub = self.hub(f"sqlite:{self.path}")
        ids = publish(hub.url, TOKEN, "news", "one", "two")
        history = f"sqlite:{self.path}"

        shown = json.loads(self.history(history, "--json").out)
        lines = self.exported(history)
        done = self.refused(history, "import", stdin='{"topic": "news", "data": "three"}\n')
        more = publish(hub.url, TOKEN, "news", "four")

        self.assertEqual((shown["events"], shown["topics"]), (2, 1))
        self.assertEqual([shown["oldest"]["id"], shown["newest"]["id"]], ids)
        self.assertEqual(
            [(one["event_id"], one["data"]) for one in lines],
            list(zip(ids, ["one", "two"], strict=True)),
        )
        self.assertEqual(done.status, 1)
        self.assertEqual(
            done.err,
            f"twisted-sse history: {os.path.realpath(self.path)!r} is in use by another hub.\n",
        )
        self.assertEqual([one["event_id"] for one in self.exported(history)], [*ids, *more])

    def test_upstream(self) -> None:
        """
        A hub that keeps its history in memory is shown, exported and imported through itself.
        """
        hub = self.hub("memory:")
        token = self.home / "token"
        token.write_text(TOKEN)
        history = f"upstream:{hub.url}/events,token-file={token}"
        stream = RawStream(hub.port, "/events?topic=news")
        self.addCleanup(stream.close)
        stream.named("stream-open")

        self.history(
            history,
            "import",
            stdin='{"topic": "news", "data": "one", "id": "own"}\n'
            '{"topic": "news", "data": "two"}\n',
        )
        lines = self.exported(history)
        shown = self.history(history).out

        self.assertEqual(stream.data(2), ["one", "two"])
        self.assertEqual(
            [(one.get("id"), one["data"]) for one in lines], [("own", "one"), (None, "two")]
        )
        self.assertIn("events   2\n", shown)
        self.assertIn("oldest   own\n", shown)

    def test_redis(self) -> None:
        """
        What is imported into Redis is sent by the hubs that share it, at once.
        """
        server = RedisServer()
        self.addCleanup(server.end)
        hub = self.hub(server.url)
        stream = RawStream(hub.port, "/events?topic=news")
        self.addCleanup(stream.close)
        stream.named("stream-open")

        done = self.history(server.url, "import", stdin='{"topic": "news", "data": "one"}\n')

        self.assertEqual(stream.data(1), ["one"])
        self.assertIn("Imported 1 event in ", done.err)
        shown = json.loads(self.history(server.url, "--json").out)
        self.assertEqual((shown["events"], shown["topics"]), (1, 1))

    def test_away(self) -> None:
        """
        A store that cannot be reached is a sentence, and status 3.
        """
        for arguments in ([], ["import"]):
            with self.subTest(arguments=arguments):
                done = self.refused("redis://127.0.0.1:1/0", *arguments, stdin="")
                self.assertEqual(done.status, 3)
                self.assertIn("Redis at 127.0.0.1:1", done.err)


class MoveTests(HistoryTestCase):
    """
    ``export`` and ``import`` between stores.
    """

    def test_there_and_back(self) -> None:
        """
        From SQLite to Redis and back, everything but the IDs that the stores make is the same.
        """
        server = RedisServer()
        self.addCleanup(server.end)
        hub = self.hub(f"sqlite:{self.path}")
        publish(hub.url, TOKEN, "news", "one", "two")
        body = json.dumps(
            {
                "topic": ["a", "é/1"],
                "data": "x\ny\u2028",
                "event": "t",
                "id": "own",
                "retry": 5,
                "private": True,
            }
        )
        run_command("publish", f"{hub.url}/events", "--ndjson", stdin=f"{body}\n")
        hub.stop()
        first, second = f"sqlite:{self.path}", f"sqlite:{self.home / 'new.db'}"
        file = str(self.home / "moved.ndjson")

        self.history(first, "export", file)
        self.history(server.url, "import", file)
        self.pipe(server.url, second)

        there = [self.exported(one) for one in (first, server.url, second)]
        self.assertEqual(there[0][2]["id"], "own")
        self.assertEqual(len({line["event_id"] for lines in there for line in lines}), 2 * 3 + 1)
        without = [[self.given(line) for line in lines] for lines in there]
        self.assertEqual(without[1:], [without[0]] * 2)

    def test_bad_line(self) -> None:
        """
        A bad line ends the import with its number and status 2; the lines before it are kept.
        """
        lines = '{"topic": "a", "data": "1"}\n{"topic": "a", "dta": "2"}\n'

        done = self.refused(f"sqlite:{self.path}", "import", stdin=lines)

        self.assertEqual(done.status, 2)
        self.assertIn("Line 2: Unknown key 'dta'", done.err)
        self.assertEqual([one["data"] for one in self.exported(f"sqlite:{self.path}")], ["1"])

    def test_small_bounds(self) -> None:
        """
        If the bounds of the store are too small for what is imported, that is told.
        """
        lines = '{"topic": "a", "data": "1"}\n' * 2000

        done = self.history(f"sqlite:{self.path},events=100", "import", stdin=lines)

        self.assertRegex(done.err, r"has forgotten [0-9]+ of them already, because of its bounds")

    def test_interrupted(self) -> None:
        """
        Ctrl-C ends an import with status 130, and a sentence.
        """
        running = Running("history", f"sqlite:{self.path}", "import")
        self.addCleanup(running.close)
        running.write('{"topic": "a", "data": "1"}\n')
        eventually(self.path.exists, "nothing is imported")

        done = running.end(signal.SIGINT)

        self.assertEqual(done.status, 130)
        self.assertIn("Interrupted.", done.err)
        self.assertNotIn("Traceback", done.err)

    def given(self, line: dict[str, Any]) -> dict[str, Any]:
        """
        Return *line* without what the store has made.
        """
        return {name: one for name, one in line.items() if name not in ("event_id", "time")}

    def pipe(self, source: str, target: str) -> None:
        """
        Export *source* into the import of *target*.
        """
        program = f"{sys.executable} -m twisted_sse history"
        subprocess.run(
            f"{program} '{source}' export | {program} '{target}' import",
            shell=True,
            check=True,
            stderr=subprocess.DEVNULL,
        )


class BackupTests(HistoryTestCase):
    """
    A backup of a running hub, more publications, and a restore.
    """

    def setUp(self) -> None:
        """
        Back up after two events of four.
        """
        super().setUp()
        self.running = self.hub(f"sqlite:{self.path}")
        self.before = publish(self.running.url, TOKEN, "news", "one", "two")
        self.backup = self.home / "backup.db"
        self.history(f"sqlite:{self.path}", "backup", str(self.backup))
        self.lost = publish(self.running.url, TOKEN, "news", "three", "four")

    def started(self, last: str) -> RawStream:
        """
        Follow after the event *last*.
        """
        stream = RawStream(self.running.port, "/events?topic=news", f"Last-Event-ID: {last}")
        self.addCleanup(stream.close)
        return stream

    def test_restored(self) -> None:
        """
        An ID of the backup resumes exactly; one of the lost part is answered by
        stream-reset, also after as many new events were published.
        """
        self.running.signal(signal.SIGTERM)
        self.path.write_bytes(self.backup.read_bytes())
        self.running.restart()
        for last in self.lost:
            self.assertEqual(self.started(last).named("stream-reset").json()["lastEventID"], last)
        publish(self.running.url, TOKEN, "news", "five", "six", "seven")

        for last in self.lost:
            self.started(last).named("stream-reset")
        stream = self.started(self.before[0])
        self.assertEqual(stream.named("stream-open").json()["resumed"], True)
        self.assertEqual(stream.data(4), ["two", "five", "six", "seven"])

    def test_left_log(self) -> None:
        """
        If the hub was killed and its log was left beside the backup, the next start says so
        in one sentence, and works when that is removed.
        """
        self.running.kill()
        self.path.write_bytes(self.backup.read_bytes())

        done = run_twistd("--port", "0", "--history", f"sqlite:{self.path}")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"remove '{os.path.realpath(self.path)}-wal' and", done.stderr + done.stdout)
        self.assertNotIn("Traceback", done.stderr + done.stdout)

        for suffix in ("-wal", "-shm"):
            os.unlink(f"{self.path}{suffix}")
        self.running.restart()
        self.started(self.lost[1]).named("stream-reset")


class MemoryTests(HistoryTestCase):
    """
    How much memory an export takes.
    """

    def test_export(self) -> None:
        """
        It takes about as much for fifty thousand events as for a hundred.
        """
        small = self.peak(self.fill("small.db", 100))
        large = self.peak(self.fill("large.db", 50_000))

        self.assertLess(large - small, 8 << 20)

    def fill(self, name: str, count: int) -> str:
        """
        Write a history of *count* events.
        """
        path = self.home / name
        store = Store(str(path), "normal", DEFAULT_BOUNDS)
        batch: Sequence[Publication] = [Publication.of("a", "x" * 500)] * 100
        for _ in range(count // 100):
            store.append(batch, 1.0)
        store.close()
        return f"sqlite:{path}"

    def peak(self, history: str) -> int:
        """
        Return the most memory that an export of *history* takes, in bytes.
        """
        with (self.home / "out").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "twisted_sse", "history", history, "export"],
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        self.assertEqual(status, 0)
        return usage.ru_maxrss * 1024
