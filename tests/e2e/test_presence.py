"""
Who is on a topic: at a real hub, at three of them on one Redis, and at two on one PostgreSQL.
"""

import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.commands import run_command
from tests.support.curl import curl
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.postgres_server import PostgresServer
from tests.support.processes import Background
from tests.support.redis_server import RedisServer
from tests.support.streams import RawStream
from tests.support.waiting import eventually

__all__ = ["NodesTests", "ReconnectTests", "StandaloneTests"]

# A hub whose users name themselves in a header.
_PROGRAM = """
import sys
from twisted.internet import endpoints, reactor
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web.resource import Resource
from twisted_sse import Grant, Hub, Presence
from twisted_sse.history.choice import history_for
from twisted_sse.transport.http.site import StreamSite

globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
port, grace, history = sys.argv[1:]
hub = Hub(history, presence=Presence(grace=float(grace)), retry=100)

def authorize(request):
    user = request.getHeader("X-User") or None
    return Grant(user, info={"name": user}, subscribe=["*"] if user else [], public=True)

root = Resource()
root.putChild(b"events", hub.resource(authorize))
root.putChild(b"presence", hub.presence_resource(authorize))
service = hub.service(grace=1, spread=2)
reactor.callWhenRunning(service.startService)
reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
endpoints.serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1").listen(StreamSite(root))
reactor.run()
"""

# How long after the grace the users of a hub that was killed are gone, in seconds; see
# docs/how-to/presence.md.
_BEYOND = 7.0


class Node:
    """
    A hub with presence.
    """

    def __init__(self, grace: float, history: str) -> None:
        self.port = free_port()
        arguments = [str(self.port), str(grace), history]
        self.program = Background([sys.executable, "-c", _PROGRAM, *arguments])
        eventually(lambda: "StreamSite starting on" in self.program.output(), "no hub listens")

    def open(self, user: str, query: str = "") -> RawStream:
        """
        Open a stream of *user* on the topic "room".
        """
        stream = RawStream(self.port, f"/events?topic=room{query}", f"X-User: {user}")
        stream.named("stream-open")
        return stream

    def presence(self, user: str = "eve") -> Any:
        """
        Ask who is on the topic.
        """
        header = ("--header", f"X-User: {user}") if user else ()
        return curl(*header, f"http://127.0.0.1:{self.port}/presence?topic=room").json()

    def users(self) -> list[str]:
        """
        The members, sorted.
        """
        return sorted(one["user"] for one in self.presence()["members"])


class Nodes(SynchronousTestCase):
    """
    Tests of several nodes.
    """

    def start(self, grace: float, history: str = "memory:") -> Node:
        """
        Start a node, and kill it after the test; its log must be free of errors.
        """
        node = Node(grace, history)
        self.addCleanup(node.program.end)
        self.addCleanup(lambda: self.assertNotIn("Traceback", node.program.output()))
        return node

    def open(self, node: Node, user: str, query: str = "") -> RawStream:
        """
        Open a stream, and close it after the test.
        """
        stream = node.open(user, query)
        self.addCleanup(stream.close)
        return stream

    def changes(self, watcher: RawStream, last: str) -> list[tuple[str, str]]:
        """
        What *watcher* is told until *last* joins, without the state.
        """
        found: list[tuple[str, str]] = []
        while not found or found[-1] != ("presence-join", last):
            event = watcher.next()
            if event.event in ("presence-join", "presence-leave"):
                found.append((event.event, event.json()["user"]))
        return found

    def wait_for_users(self, expected: Sequence[str], *nodes: Node) -> None:
        """
        Wait until *nodes* have exactly these members.
        """
        for node in nodes:
            eventually(lambda node=node: node.users() == sorted(expected), f"not {expected}")


class ReconnectTests(Nodes):
    """
    One hub.
    """

    def test_reconnects(self) -> None:
        """
        A thousand reconnects within the grace are neither a leave nor a join.
        """
        node = self.start(grace=10)
        watcher = self.open(node, "eve", "&presence=watch")
        watcher.named("presence-state")
        stream = node.open("ada")
        first = self.changes(watcher, "ada")
        for _ in range(1000):
            stream.close()
            stream = node.open("ada")
        self.addCleanup(stream.close)
        self.open(node, "last")

        self.assertEqual(first, [("presence-join", "ada")])
        self.assertEqual(self.changes(watcher, "last"), [("presence-join", "last")])
        self.assertEqual(node.users(), ["ada", "last"])

    def test_leave(self) -> None:
        """
        A user who does not come back leaves after the grace.
        """
        node = self.start(grace=1)
        watcher = self.open(node, "eve", "&presence=watch")
        node.open("ada").close()

        self.assertEqual(watcher.named("presence-join").json()["info"], {"name": "ada"})
        started = time.monotonic()
        self.assertEqual(watcher.named("presence-leave").json()["user"], "ada")
        self.assertGreater(time.monotonic() - started, 0.5)

    def test_counts(self) -> None:
        """
        Without a user, the answer is a count, and each stream counts.
        """
        node = self.start(grace=1)
        self.open(node, "ada")
        self.open(node, "")

        self.assertEqual(node.presence(user=""), {"topic": "room", "count": 2})
        self.assertEqual(
            node.presence(),
            {
                "topic": "room",
                "count": 2,
                "anonymous": 1,
                "members": [{"user": "ada", "info": {"name": "ada"}}],
            },
        )


