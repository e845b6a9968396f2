"""
The demo page in Chromium: live events, lost connections, publishing.
"""

import os
import signal
import struct
from itertools import pairwise
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import eventually_in
from tests.support.chromium import Chromium
from tests.support.curl import curl, publish
from tests.support.forwarder import Forwarder
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.waiting import eventually

__all__ = ["DemoPageTests", "PictureTests"]

_PICTURE = Path(__file__).resolve().parents[2] / "docs" / "demo.png"

# Records the states of the page and the rows of its log, oldest first.
_WATCH = """
    const status = document.getElementById("status");
    window.states = [status.dataset.state];
    new MutationObserver(() => {
      if (window.states.at(-1) !== status.dataset.state) {
        window.states.push(status.dataset.state);
      }
    }).observe(status, { attributes: true });
    window.rows = [];
    new MutationObserver((changes) => {
      for (const change of changes) {
        for (const { dataset } of change.addedNodes) {
          window.rows.push([dataset.type, dataset.id]);
        }
      }
    }).observe(document.getElementById("log"), { childList: true });
"""

_PUBLISH = """
    document.getElementById("publish-text").value = arguments[0];
    document.getElementById("publish-token").value = arguments[1];
    document.getElementById("publish-send").click();
"""


class DemoPageTests(SynchronousTestCase):
    """
    ``twistd sse --demo``, and the page at its root.
    """

    browser: Chromium

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the browser.
        """
        cls.browser = Chromium.shared()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self) -> None:
        """
        Start a hub, and load its page through a network that can be cut.
        """
        admin = free_port()
        self.hub = HubProcess("--demo", "--retry", "300", "--admin", str(admin))
        self.connections = f"http://localhost:{admin}/connections"
        self.addCleanup(self.hub.stop)
        self.network = Forwarder(self.hub.port)
        self.addCleanup(self.network.close)
        self.browser.open(f"http://localhost:{self.network.port}/")
        self.addCleanup(self.browser.open, "about:blank")
        self.browser.run(_WATCH)
        self.wait("document.getElementById('status').dataset.state === 'open'", "is not connected")

    def wait(self, expression: str, what: str) -> None:
        """
        Wait until *expression* is true in the page.
        """
        eventually_in(self.browser, expression, f"the page {what}")

    def text(self, name: str) -> str:
        """
        Return the text of the element *name*.
        """
        found: str = self.browser.run(
            "return document.getElementById(arguments[0]).textContent", name
        )
        return found

    def states(self) -> list[str]:
        """
        Return the states that the page has been in.
        """
        found: list[str] = self.browser.run("return window.states")
        return found

    def assert_nothing_missed(self) -> None:
        """
        Assert that the page has received every event, once and in order.

        It subscribes to all topics that are published to, so the numbers are consecutive.
        """
        rows = self.browser.run("return window.rows")
        numbers = [
            int(id.rpartition("-")[2]) for kind, id in rows if not kind.startswith("stream-")
        ]

        self.assertGreater(len(numbers), 3)
        self.assertTrue(all(after == before + 1 for before, after in pairwise(numbers)), numbers)

    def test_events(self) -> None:
        """
        The clock runs, the price and the memory appear, and the log fills.
        """
        self.wait("document.getElementById('clock').textContent.startsWith('--') === false", "")
        before = self.text("clock")

        self.wait(f"document.getElementById('clock').textContent !== '{before}'", "stands still")
        self.wait("document.getElementById('log').children.length >= 6", "fills no log")

        self.assertRegex(self.text("price"), r"\A\d+\.\d\d\Z")
        self.assertRegex(self.text("memory"), r"\A\d+\.\d GiB\Z")
        self.assert_nothing_missed()

    def test_killed(self) -> None:
        """
        The page shows when the hub is killed, and after its restart that history was reset.
        """
        self.hub.kill()
        self.wait("window.states.at(-1) === 'lost'", "has not noticed")
        self.hub.restart()

        self.wait("window.states.at(-1) === 'reset'", "has not come back")

        self.assertIn("history was reset", self.text("status"))
        self.wait("window.rows.some(([type]) => type === 'stream-reset')", "shows no reset")
        self.assertEqual(self.text("counter-reconnections"), "1")

    def test_left(self) -> None:
        """
        A page that was left holds no stream, although the browser keeps it to show it again;
        then it has missed nothing.
        """
        self.assertEqual(curl(self.connections).json()["total"], 1)
        self.browser.run("document.title = 'kept'")
        self.browser.open("about:blank")
        eventually(lambda: curl(self.connections).json()["total"] == 0, "it holds a stream")

        self.browser.back()

        self.wait("document.getElementById('status')?.dataset.state === 'open'", "is not back")
        self.assertEqual(self.browser.run("return document.title"), "kept")
        self.wait("document.getElementById('counter-reconnections').textContent === '1'", "")
        self.wait("window.rows.length > 9", "goes on with no event")
        self.assert_nothing_missed()

    def test_stopped(self) -> None:
        """
        The page shows the same when the hub is stopped by SIGTERM.
        """
        self.hub.signal(signal.SIGTERM)
        self.wait("window.states.at(-1) === 'lost'", "has not noticed")
        self.hub.restart()

        self.wait("window.states.at(-1) === 'reset'", "has not come back")

        self.wait("window.rows.some(([type]) => type === 'stream-reset')", "shows no reset")

    def test_cut(self) -> None:
        """
        When the network cuts the connection, the page resumes without loss.
        """
        self.wait("window.rows.length > 3", "shows no events")
        self.network.cut()
        self.wait("window.states.at(-1) === 'lost'", "has not noticed")
        publish(self.hub.url, TOKEN, "demo/notes", "while away", event="note")
        self.network.mend()

        self.wait("document.getElementById('status').textContent.includes('missed')", "is away")
        self.wait("document.getElementById('log').children.length >= 12", "goes on")

        self.assertEqual(self.states()[-2:], ["lost", "open"])
        self.assert_nothing_missed()

    def test_reload(self) -> None:
        """
        A page that is loaded again has the notes, and every event that is kept, once.
        """
        self.browser.run(_PUBLISH, "Hello from before", TOKEN)
        self.wait("document.getElementById('notes').textContent.includes('Hello')", "has no note")
        published = "Number(document.getElementById('counter-events').textContent)"
        before = self.browser.run(f"return {published}")

        self.browser.open(f"http://localhost:{self.network.port}/")
        self.wait(f"{published} > {before}", "is not filled")

        count = f"return [{published}, document.getElementById('log').firstElementChild.dataset.id]"
        events, newest = self.browser.run(count)
        self.assertEqual(events, int(newest.rpartition("-")[2]))
        self.assertIn("Hello from before", self.text("notes"))
        points = "return document.querySelector('.price-line').getAttribute('d').match(/[ML]/g)"
        self.assertGreater(len(self.browser.run(points)), 1)
        self.assertEqual(self.text("status"), "connected")

    def test_cut_button(self) -> None:
        """
        The page's own button has the same effect.
        """
        self.wait("window.rows.length > 3", "shows no events")

        self.browser.run("document.getElementById('cut').click()")
        self.wait("window.states.at(-1) === 'lost'", "has not noticed")
        self.wait("document.getElementById('status').textContent.includes('missed')", "is away")

        self.assert_nothing_missed()

    def test_publish(self) -> None:
        """
        Publishing with the token shows a receipt and the note.
        """
        self.browser.run(_PUBLISH, "Hello from the page", TOKEN)

        self.wait("document.getElementById('notes').textContent.includes('Hello')", "has no note")
        self.wait(
            "document.getElementById('publish-result').dataset.outcome === 'published'",
            "shows no receipt",
        )
        self.assertRegex(self.text("publish-result"), r"Published as \S+, handed to 1 subscriber")

    def test_publish_refused(self) -> None:
        """
        Publishing with a wrong token shows the hub's error sentence.
        """
        self.browser.run(_PUBLISH, "Hello", "wrong")

        self.wait(
            "document.getElementById('publish-result').dataset.outcome === 'refused'",
            "says nothing",
        )
        self.assertIn("token is not known", self.text("publish-result"))


class PictureTests(SynchronousTestCase):
    """
    The picture of the page that the README shows.
    """

    WIDTH, HEIGHT, SCALE = 1280, 900, 2

    def test_picture(self) -> None:
        """
        A screenshot has the expected size; UPDATE_DEMO_PICTURE=1 replaces docs/demo.png.
        """
        update = os.environ.get("UPDATE_DEMO_PICTURE") == "1"
        # The picture shows port 8080, and charts that were filled for two minutes.
        hub = HubProcess("--demo", port=8080) if update else HubProcess("--demo")
        self.addCleanup(hub.stop)
        browser = Chromium.shared()
        self.addCleanup(browser.close)
        browser.open(f"{hub.url}/")
        browser.run(_PUBLISH, "Hello, everybody", TOKEN)
        events = 370 if update else 5
        counted = f"Number(document.getElementById('counter-events').textContent) >= {events}"
        eventually_in(browser, counted, "the page shows too few events", patience=180.0)

        browser.run("document.activeElement.blur(); window.scrollTo(0, 0)")
        picture = browser.picture(self.WIDTH, self.HEIGHT, self.SCALE)
        if update:
            _PICTURE.write_bytes(picture)

        # PNG: width and height are in the header chunk, 16 bytes into the file.
        size = struct.unpack(">II", picture[16:24])
        self.assertEqual(size, (self.WIDTH * self.SCALE, self.HEIGHT * self.SCALE))
