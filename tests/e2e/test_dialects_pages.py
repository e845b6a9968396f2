"""
Dialects, as pages see them.
"""

from typing import Any

from tests.support.browsers import Browser, eventually_in
from tests.support.chromium import Chromium
from tests.support.curl import curl
from tests.support.firefox import Firefox
from tests.support.models import ModelTests
from tests.support.waiting import PATIENCE

__all__ = ["ChromiumTests", "FirefoxTests"]

# Reads a stream with EventSource, and notes what it hears.
_LISTEN = """
    window.heard = [];
    window.source = new EventSource(arguments[0]);
    for (const type of ["message", "end"]) {
      source.addEventListener(type, (event) => heard.push(event.data));
    }
"""

# Reads a response to its end with fetch, and notes how it ended.
_FETCH = """
    window.outcome = null;
    fetch(arguments[0])
      .then((response) => response.text())
      .then((text) => { window.outcome = text; }, (error) => { window.outcome = error.name; });
"""


class ChromiumTests(ModelTests):
    """
    A page in Chromium.
    """

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
        Share the browser.
        """
        super().setUpClass()
        cls.browser = cls.start_browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self) -> None:
        """
        Load a page without streams.
        """
        self.browser.open(f"{self.through}/page")

    def wait(self, expression: str) -> Any:
        """
        Wait until *expression* is true in the page, and return its value.
        """
        return eventually_in(self.browser, expression, f"not {expression}", 2 * PATIENCE)

    def listen(self, path: str) -> None:
        """
        Open a stream.
        """
        self.browser.run(_LISTEN, path)
        self.addCleanup(self.browser.run, "source.close()")

    def test_over(self) -> None:
        """
        A page hears how a stream has ended, and does not come back.
        """
        for end, words, outcome in (
            ("whole", ["one ", "two ", "three ", "four"], "done"),
            ("failing", ["one ", "two ", "three "], "failed"),
        ):
            self.listen(f"/{end}/events")
            self.wait("source.readyState === EventSource.CLOSED")

            heard = self.browser.run("return heard")
            self.assertEqual(heard, [*words, f'{{"outcome":"{outcome}"}}'])

    def test_cut(self) -> None:
        """
        A page whose connection is lost comes back.
        """
        self.listen("/endless/events")
        self.wait("heard.length === 3")
        with self.cut_off():
            self.wait("source.readyState === EventSource.CONNECTING")

        self.wait("heard.length === 6")

    def begin(self, name: str) -> str:
        """
        Begin a run, follow it, and wait for its third word; return its path.
        """
        path = f"/runs/answers/{name}"
        curl("--request", "POST", f"{self.url}{path}")
        self.listen(path)
        self.wait("heard.length === 3")
        return path

    def test_run(self) -> None:
        """
        A page whose connection is lost has every word of a run once, and a page that is loaded
        later has them too.
        """
        whole = ["one ", "two ", "three ", "four", '{"outcome":"done"}']
        with self.one_source():
            path = self.begin(self.id())
            with self.cut_off():
                self.wait("source.readyState === EventSource.CONNECTING")
            self.go_on()

            self.wait("source.readyState === EventSource.CLOSED")
            self.assertEqual(self.browser.run("return heard"), whole)
        self.browser.open(f"{self.through}/page")
        self.listen(path)
        self.wait("source.readyState === EventSource.CLOSED")
        self.assertEqual(self.browser.run("return heard"), whole)

    def test_stop(self) -> None:
        """
        A page stops a run, and is told.
        """
        with self.one_source():
            path = self.begin(self.id())
            self.browser.run("fetch(arguments[0], { method: 'DELETE' })", path)

            self.wait("source.readyState === EventSource.CLOSED")
        self.assertEqual(self.browser.run("return heard.at(-1)"), '{"outcome":"cancelled"}')

    def test_fetch(self) -> None:
        """
        fetch rejects a response that breaks off, and not one that is complete.
        """
        for path, expected in (("/whole/events", "four"), ("/broken/events", "TypeError")):
            self.browser.run(_FETCH, path)

            self.assertIn(expected, self.wait("outcome"))


class FirefoxTests(ChromiumTests):
    """
    A page in Firefox.
    """

    @staticmethod
    def start_browser() -> Browser:
        """
        Start the browser of this class.
        """
        return Firefox()
