"""
Several hubs on one Redis act as one hub, and survive an outage of Redis.
"""

import json
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import Answer, curl, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.streams import RawStream
from tests.support.waiting import eventually

__all__ = ["AwayTests", "NodesTests"]

# No log may contain it.
_PASSWORD = "correct-horse-battery-staple"

# A publisher's ID that cannot be the ID of a Redis entry.
_OWN_ID = "order 17, part 2; a=b"


def start_hubs(redis: RedisServer, *ports: int) -> list[HubProcess]:
    """
    Start hubs on *redis* in parallel.
    """
    url = redis.url.replace("redis://", f"redis://:{_PASSWORD}@")
    options = ("--history", f"{url},prefix=e2e", "--keepalive", "1")
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda port: HubProcess(*options, port=port), ports))


def post(hub: HubProcess, data: str, **more: object) -> Answer:
    """
    Publish one event to the topic "news".
    """
    return curl(
        f"{hub.url}/events",
        *("--header", f"Authorization: Bearer {TOKEN}"),
        *("--header", "Content-Type: application/json"),
        *("--data", json.dumps({"topic": "news", "data": data, **more})),
    )


def subscribe(hub: HubProcess, *headers: str) -> RawStream:
    """
    Subscribe to the topic "news".
    """
    return RawStream(hub.port, "/events?topic=news", *headers)


def resume(hub: HubProcess, last_event_id: str, *headers: str) -> RawStream:
    """
    Subscribe to the topic "news" after *last_event_id*.
    """
    return subscribe(hub, f"Last-Event-ID: {last_event_id}", *headers)


def next_events(stream: RawStream, count: int) -> list[tuple[str | None, str | None]]:
    """
    Read the IDs and the data of the next *count* events, and skip comments.
    """
    found: list[tuple[str | None, str | None]] = []
    while len(found) < count:
        event = stream.next()
        if event.data is not None:
            found.append((event.id, event.data))
    return found


