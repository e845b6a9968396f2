"""
Topics that end: at a hub of several processes, at an edge, over a restart, in a browser.
"""

import json
from pathlib import Path
from typing import ClassVar
from urllib.request import Request, urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import eventually_in
from tests.support.chromium import Chromium
from tests.support.curl import Answer, curl, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.streams import RawStream
from tests.support.waiting import eventually
from twisted_sse import Publisher
from twisted_sse.errors import TopicEnded

__all__ = ["BrowserTests", "RestartTests", "TopicEndTests"]

_BEARER = f"Authorization: Bearer {TOKEN}"


def post(hub: HubProcess, *form: str) -> Answer:
    """
    Publish a form.
    """
    fields = [part for field in form for part in ("--data-urlencode", field)]
    return curl(f"{hub.url}/events", "--header", _BEARER, *fields)


def status(hub: HubProcess, topic: str, last_event_id: str = "") -> int:
    """
    The status with which a subscriber is answered, who does not read on.
    """
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    with urlopen(Request(f"{hub.url}/events?topic={topic}", headers=headers)) as answer:
        return int(answer.status)


class TopicEndTests(SynchronousTestCase):
    """
    A hub of two workers with a SQLite file, and an edge of it.
    """

    hubs: ClassVar[list[HubProcess]] = []

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start them.
        """
        home = Path(cls.__name__ + ".files").absolute()
        home.mkdir(exist_ok=True)
        for old in home.glob("*"):
            old.unlink()
        tokens = home / "token"
        tokens.write_text(TOKEN, "utf-8")
        cls.root = HubProcess("--workers", "2", "--history", f"sqlite:{home}/events.db")
        upstream = f"upstream:{cls.root.url}/events,token-file={tokens}"
        cls.edge = HubProcess("--history", upstream)
        cls.hubs = [cls.root, cls.edge]

    @classmethod
    def tearDownClass(cls) -> None:
        """
        Stop them.
        """
        for hub in reversed(cls.hubs):
            hub.stop()

    def subscribe(self, hub: HubProcess, topic: str) -> RawStream:
        """
        Open a stream.
        """
        stream = RawStream(hub.port, f"/events?topic={topic}")
        self.addCleanup(stream.close)
        stream.named("stream-open")
        return stream

    def test_streams_end(self) -> None:
        """
        Streams at all processes get the rest and the end, and their last chunk.
        """
        streams = [self.subscribe(hub, "a") for hub in self.hubs for _ in range(4)]
        publish(self.root.url, TOKEN, "a", "x")
        answer = post(self.edge, "topic=a", "end=done")

        self.assertEqual(answer.status, 200, answer)
        for stream in streams:
            blocks = stream.rest()
            self.assertEqual([one.data for one in blocks], ["x", '{"outcome":"done"}'])
            self.assertEqual(blocks[-1].event, "topic-end")
            self.assertTrue(stream.complete)

    def test_nothing_more(self) -> None:
        """
        After that, publishers are answered with 409 and subscribers with 204, everywhere.
        """
        (first,) = publish(self.root.url, TOKEN, "b", "x")
        last = post(self.root, "topic=b", "data=bye", "end=failed").body
        eventually(lambda: status(self.edge, "b") == 204, "the edge does not know the end")

        for hub in self.hubs:
            refused = post(hub, "topic=b", "data=y")
            self.assertEqual(refused.status, 409, refused)
            self.assertEqual(json.loads(refused.body)["ended"], ["b"])
            with self.assertRaises(TopicEnded):
                Publisher(f"{hub.url}/events", token=TOKEN).publish("b", "y")
            for _ in range(4):
                self.assertEqual(status(hub, "b", last), 204)
            stream = RawStream(hub.port, "/events?topic=b", f"Last-Event-ID: {first}")
            self.addCleanup(stream.close)
            self.assertEqual([one.data for one in stream.rest()][-1], "bye")
            self.assertTrue(stream.complete)


class RestartTests(SynchronousTestCase):
    """
    A hub that stops and comes back.
    """

    def test_restart(self) -> None:
        """
        A topic has still ended.
        """
        home = Path(self.mktemp()).absolute()
        home.mkdir()
        hub = HubProcess("--history", f"sqlite:{home}/events.db")
        self.addCleanup(hub.stop)
        post(hub, "topic=c", "end=cancelled")
        hub.restart()

        self.assertEqual(post(hub, "topic=c", "data=x").status, 409)
        self.assertEqual(status(hub, "c"), 204)


class BrowserTests(SynchronousTestCase):
    """
    ``EventSource`` in Chromium.
    """

    def test_stops(self) -> None:
        """
        A page gets everything, and its `EventSource` does not come back after the end.
        """
        hub = HubProcess("--retry", "100", "--demo")
        self.addCleanup(hub.stop)
        browser = Chromium.shared()
        self.addCleanup(browser.close)
        browser.open(hub.url)
        browser.run(
            """
            window.seen = [];
            const source = window.source = new EventSource("/events?topic=a");
            source.onmessage = (event) => window.seen.push(event.data);
            source.addEventListener("topic-end", (event) => window.seen.push(event.data));
            """
        )
        eventually_in(browser, "source.readyState === 1", "the stream is not open")
        publish(hub.url, TOKEN, "a", "x", "y")
        post(hub, "topic=a", "end=done")

        eventually_in(browser, "source.readyState === 2", "the page came back")
        self.assertEqual(browser.run("return window.seen"), ["x", "y", '{"outcome":"done"}'])
