"""
Tabs of a browser that share a stream, and a publisher of numbers.

Tabs that follow the same URL have a `SharedEventSource`; tabs with topics of their own have a
`TopicEventSource`.
"""

import threading
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from tests.support.browsers import TabbedBrowser
from tests.support.chromium import Chromium
from tests.support.hub_process import TOKEN
from tests.support.waiting import PATIENCE, eventually

__all__ = ["Numbers", "Tab", "Tabs", "crash", "navigate"]

# Defines `listen` in the page, which follows a stream of numbers, and `statuses`, which has those
# of the answers that the module has got.
_MODULE = """
    window.statuses = [];
    const ask = window.fetch;
    window.fetch = async (...rest) => {
      const response = await ask(...rest);
      statuses.push(response.status);
      return response;
    };
    const script = document.createElement("script");
    script.type = "module";
    script.textContent = `
      import { SharedEventSource } from "/twisted-sse.js";
      import { TopicEventSource, changeTopics } from "/twisted-sse-topics.js";
      window.changeTopics = changeTopics;
      window.listen = (url, options, topics) => {
        window.got = [];
        window.seen = [];
        window.source = topics
          ? new TopicEventSource(url, topics, options)
          : new SharedEventSource(url, options);
        window.times = [];
        source.addEventListener("message", ({ data, lastEventId }) => {
          if (isNaN(data)) return;
          window.last = [+data, lastEventId];
          got.push(+data);
          times.push(Date.now());
        });
        source.addEventListener("stream-reset", () => seen.push("reset"));
        source.addEventListener("error", ({ status }) => seen.push(status || "lost"));
      };
    `;
    (document.head || document.documentElement).append(script);
"""


class Tab:
    """
    One tab.

    Attributes:
        topics: Those of its `TopicEventSource`; ``None`` if it has a `SharedEventSource`.
    """

    def __init__(self, browser: TabbedBrowser, handle: str) -> None:
        self.browser = browser
        self.handle = handle
        self.topics: tuple[str, ...] | None = None

    def use(self) -> TabbedBrowser:
        """
        Make it the current tab, and return the browser.
        """
        self.browser.switch_to(self.handle)
        return self.browser

    def run(self, script: str, *arguments: object) -> Any:
        """
        See `Browser.run`.
        """
        return self.use().run(script, *arguments)

    def load(self, page: str) -> None:
        """
        Load *page*, and the modules.
        """
        self.use().open(page)
        self.browser.run(_MODULE)
        self.wait("!!window.listen", "the modules have not been loaded")

    def wait(self, expression: str, what: str, patience: float = PATIENCE) -> Any:
        """
        Wait until *expression* is true in the page.
        """
        return eventually(lambda: self.run(f"return {expression}"), what, patience)

    def close(self) -> None:
        """
        Close it.
        """
        self.use().close_tab()


def navigate(tab: Tab) -> None:
    """
    Leave the page.
    """
    tab.use().open("about:blank")
    tab.close()


def crash(tab: Tab) -> None:
    """
    Let the process of the tab crash.
    """
    browser = tab.use()
    assert isinstance(browser, Chromium)
    browser.crash_tab()


class Tabs:
    """
    Tabs that share a stream.

    Args:
        page: A URL of the hub that does not open streams itself.
    """

    def __init__(self, browser: TabbedBrowser, page: str) -> None:
        self._browser = browser
        self._page = page
        # The first one stays, because a browser without a tab exits.
        self._home = browser.new_tab()
        # Those that follow nothing, with the page and the modules.
        self._idle: list[Tab] = []
        self.all: list[Tab] = []

    def open(
        self,
        url: str,
        *,
        open: bool = True,
        topics: tuple[str, ...] | None = None,
        **options: object,
    ) -> Tab:
        """
        Open a tab that follows *url*.

        Args:
            open: Whether to wait until it has the stream.

            topics: Of a `TopicEventSource`, which the tab then has.

            options: Of the source.
        """
        tab = self._idle.pop() if self._idle else self._new()
        tab.topics = topics
        tab.run("listen(arguments[0], arguments[1], arguments[2])", url, options, topics)
        if open:
            tab.wait("source.readyState === 1", "the stream has not begun")
        self.all.append(tab)
        return tab

    def _new(self) -> Tab:
        self._browser.switch_to(self._home)
        tab = Tab(self._browser, self._browser.new_tab())
        tab.load(self._page)
        return tab

    def rest(self) -> None:
        """
        Let no tab follow anything any more; `open` uses them again, which costs less.
        """
        for tab in self.all:
            tab.run("source.close()")
        self._idle += self.all
        self.all = []

    def leader(self) -> Tab:
        """
        Wait until one tab has the connection, and return it.
        """
        return eventually(
            lambda: next((tab for tab in self.all if tab.run("return source.leading")), None),
            "no tab leads",
        )

    def lose(self, tab: Tab) -> None:
        """
        Forget *tab*, which has ended.
        """
        self.all.remove(tab)

    def close(self) -> None:
        """
        Close all tabs.
        """
        for tab in self.all + self._idle:
            tab.close()
        self.all, self._idle = [], []
        self._browser.switch_to(self._home)

    def numbers(self, last: int) -> list[list[int]]:
        """
        Wait until every tab has got *last*, and return what each has got.
        """
        for tab in self.all:
            tab.wait(f"got.includes({last})", f"{last} has not come")
        return [tab.run("return got") for tab in self.all]

    def compared(self, numbers: "Numbers") -> list[tuple[list[int], list[int]]]:
        """
        Stop *numbers*, and wait until every tab has got the last one of its topics.

        Returns:
            For each tab, what it has got, and what it should have got from its first number on.
        """
        last = numbers.stop()
        found = []
        for tab in self.all:
            goal = numbers.of(tab.topics, 0, last)[-1]
            tab.wait(f"got.at(-1) === {goal}", f"{goal} has not come")
            got: list[int] = tab.run("return got")
            found.append((got, numbers.of(tab.topics, got[0], last)))
        return found


class Numbers:
    """
    Publishes 0, 1 and so on in a thread, until `stop`.

    Args:
        port: The port of the hub.

        topics: One topic; or several, of which each number has one, and every fifth number two.

        rate: How many a second.

        count: The first number.
    """

    def __init__(
        self, port: int, topics: str | tuple[str, ...], rate: float, count: int = 0
    ) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._topics = (topics,) if isinstance(topics, str) else topics
        self._pause = 1 / rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.count = count
        self._thread.start()

    def stop(self) -> int:
        """
        Stop, and return the last number.
        """
        self._stopping.set()
        self._thread.join()
        self._connection.close()
        return self.count - 1

    def of(self, topics: tuple[str, ...] | None, first: int, last: int) -> list[int]:
        """
        The numbers from *first* to *last* on any of *topics*; ``None`` means all topics.
        """
        return [
            number
            for number in range(first, last + 1)
            if topics is None or not self._topics_of(number).isdisjoint(topics)
        ]

    def _topics_of(self, number: int) -> set[str]:
        several = self._topics
        steps = (0, 1) if number % 5 == 0 else (0,)
        return {several[(number + step) % len(several)] for step in steps}

    def _run(self) -> None:
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        while not self._stopping.wait(self._pause):
            topics = sorted(self._topics_of(self.count))
            form = urlencode({"topic": topics, "data": self.count}, doseq=True)
            self._connection.request("POST", "/events", form, headers)
            answer = self._connection.getresponse()
            body = answer.read()
            assert answer.status == 200, body
            self.count += 1
