"""
Several hubs on one PostgreSQL act as one hub, and programs publish with SQL.
"""

import json
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.commands import Done, run_command
from tests.support.curl import Answer, curl
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.postgres_server import PostgresServer
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually
from twisted_sse.history.postgres.schema import NEWEST, Schema

__all__ = ["HubTests"]

_GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "postgresql.md"

# No log may contain it.
_PASSWORD = "correct-horse-battery-staple"


class HubTests(SynchronousTestCase):
    """
    Two hubs.
    """

    server: PostgresServer
    hubs: list[HubProcess]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share them.
        """
        cls.server = PostgresServer()
        cls.addClassCleanup(cls.server.end)
        cls.url = cls.server.url.replace("postgres@", f"postgres:{_PASSWORD}@")
        cls.installed = [run_command("history", cls.url, "--install") for _ in range(2)]
        options = ("--history", cls.url, "--keepalive", "1")
        with ThreadPoolExecutor() as pool:
            cls.hubs = list(pool.map(lambda _: HubProcess(*options), range(2)))
        for hub in cls.hubs:
            cls.addClassCleanup(hub.stop)
            # The log of an outage has a warning, which `stop` does not allow.
            cls.addClassCleanup(hub.signal, signal.SIGTERM)

    def subscribe(self, hub: HubProcess, *headers: str) -> RawStream:
        """
        Subscribe to the topic "news".
        """
        stream = RawStream(hub.port, "/events?topic=news", *headers)
        self.addCleanup(stream.close)
        stream.named("stream-open")
        return stream

    def post(self, hub: HubProcess, data: str) -> Answer:
        """
        Publish one event to the topic "news".
        """
        return curl(
            f"{hub.url}/events",
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *("--header", "Content-Type: application/json"),
            *("--data", json.dumps({"topic": "news", "data": data})),
        )

    def wait_for_status(self, status: int) -> None:
        """
        Wait until ``/readyz`` of both hubs answers with *status*.
        """
        for hub in self.hubs:
            eventually(
                lambda url=hub.url: curl(f"{url}/readyz").status == status,  # type: ignore[misc]
                f"/readyz is not {status}",
            )

    def history(self, *arguments: str, stdin: str | None = None) -> Done:
        """
        Run ``twisted-sse history``, which succeeds.
        """
        done = run_command("history", *arguments, stdin=stdin)
        self.assertEqual(done.status, 0, done.err)
        return done

    def test_installed(self) -> None:
        """
        --install says what it has done, and repeating it changes nothing.
        """
        said = [(done.status, done.err) for done in self.installed]

        self.assertEqual(
            said, [(0, "Installed.\n"), (0, "It is installed already, and up to date.\n")]
        )

    def test_everywhere(self) -> None:
        """
        What is posted to any hub, or committed by a program, reaches the subscribers of both
        hubs, in one order, and a subscriber resumes at the other hub.
        """
        streams = [self.subscribe(hub) for hub in self.hubs]
        first = self.post(self.hubs[0], "one").json()["id"]
        received = [stream.data(1) for stream in streams]
        self.server.sql("SELECT twisted_sse.publish(ARRAY['news'], 'two')")
        received += [stream.data(1) for stream in streams]
        self.post(self.hubs[1], "three")
        received += [stream.data(1) for stream in streams]
        resumed = self.subscribe(self.hubs[1], f"Last-Event-ID: {first}")

        self.assertEqual(received, [["one"], ["one"], ["two"], ["two"], ["three"], ["three"]])
        self.assertEqual(resumed.data(2), ["two", "three"])

    def test_documented(self) -> None:
        """
        The SQL in the documentation does what it says.
        """
        text = _GUIDE.read_text("utf-8")
        self.server.sql(
            "CREATE TABLE orders (id int PRIMARY KEY, state text);"
            "CREATE ROLE shop LOGIN; CREATE ROLE hub LOGIN"
        )
        token = f"Authorization: Bearer {TOKEN}"
        stream = RawStream(self.hubs[0].port, "/events?topic=orders%2F7", token)
        self.addCleanup(stream.close)
        stream.named("stream-open")
        blocks = re.findall("^```sql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for block in blocks:
            self.server.sql(block)
        self.server.sql("UPDATE orders SET state = 'paid'")
        event = stream.named("order")
        change = stream.named("update")

        self.assertEqual(len(blocks), 4)
        self.assertEqual(event.json(), {"state": "new"})
        self.assertEqual(change.json(), {"id": 7, "state": "paid"})
        # This raises an error unless the role may publish.
        self.server.sql("SELECT twisted_sse.publish(ARRAY['a'], 'x')", user="shop")

    def test_outage(self) -> None:
        """
        While PostgreSQL is away, hubs are not ready, publishers are told that nothing was kept,
        and subscribers stay; then everything goes on, and the log has two lines.
        """
        streams = [self.subscribe(hub) for hub in self.hubs]
        self.post(self.hubs[0], "before")
        before = [stream.data(1) for stream in streams]
        self.server.kill()
        self.wait_for_status(503)
        refused = self.post(self.hubs[0], "refused")
        comments = [stream.next().comment for stream in streams]
        self.server.restart()
        self.wait_for_status(200)
        taken = self.post(self.hubs[1], "after")

        self.assertEqual((refused.status, refused.json()["kept"]), (503, "no"))
        self.assertGreater(int(refused.headers["retry-after"]), 0)
        self.assertEqual(taken.status, 200)
        self.assertEqual((before, comments), ([["before"]] * 2, ["", ""]))
        self.assertEqual([stream.data(1) for stream in streams], [["after"]] * 2)
        for hub in self.hubs:
            eventually(lambda hub=hub: "is available again" in hub.log, "no end in the log")  # type: ignore[misc]
            self.assertEqual(hub.log.count("is not available: "), 1, hub.log)
            self.assertNotIn(_PASSWORD, hub.log)
            self.assertNotIn("Traceback", hub.log)

    def test_moved(self) -> None:
        """
        What is exported can be imported into another schema, with everything, and is described.
        """
        lines = [
            {"topic": ["news", "é"], "data": "one\ntwo", "event": "kind", "id": "mine"},
            {"topic": ["news"], "data": "secret", "private": True, "retry": 5},
            {"topic": ["news"], "comment": "only"},
            {"topic": ["news"], "data": "over", "end": "failed"},
        ]
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        stores = [f"{self.url},schema={name}" for name in ("first", "second")]
        for name in ("first", "second"):
            self.server.sql(Schema(name).script())
        self.history(stores[0], "import", stdin=text)
        exported = self.history(stores[0], "export").out
        self.history(stores[1], "import", stdin=exported)
        shown = json.loads(self.history(stores[1], "--json").out)

        found = [json.loads(line) for line in exported.splitlines()]
        self.assertEqual([line.pop("time", "")[:2] for line in found], ["20"] * 4)
        ids = [line.pop("event_id") for line in found]
        self.assertEqual(ids[0], "mine")
        self.assertEqual(found, lines)
        columns = "topics, event, data, id, private, outcome"
        self.assertEqual(
            self.server.sql(f"SELECT {columns} FROM second.history ORDER BY number"),
            [
                (["news", "é"], "kind", "one\ntwo", "mine", False, None),
                (["news"], None, "secret", None, True, None),
                (["news"], None, None, None, False, None),
                (["news"], None, "over", None, False, "failed"),
            ],
        )
        self.assertEqual((shown["events"], shown["oldest"]["id"]), (4, "mine"))
        self.assertGreater(shown["bytes"], 300)

    def test_printed(self) -> None:
        """
        The SQL of --print-sql can be run by psql, and installs the same.
        """
        script = Path(self.mktemp())
        printed = self.history(f"{self.url},schema=printed", "--print-sql").out
        script.write_text(printed, "utf-8")
        done = subprocess.run(
            ["psql", self.server.url, "-v", "ON_ERROR_STOP=1", "-q", "-f", str(script)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

        self.assertEqual((done.returncode, done.stderr), (0, ""))
        newest = self.server.sql("SELECT max(version) FROM printed.migration")
        self.assertEqual(newest, [(NEWEST,)])

    def test_stopped(self) -> None:
        """
        A hub ends in good order.
        """
        hub = HubProcess("--history", self.url)
        self.addCleanup(hub.stop)

        self.assertEqual(hub.signal(signal.SIGTERM), 0, hub.log)
        eventually(lambda: len(self.server.backends()) == 6, "a hub has left a connection")
