"""
A chain of hubs: a root, an edge of it, and an edge of the edge.
"""

import json
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import Answer, curl
from tests.support.hub_process import TOKEN, HubProcess, run_twistd
from tests.support.ports import free_port
from tests.support.streams import RawStream
from tests.support.waiting import eventually

__all__ = ["ChainTests", "ForgetfulRootTests", "OptionTests", "TLSTests"]

_BEARER = f"Authorization: Bearer {TOKEN}"

# Indexes of the three hubs.
_ROOT, _MIDDLE, _END = range(3)


class _ChainTestCase(SynchronousTestCase):
    """
    Three hubs, and a subscriber to the topic "news" at each.
    """

    def start(self, history: str) -> None:
        """
        Start the hubs, with *history* for the root.
        """
        home = Path(self.mktemp()).absolute()
        home.mkdir()
        self.tokens = home / "token"
        self.tokens.write_text(TOKEN, "utf-8")
        ports = [free_port() for _ in range(3)]
        urls = [f"http://localhost:{port}/events" for port in ports]
        histories = [
            history.format(home=home),
            *(f"upstream:{url},token-file={self.tokens},timeout=2" for url in urls[:2]),
        ]
        # In parallel, because an edge waits for its upstream.
        with ThreadPoolExecutor() as pool:
            self.hubs = list(pool.map(_start, histories, ports))
        for hub in self.hubs:
            self.addCleanup(hub.stop)
            self.addCleanup(self.check, hub)
        self.streams = [self.subscribe(hub) for hub in self.hubs]

    def check(self, hub: HubProcess) -> None:
        """
        Stop *hub*, and check its exit status and its log.
        """
        self.assertEqual(hub.signal(signal.SIGTERM), 0, hub.log)
        for mark in ("Traceback", "Unhandled", "#critical", "#error", TOKEN):
            self.assertNotIn(mark, hub.log)

    def subscribe(self, hub: HubProcess, *headers: str) -> RawStream:
        """
        Subscribe to the topic.
        """
        stream = RawStream(hub.port, "/events?topic=news", *headers)
        self.addCleanup(stream.close)
        return stream

    def post(self, hub: HubProcess, data: str, **more: object) -> Answer:
        """
        Publish to the topic.
        """
        return curl(
            f"{hub.url}/events",
            *("--header", _BEARER),
            *("--header", "Content-Type: application/json"),
            *("--data", json.dumps({"topic": "news", "data": data, **more})),
        )

    def publish(self, hub: HubProcess, data: str, **more: object) -> str:
        """
        Publish until the hub accepts; it may refuse after its upstream was down.
        """
        # This publishes once, because a refused event was not stored.
        answer = eventually(
            lambda: found if (found := self.post(hub, data, **more)).status == 200 else None,
            f"{data} is not accepted",
        )
        receipt: str = answer.json()["id"]
        return receipt

    def restart(self, number: int) -> None:
        """
        Kill one of the hubs, and start it again.
        """
        self.hubs[number].kill()
        self.hubs[number].restart()

    def ready(self) -> None:
        """
        Wait until every hub is ready.
        """
        for hub in self.hubs:
            eventually(lambda hub=hub: curl(f"{hub.url}/readyz").status == 200, "not ready")


def _start(history: str, port: int) -> HubProcess:
    return HubProcess("--history", history, "--keepalive", "1", port=port)


def events(stream: RawStream, count: int) -> list[tuple[str | None, str | None]]:
    """
    Read the IDs and the data of the next *count* events, including ``stream-reset``.
    """
    found: list[tuple[str | None, str | None]] = []
    while len(found) < count:
        event = stream.next()
        if event.data is not None and event.event != "stream-open":
            found.append((event.id, event.data))
    return found


