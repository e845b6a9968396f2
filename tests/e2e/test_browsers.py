"""
EventSource in Chromium and in Firefox: no event is lost when the network fails.
"""

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import Browser, eventually_in
from tests.support.certificates import write_certificate
from tests.support.chromium import Chromium
from tests.support.curl import publish, subscribers
from tests.support.firefox import Firefox
from tests.support.forwarder import Forwarder
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.waiting import eventually

__all__ = ["ChromiumTests", "FirefoxTests", "ManyStreamsTests"]

# Records the events of an EventSource as [type, data], and how often it was opened.
_LISTEN = """
    window.heard = [];
    window.opened = 0;
    window.source = new EventSource(arguments[0]);
    const hear = (event) => window.heard.push([
      event.type,
      event.type === "message" ? event.data : String(JSON.parse(event.data).resumed),
    ]);
    for (const type of ["stream-open", "stream-reset", "message"]) {
      window.source.addEventListener(type, hear);
    }
    window.source.addEventListener("open", () => { window.opened += 1; });
"""

# Counts the events of several EventSources.
_LISTEN_MANY = """
    window.counts = Array(arguments[1]).fill(0);
    window.opened = 0;
    window.sources = window.counts.map((_, index) => {
      const source = new EventSource(arguments[0]);
      source.addEventListener("stream-open", () => { window.opened += 1; });
      source.addEventListener("message", () => { window.counts[index] += 1; });
      return source;
    });
"""


class ChromiumTests(SynchronousTestCase):
    """
    A page that loses its connection to the hub.
    """

    hub: HubProcess
    network: Forwarder
    browser: Browser

    @staticmethod
    def start_browser() -> Browser:
        """
        Start the browser of this class.
        """
        return Chromium.shared()

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share one hub, the network in front of it, and the browser.
        """
        cls.hub = HubProcess("--retry", "200")
        cls.addClassCleanup(cls.hub.stop)
        cls.network = Forwarder(cls.hub.port)
        cls.addClassCleanup(cls.network.close)
        cls.browser = cls.start_browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self) -> None:
        """
        Load a page of the hub that opens no streams itself.
        """
        self.browser.open(f"http://localhost:{self.network.port}/healthz")
        self.addCleanup(self.browser.run, "window.source.close()")

    def listen(self, topic: str) -> None:
        """
        Open a stream, and wait for its first event.
        """
        self.browser.run(_LISTEN, f"/events?topic={topic}")
        eventually_in(self.browser, "window.heard.length === 1", "the stream has not begun")

    def lose_connection(self, topic: str, *messages: str) -> None:
        """
        Cut the connection, publish *messages* meanwhile, and let the page reconnect.
        """
        opened = self.browser.run("return window.opened")
        self.network.cut()
        eventually_in(
            self.browser, "window.source.readyState === EventSource.CONNECTING", "it is not lost"
        )
        publish(self.hub.url, TOKEN, topic, *messages)
        self.network.mend()
        eventually_in(self.browser, f"window.opened > {opened}", "the page has not reconnected")

    def assert_heard(self, expected: list[list[str]]) -> None:
        """
        Assert that the page receives the events *expected* and no others.
        """
        count = len(expected)
        eventually_in(self.browser, f"window.heard.length >= {count}", "events are missing")

        self.assertEqual(self.browser.run("return window.heard"), expected)

    def test_lost_before_first_event(self) -> None:
        """
        A connection that is lost before its first event resumes without loss.
        """
        self.listen("first")

        self.lose_connection("first", "one", "two")
        publish(self.hub.url, TOKEN, "first", "three")

        self.assert_heard(
            [
                ["stream-open", "false"],
                ["stream-open", "true"],
                ["message", "one"],
                ["message", "two"],
                ["message", "three"],
            ]
        )

    def test_lost_between_events(self) -> None:
        """
        One that is lost twice later receives every event exactly once.
        """
        self.listen("later")
        publish(self.hub.url, TOKEN, "later", "one")
        eventually_in(self.browser, "window.heard.length === 2", "the event has not come")

        self.lose_connection("later", "two", "three")
        self.lose_connection("later", "four")
        publish(self.hub.url, TOKEN, "later", "five")

        eventually_in(self.browser, "window.heard.length >= 8", "events are missing")
        heard = self.browser.run("return window.heard")
        self.assertEqual(
            [data for kind, data in heard if kind == "message"],
            ["one", "two", "three", "four", "five"],
        )


class FirefoxTests(ChromiumTests):
    """
    The same in Firefox.
    """

    @staticmethod
    def start_browser() -> Browser:
        """
        See `ChromiumTests.start_browser`.
        """
        return Firefox()


class ManyStreamsTests(SynchronousTestCase):
    """
    Two hundred streams in one page; over HTTP/1.1 a browser opens six.
    """

    COUNT = 200

    def setUp(self) -> None:
        """
        Open the streams over HTTP/2, on a hub without keepalive.
        """
        # The hub looks at the files again while it runs.
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        certificate, key = map(str, write_certificate(Path(directory.name)))
        self.hub = HubProcess("--tls-cert", certificate, "--tls-key", key, "--keepalive", "off")
        self.addCleanup(self.hub.stop)
        self.browser = Chromium.shared()
        self.addCleanup(self.browser.close)
        self.browser.open(f"{self.hub.url}/healthz")
        self.browser.run(_LISTEN_MANY, "/events?topic=many", self.COUNT)
        opened = f"window.opened === {self.COUNT}"
        eventually_in(self.browser, opened, "not all streams have begun")

    def test_events(self) -> None:
        """
        All receive every event, and the page can still make other requests.
        """
        publish(self.hub.url, TOKEN, "many", "one", "two", "three")
        all_heard = "window.counts.every((count) => count >= 3)"
        eventually_in(self.browser, all_heard, "events are missing")
        self.browser.run("fetch('/readyz').then((answer) => { window.status = answer.status; })")
        eventually_in(self.browser, "window.status == 200", "there is no answer beside the streams")
        protocol = "return performance.getEntriesByType('navigation')[0].nextHopProtocol"

        self.assertEqual(self.browser.run("return window.counts"), [3] * self.COUNT)
        self.assertEqual(self.browser.run("return window.opened"), self.COUNT)
        self.assertEqual(self.browser.run(protocol), "h2")

    def test_left(self) -> None:
        """
        When the page is left, the hub has none of its connections any more.
        """
        before = subscribers(self.hub.url, TOKEN, "many")
        self.browser.open("about:blank")

        self.assertEqual(before, self.COUNT)
        eventually(
            lambda: subscribers(self.hub.url, TOKEN, "many") == 0,
            "the hub still has streams of the page",
        )