class NodesTests(Nodes):
    """
    Three hubs on one Redis.
    """

    GRACE = 3.0

    def setUp(self) -> None:
        """
        Start them.
        """
        self.redis = RedisServer()
        self.addCleanup(self.redis.end)
        self.nodes = [self.start(self.GRACE, f"{self.redis.url},prefix=e2e") for _ in range(3)]

    def test_killed(self) -> None:
        """
        After kill -9 of one of three hubs, its users are gone within the grace and seven
        seconds, except those who have come back; nobody else leaves.
        """
        people = [f"user {number}" for number in range(20)]
        for user in people:
            self.open(self.nodes[0], user)
        self.open(self.nodes[1], "ada")
        watcher = self.open(self.nodes[2], "eve", "&presence=watch")
        self.wait_for_users(["ada", *people], *self.nodes)

        self.nodes[0].program.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        self.open(self.nodes[1], people[0])
        eventually(lambda: self.nodes[2].users() == ["ada", people[0]], "they are not gone")
        seconds = time.monotonic() - killed

        print(f"gone after {seconds:.1f} seconds, with a grace of {self.GRACE:g}")
        self.assertGreater(seconds, self.GRACE)
        self.assertLess(seconds, self.GRACE + _BEYOND)
        self.wait_for_users(["ada", people[0]], self.nodes[1])
        self.open(self.nodes[2], "last")
        told = [one for one in self.changes(watcher, "last") if one[0] == "presence-leave"]
        self.assertEqual(sorted(told), sorted(("presence-leave", one) for one in people[1:]))

    def test_drained(self) -> None:
        """
        Those who come back from a hub that stops to another one do not leave.
        """
        stream = self.open(self.nodes[0], "ada")
        watcher = self.open(self.nodes[2], "eve", "&presence=watch")
        self.wait_for_users(["ada"], *self.nodes)

        self.nodes[0].program.send_signal(signal.SIGTERM)
        self.nodes[0].program.wait()
        stream.rest()
        # Longer than the grace, and less than it and the spread, which is 2 seconds.
        time.sleep(self.GRACE + 1)
        self.open(self.nodes[1], "ada")
        self.open(self.nodes[2], "last")

        self.wait_for_users(["ada", "last"], *self.nodes[1:])
        told = self.changes(watcher, "last")
        self.assertEqual([one for one in told if one[0] == "presence-leave"], [])

    def test_redis_away(self) -> None:
        """
        While Redis is away, and when it comes back without its data, nobody leaves.
        """
        for node, user in zip(self.nodes, ("ada", "bob", "eve"), strict=True):
            self.open(node, user)
        watcher = self.open(self.nodes[2], "eve", "&presence=watch")
        self.wait_for_users(["ada", "bob", "eve"], *self.nodes)

        self.redis.kill()
        time.sleep(self.GRACE + _BEYOND)
        away = [node.users() for node in self.nodes]
        self.redis.restart()
        last = self.open(self.nodes[0], "last")
        self.wait_for_users(["ada", "bob", "eve", "last"], *self.nodes)
        last.close()
        self.wait_for_users(["ada", "bob", "eve"], *self.nodes)

        self.assertEqual(away, [["ada", "bob", "eve"]] * 3)
        told = self.changes(watcher, "last")
        self.assertEqual([one for one in told if one[0] == "presence-leave"], [])


class PostgresNodesTests(Nodes):
    """
    Two hubs on one PostgreSQL.
    """

    GRACE = 3.0

    def test_crash(self) -> None:
        """
        Each tells of the users of both, and when PostgreSQL is killed and comes back, without what
        it knew of presence, nobody leaves.
        """
        server = PostgresServer()
        self.addCleanup(server.end)
        run_command("history", server.url, "--install")
        nodes = [self.start(self.GRACE, server.url) for _ in range(2)]
        for node, user in zip(nodes, ("ada", "bob"), strict=True):
            self.open(node, user)
        watcher = self.open(nodes[1], "eve", "&presence=watch")
        self.wait_for_users(["ada", "bob"], *nodes)

        server.kill()
        server.restart()
        forgotten = server.sql("SELECT count(*) FROM twisted_sse.presence_change")
        last = self.open(nodes[0], "last")
        self.wait_for_users(["ada", "bob", "last"], *nodes)
        last.close()
        self.wait_for_users(["ada", "bob"], *nodes)

        told = self.changes(watcher, "last")
        self.assertEqual([one for one in told if one[0] == "presence-leave"], [])
        self.assertLess(forgotten[0][0], 9)


class StandaloneTests(SynchronousTestCase):
    """
    ``twistd sse --presence yes``.
    """

    def test_counts(self) -> None:
        """
        Everybody may know counts; the token also shows who has a name.
        """
        hub = HubProcess("--presence", "yes")
        self.addCleanup(hub.stop)
        stream = RawStream(hub.port, "/events?topic=news&presence=events")
        self.addCleanup(stream.close)
        token = f"Authorization: Bearer {TOKEN}"

        self.assertEqual(stream.named("presence-state").json(), {"topic": "news", "count": 1})
        counted = curl(f"{hub.url}/presence?topic=news")
        named = curl("--header", token, f"{hub.url}/presence?topic=news")

        self.assertEqual((counted.status, counted.json()), (200, {"topic": "news", "count": 1}))
        self.assertEqual(named.json(), {"topic": "news", "count": 1, "anonymous": 1, "members": []})

    def test_off(self) -> None:
        """
        Without the option there is nothing.
        """
        hub = HubProcess()
        self.addCleanup(hub.stop)

        self.assertEqual(curl(f"{hub.url}/presence?topic=news").status, 404)
        refused = curl(f"{hub.url}/events?topic=news&presence=events")
        self.assertEqual(refused.status, 400)
        self.assertIn("This hub keeps no presence", refused.json()["detail"])