class ChainTests(_ChainTestCase):
    """
    The root stores its history in a file.
    """

    def setUp(self) -> None:
        """
        Start the chain.
        """
        self.start("sqlite:{home}/events.db")

    def test_delivery(self) -> None:
        """
        An event published to any hub is received at every hub, in one order, with one ID.
        """
        sent = [(self.publish(self.hubs[n % 3], f"{n}"), f"{n}") for n in range(12)]

        received = [events(stream, 12) for stream in self.streams]

        self.assertEqual(received, [sent] * 3)

    def test_given_id(self) -> None:
        """
        A publisher's ID passes unchanged through the chain, and is known at each hub.
        """
        sent = [
            self.publish(self.hubs[_END], "one", id="order 17"),
            self.publish(self.hubs[1], "2"),
        ]

        self.assertEqual(sent[0], "order 17")
        for hub in self.hubs:
            stream = self.subscribe(hub, "Last-Event-ID: order 17")
            self.assertEqual(events(stream, 1), [(sent[1], "2")])

    def test_resume_anywhere(self) -> None:
        """
        A subscriber that reconnects to another hub receives exactly what it missed.
        """
        sent = [(self.publish(self.hubs[n % 3], f"{n}"), f"{n}") for n in range(9)]

        for hub in self.hubs:
            for index, (event_id, _) in enumerate(sent[:-1]):
                stream = self.subscribe(hub, f"Last-Event-ID: {event_id}")
                self.assertEqual(events(stream, 8 - index), sent[index + 1 :])
                stream.close()

    def test_private(self) -> None:
        """
        A private event is private at each hub.
        """
        authorized = [self.subscribe(hub, _BEARER) for hub in self.hubs]
        self.publish(self.hubs[_END], "secret", private=True)
        self.publish(self.hubs[_ROOT], "public")

        for stream in self.streams:
            self.assertEqual(stream.data(1), ["public"])
        for stream in authorized:
            self.assertEqual(stream.data(2), ["secret", "public"])

    def test_kills(self) -> None:
        """
        Whichever hub is killed, the subscribers of the others stay connected, those of the
        killed one reconnect, and none loses an event.
        """
        sent = [(self.publish(self.hubs[_END], "first"), "first")]
        for number in range(3):
            for stream in self.streams:
                self.assertEqual(events(stream, 1), sent[-1:])
            self.restart(number)
            self.streams[number] = self.subscribe(
                self.hubs[number], f"Last-Event-ID: {sent[-1][0]}"
            )
            for at in range(3):
                sent.append((self.publish(self.hubs[at], f"{number} {at}"), f"{number} {at}"))
            for stream in self.streams:
                self.assertEqual(events(stream, 2), sent[-3:-1])

        for stream in self.streams:
            self.assertEqual(events(stream, 1), sent[-1:])

    def test_away(self) -> None:
        """
        While the root is down, publishing is refused with Retry-After, the edges are alive
        but not ready, and their subscribers stay connected and receive comments.
        """
        for stream in self.streams:
            stream.named("stream-open")
        self.hubs[_ROOT].kill()

        refused = self.post(self.hubs[_END], "refused")
        readiness = [curl(f"{hub.url}/readyz").status for hub in self.hubs[1:]]
        life = [curl(f"{hub.url}/healthz").status for hub in self.hubs[1:]]
        comments = [stream.next().comment for stream in self.streams[1:] for _ in range(2)]
        self.hubs[_ROOT].restart()
        self.ready()
        sent = self.publish(self.hubs[_END], "after")

        self.assertEqual((refused.status, readiness, life), (503, [503] * 2, [200] * 2))
        self.assertGreater(int(refused.headers["retry-after"]), 0)
        self.assertIn("upstream", refused.json()["detail"])
        self.assertEqual(set(comments), {""})
        for stream in self.streams[1:]:
            self.assertEqual(events(stream, 1), [(sent, "after")])

    def test_late_root(self) -> None:
        """
        An edge whose upstream is down becomes ready when the upstream is back.
        """
        sent = self.publish(self.hubs[_MIDDLE], "kept")
        self.hubs[_MIDDLE].kill()
        self.hubs[_ROOT].kill()
        before = curl(f"{self.hubs[_END].url}/readyz").status
        self.hubs[_ROOT].restart()
        self.hubs[_MIDDLE].restart()
        self.ready()
        stream = RawStream(self.hubs[_END].port, "/events?topic=news&last_event_id=earliest")
        self.addCleanup(stream.close)

        self.assertEqual(before, 503)
        self.assertEqual(events(stream, 1), [(sent, "kept")])


class ForgetfulRootTests(_ChainTestCase):
    """
    The root has its history in memory, and loses it when it is killed.
    """

    def setUp(self) -> None:
        """
        Start the chain.
        """
        self.start("memory:")

    def test_gap(self) -> None:
        """
        Every subscriber is sent stream-reset, at the root when it reconnects, at the edges
        at once; then all receive new events.
        """
        lost = self.publish(self.hubs[_END], "before")
        for stream in self.streams:
            self.assertEqual(stream.data(1), ["before"])
        self.restart(_ROOT)
        self.streams[_ROOT] = self.subscribe(self.hubs[_ROOT], f"Last-Event-ID: {lost}")
        resets = [stream.named("stream-reset").json() for stream in self.streams]
        sent = self.publish(self.hubs[_END], "after")

        reasons = [reset["reason"] for reset in resets]
        self.assertEqual(reasons, ["unknown-id", "history-lost", "history-lost"])
        self.assertEqual({reset["lastEventID"] for reset in resets}, {lost})
        for stream in self.streams:
            self.assertEqual(events(stream, 1), [(sent, "after")])

    def test_old_ids(self) -> None:
        """
        An ID from before the root's restart is unknown at every hub.
        """
        lost = self.publish(self.hubs[_END], "before")
        self.restart(_ROOT)
        self.ready()
        self.publish(self.hubs[_ROOT], "new life")

        for hub in self.hubs:
            stream = self.subscribe(hub, f"Last-Event-ID: {lost}")
            self.assertEqual(stream.named("stream-reset").json()["lastEventID"], lost)


class TLSTests(SynchronousTestCase):
    """
    An edge of a hub that has a certificate.
    """

    def setUp(self) -> None:
        """
        Start the hub.
        """
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.certificate, key = write_certificate(Path(home.name))
        self.tokens = Path(home.name, "token")
        self.tokens.write_text(TOKEN, "utf-8")
        self.root = HubProcess("--tls-cert", str(self.certificate), "--tls-key", str(key))
        self.addCleanup(self.root.stop)

    def test_trusted(self) -> None:
        """
        An edge that trusts the root's certificate works.
        """
        upstream = f"upstream:{self.root.url}/events,token-file={self.tokens}"
        edge = HubProcess("--history", f"{upstream},cafile={self.certificate}")
        self.addCleanup(edge.stop)
        stream = RawStream(edge.port, "/events?topic=a")
        self.addCleanup(stream.close)
        curl("-H", _BEARER, "-d", "topic=a", "-d", "data=x", f"{edge.url}/events")

        self.assertEqual(stream.data(1), ["x"])


class OptionTests(SynchronousTestCase):
    """
    An invalid option.
    """

    def test_refused(self) -> None:
        """
        It ends the program with one sentence that shows a correct option.
        """
        done = run_twistd("--history", "upstream:ftp://example.com/events")

        self.assertEqual(done.returncode, 1, done)
        self.assertIn("--history: it needs the URL of a hub", done.stderr)
        self.assertIn("write upstream:https://HOST:PORT/events", done.stderr)
        self.assertNotIn("Traceback", done.stderr)