class NodesTests(SynchronousTestCase):
    """
    Three hubs without an outage.
    """

    redis: RedisServer
    hubs: list[HubProcess]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the hubs.
        """
        cls.redis = RedisServer(password=_PASSWORD)
        cls.addClassCleanup(cls.redis.end)
        cls.hubs = start_hubs(cls.redis, free_port(), free_port(), free_port())
        for hub in cls.hubs:
            cls.addClassCleanup(hub.stop)

    def open(self, streams: Iterable[RawStream]) -> list[RawStream]:
        """
        Wait until *streams* are open.
        """
        opened = list(streams)
        for stream in opened:
            self.addCleanup(stream.close)
            stream.named("stream-open")
        return opened

    def test_everywhere(self) -> None:
        """
        Events published to any hub reach the subscribers of all hubs, once and in one order.
        """
        streams = self.open(subscribe(hub) for hub in self.hubs for _ in range(2))
        sent = [str(number) for number in range(12)]

        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda n: post(self.hubs[int(n) % 3], n), sent))

        received = [next_events(stream, len(sent)) for stream in streams]
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertEqual(sorted(data or "" for _, data in received[0]), sorted(sent))
        for other in received[1:]:
            self.assertEqual(other, received[0])

    def test_receipts(self) -> None:
        """
        The subscribers of every hub receive the ID that is in the receipt.
        """
        streams = self.open(subscribe(hub) for hub in self.hubs)

        id = post(self.hubs[1], "x").json()["id"]

        self.assertEqual([next_events(stream, 1) for stream in streams], [[(id, "x")]] * 3)

    def test_resume_elsewhere(self) -> None:
        """
        A subscriber that reconnects to another hub receives exactly what it missed.
        """
        ids = publish(self.hubs[0].url, TOKEN, "news", "seen", "one", "two")

        (stream,) = self.open([resume(self.hubs[2], ids[0])])
        after = post(self.hubs[1], "three").json()["id"]

        self.assertEqual(stream.headers["last-event-id"], ids[0])
        self.assertEqual(
            next_events(stream, 3), [(ids[1], "one"), (ids[2], "two"), (after, "three")]
        )

    def test_resume_at_once(self) -> None:
        """
        A new ID of one hub is known to the others even before they receive the event.
        """
        for number in range(12):
            id = post(self.hubs[number % 3], "seen").json()["id"]
            stream = resume(self.hubs[(number + 1) % 3], id)
            self.addCleanup(stream.close)

            opened = stream.named("stream-open")
            post(self.hubs[number % 3], f"next {number}")

            self.assertEqual((opened.id, opened.json()["resumed"]), (id, True))
            self.assertEqual(stream.data(1), [f"next {number}"])

    def test_own_id_elsewhere(self) -> None:
        """
        So is an ID that the publisher chose.
        """
        receipt = post(self.hubs[0], "seen", id=_OWN_ID).json()

        stream = resume(self.hubs[1], _OWN_ID)
        self.addCleanup(stream.close)
        opened = stream.named("stream-open")
        post(self.hubs[2], "next")

        self.assertEqual(receipt["id"], _OWN_ID)
        self.assertEqual((opened.id, opened.json()["resumed"]), (_OWN_ID, True))
        self.assertEqual(stream.data(1), ["next"])

    def test_repeat_elsewhere(self) -> None:
        """
        A publication with an ID of its own that is repeated at another hub is published once.
        """
        (stream,) = self.open([subscribe(self.hubs[2])])

        answers = [post(hub, "once", id="repeated") for hub in self.hubs]
        post(self.hubs[0], "next")

        self.assertEqual([answer.json()["id"] for answer in answers], ["repeated"] * 3)
        self.assertEqual([data for _, data in next_events(stream, 2)], ["once", "next"])

    def test_private(self) -> None:
        """
        A private event is private at every hub, live and in a replay.
        """
        token = f"Authorization: Bearer {TOKEN}"
        before = post(self.hubs[0], "before").json()["id"]
        authorized = self.open(subscribe(hub, token) for hub in self.hubs)
        anonymous = self.open(subscribe(hub) for hub in self.hubs)

        post(self.hubs[0], "secret", private=True)
        post(self.hubs[0], "public")
        authorized += self.open(resume(hub, before, token) for hub in self.hubs)
        anonymous += self.open(resume(hub, before) for hub in self.hubs)

        for stream in authorized:
            self.assertEqual(stream.data(2), ["secret", "public"])
        for stream in anonymous:
            self.assertEqual(stream.data(1), ["public"])

    def test_password(self) -> None:
        """
        No hub logs the password of Redis.
        """
        logs = [hub.log for hub in self.hubs]

        self.assertEqual([_PASSWORD in log for log in logs], [False] * 3)


class AwayTests(SynchronousTestCase):
    """
    Two hubs, each with a subscriber, whose Redis is stopped.
    """

    def setUp(self) -> None:
        """
        Start the hubs.
        """
        self.redis = RedisServer(appendonly=True, password=_PASSWORD)
        self.addCleanup(self.redis.end)
        self.hubs: list[HubProcess] = []
        self.start(free_port(), free_port())
        self.streams = [subscribe(hub) for hub in self.hubs]
        for stream in self.streams:
            self.addCleanup(stream.close)
            stream.named("stream-open")

    def start(self, *ports: int) -> None:
        """
        Start hubs, and stop them after the test; they may log warnings about Redis.
        """
        hubs = start_hubs(self.redis, *ports)
        self.hubs += hubs
        for hub in hubs:
            self.addCleanup(hub.stop)
            self.addCleanup(self.check, hub)

    def check(self, hub: HubProcess) -> None:
        """
        Stop *hub*, and check its exit status and its log.
        """
        self.assertEqual(hub.signal(signal.SIGTERM), 0, hub.log)
        for mark in ("Traceback", "Unhandled", "#critical", _PASSWORD):
            self.assertNotIn(mark, hub.log)

    def wait_for_status(self, status: int, hub: HubProcess) -> None:
        """
        Wait until ``/readyz`` of *hub* answers with *status*.
        """
        eventually(lambda: curl(f"{hub.url}/readyz").status == status, f"/readyz is not {status}")

    def test_publishing(self) -> None:
        """
        Publishing is refused with Retry-After, and works again when Redis is back.
        """
        self.redis.kill()

        refused = post(self.hubs[0], "refused")
        self.redis.restart()
        for hub in self.hubs:
            self.wait_for_status(200, hub)
        taken = post(self.hubs[0], "taken")

        self.assertEqual(refused.status, 503)
        self.assertEqual(refused.headers["content-type"], "application/problem+json")
        self.assertGreater(int(refused.headers["retry-after"]), 0)
        self.assertEqual(refused.json()["status"], 503)
        self.assertEqual(taken.status, 200)
        for stream in self.streams:
            self.assertEqual(next_events(stream, 1), [(taken.json()["id"], "taken")])

    def test_readiness(self) -> None:
        """
        A hub is not ready while Redis is down, but it is alive.
        """
        self.redis.kill()
        self.wait_for_status(503, self.hubs[0])
        alive = curl(f"{self.hubs[0].url}/healthz").status
        self.redis.restart()
        self.wait_for_status(200, self.hubs[0])

        self.assertEqual(alive, 200)

    def test_subscribers(self) -> None:
        """
        Subscribers stay connected, receive comments, and continue where they were.
        """
        before = post(self.hubs[0], "before").json()["id"]
        first = [next_events(stream, 1) for stream in self.streams]
        self.redis.kill()
        self.wait_for_status(503, self.hubs[0])
        comments = [stream.next().comment for stream in self.streams for _ in range(2)]
        self.redis.restart()
        for hub in self.hubs:
            self.wait_for_status(200, hub)
        ids = [post(hub, "after").json()["id"] for hub in self.hubs]

        self.assertEqual(first, [[(before, "before")]] * 2)
        self.assertEqual(comments, [""] * 4)
        for stream in self.streams:
            self.assertEqual(next_events(stream, 2), [(id, "after") for id in ids])

    def test_late_start(self) -> None:
        """
        A hub that is started while Redis is down becomes ready when Redis is back.
        """
        self.redis.kill()
        port = free_port()

        with ThreadPoolExecutor() as pool:
            starting = pool.submit(self.start, port)
            eventually(lambda: self.is_alive(port), "the late hub does not listen")
            status = curl(f"http://localhost:{port}/readyz").status
            self.redis.restart()
            starting.result()

        self.assertEqual(status, 503)
        late = subscribe(self.hubs[2])
        self.addCleanup(late.close)
        late.named("stream-open")
        self.wait_for_status(200, self.hubs[0])
        self.assertEqual(post(self.hubs[0], "after").status, 200)
        self.assertEqual(late.data(1), ["after"])

    def is_alive(self, port: int) -> bool:
        """
        Return whether a hub at *port* answers its health check.
        """
        # The hub may not listen yet.
        patience = ("--retry-connrefused", "--retry", "9")
        return curl(*patience, f"http://localhost:{port}/healthz").status == 200

    def test_flushed(self) -> None:
        """
        If Redis loses its data, each subscriber is sent stream-reset, and then new events.
        """
        post(self.hubs[0], "before")
        for stream in self.streams:
            self.assertEqual(stream.data(1), ["before"])

        self.redis.cli("FLUSHALL")
        resets = [stream.named("stream-reset").json() for stream in self.streams]
        ids = [post(hub, "after").json()["id"] for hub in self.hubs]

        self.assertEqual([reset["reason"] for reset in resets], ["history-lost"] * 2)
        for stream in self.streams:
            self.assertEqual(next_events(stream, 2), [(id, "after") for id in ids])
