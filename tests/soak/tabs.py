"""
Many deaths of the tab that has the connection, and restarts of the hub behind nginx, while numbers
are published: no tab may lose a number, or get one twice.

With ``--topics N`` the numbers are on N topics.  Each tab asks for some of them, chosen at random,
and every other new tab begins at an event that another tab has had.  All share one stream.

``python -m tests.soak.tabs --browser chromium --deaths 1000``
``python -m tests.soak.tabs --topics 5 --deaths 1000``
``python -m tests.soak.tabs --tabs 20 --deaths 0 --outages 3 --outage 10``
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import zip_longest

from tests.support.browsers import TabbedBrowser
from tests.support.chromium import Chromium
from tests.support.curl import subscribers
from tests.support.firefox import Firefox
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.proxies import ProxyProcess
from tests.support.tabs import Numbers, Tab, Tabs, crash
from tests.support.waiting import PATIENCE
from tests.test_docs import marked

__all__ = ["main"]

_TOPIC = "soak"

# The longest time between two events since the moment `arguments[0]`, in milliseconds.
_GAP = """
    const first = Math.max(times.findIndex((time) => time > arguments[0]) - 1, 0);
    const after = times.slice(first);
    return Math.max(0, ...after.slice(1).map((time, index) => time - after[index]));
"""


def navigate(tab: Tab) -> None:
    """
    Leave the page.
    """
    tab.use().open("about:blank")
    # On a busy machine the browser may take too long; the tab is of no use any more.
    with suppress(AssertionError):
        tab.close()


def freeze(tab: Tab) -> None:
    """
    Freeze the tab; it is closed later.
    """
    browser = tab.use()
    assert isinstance(browser, Chromium)
    browser.freeze_tab(True)


Death = Callable[[Tab], None]

BROWSERS: dict[str, tuple[Callable[[], TabbedBrowser], tuple[Death, ...]]] = {
    "chromium": (Chromium, (Tab.close, navigate, crash, freeze)),
    "firefox": (Firefox, (Tab.close, navigate)),
}


class Soak:
    """
    A hub, a browser with tabs that follow it, and what was seen.

    Args:
        rate: How many numbers are published a second.

        count: How many tabs there are.

        topics: How many topics there are; 0 for one topic in the URL of all tabs.

        choose: Chooses the topics of each tab.

    Attributes:
        faults: What a tab has lost, or got twice, as sentences.

        gaps: The longest time without an event in another tab at each death, in milliseconds.

        returns: The time from each restart of the hub until every tab was back, in milliseconds.
    """

    def __init__(
        self,
        tabs: Tabs,
        hub: HubProcess,
        rate: float,
        count: int,
        topics: int,
        choose: random.Random,
    ) -> None:
        self._tabs = tabs
        self._hub = hub
        self._rate = rate
        self._choose = choose
        self._topics = tuple(f"{_TOPIC}/{number}" for number in range(topics)) or (_TOPIC,)
        self._shared = topics > 0
        # The number after which a tab begins, by its handle.
        self._begun: dict[str, int] = {}
        self._numbers = Numbers(hub.port, self._topics, rate)
        self.faults: list[str] = []
        self.gaps: list[float] = []
        self.returns: list[float] = []
        for _ in range(count):
            self._open()

    def kill(self, die: Death) -> None:
        """
        Let the leading tab die, and measure how long the others wait.
        """
        leader = self._tabs.leader()
        self.check(leader)
        others = [tab for tab in self._tabs.all if tab is not leader]
        other = max(others, key=lambda tab: len(tab.topics or ()))
        before = time.time() * 1000
        self._tabs.lose(leader)
        die(leader)
        self._tabs.leader()
        goal = self._numbers.count + 5
        other.wait(f"got.at(-1) >= {goal}", "nothing comes any more")
        self.gaps.append(other.run(_GAP, before - 100))
        if die is freeze:
            self._thaw(leader)
        self._open()

    def restart(self, outage: float) -> None:
        """
        Kill the hub, start it again after *outage* seconds, and wait until every tab is back.
        """
        last = self._numbers.stop()
        self._await(last)
        self._hub.kill()
        time.sleep(outage)
        self._hub.restart()
        begun = time.monotonic()
        self._numbers = Numbers(self._hub.port, self._topics, self._rate, last + 1)
        # The longest wait between two attempts depends on how long the hub was away.
        patience = PATIENCE + 2 * outage
        for tab in self._tabs.all:
            tab.wait(f"got.at(-1) > {last}", "it has not come back", patience)
        self.returns.append((time.monotonic() - begun) * 1000)

    def finish(self) -> None:
        """
        Stop publishing, and check every tab.
        """
        self._await(self._numbers.stop())
        for tab in self._tabs.all:
            self.check(tab)
        wanted = {topic for tab in self._tabs.all for topic in tab.topics or self._topics}
        for topic in wanted:
            connected = subscribers(self._hub.url, TOKEN, topic)
            if connected != 1:
                self.faults.append(f"The tabs have {connected} connections with {topic}.")

    def check(self, tab: Tab) -> None:
        """
        Check what *tab* has got so far.
        """
        got = tab.run("return got")
        if not got:
            return
        first = self._begun.get(tab.handle, got[0] - 1) + 1
        right = self._numbers.of(tab.topics, first, got[-1])
        if got != right:
            pairs = zip_longest(got, right)
            wrong, wanted = next(pair for pair in pairs if pair[0] != pair[1])
            self.faults.append(f"A tab has got {wrong} in place of {wanted}.")

    def _await(self, last: int) -> None:
        """
        Wait until every tab has its last number up to *last*.
        """
        for tab in self._tabs.all:
            goal = self._numbers.of(tab.topics, 0, last)[-1]
            tab.wait(f"got.at(-1) >= {goal}", f"{goal} has not come")

    def _open(self) -> None:
        if not self._shared:
            self._tabs.open(f"/events?topic={_TOPIC}").wait("got.length", "nothing comes")
            return
        chosen = self._choose.sample(self._topics, self._choose.randint(1, len(self._topics)))
        other = self._choose.choice([None, *self._tabs.all])
        options = {}
        if other is not None and self._choose.random() < 0.5:
            begun, options["lastEventId"] = other.run("return last")
        tab = self._tabs.open("/events", topics=tuple(chosen), **options)
        if options:
            self._begun[tab.handle] = begun
        tab.wait("got.length", "nothing comes")

    def _thaw(self, tab: Tab) -> None:
        browser = tab.use()
        assert isinstance(browser, Chromium)
        browser.freeze_tab(False)
        goal = self._numbers.count
        tab.wait(f"got.at(-1) >= {goal}", "a thawed tab has not caught up")
        self.check(tab)
        tab.close()


def main(arguments: list[str]) -> int:
    """
    Run, print a summary as JSON, and return the exit status.
    """
    parser = argparse.ArgumentParser(prog="tests.soak.tabs")
    parser.add_argument("--browser", choices=sorted(BROWSERS), default="chromium")
    parser.add_argument("--deaths", type=int, default=1000)
    parser.add_argument("--tabs", type=int, default=4)
    parser.add_argument("--topics", type=int, default=0, help="each tab asks for some of them")
    parser.add_argument("--rate", type=float, default=50.0, help="events per second")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--outages", type=int, default=0, help="restarts of the hub afterward")
    parser.add_argument(
        "--outage", type=float, default=10.0, help="how long each takes, in seconds"
    )
    options = parser.parse_args(arguments)
    start, deaths = BROWSERS[options.browser]
    choose = random.Random(options.seed)
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        hub = HubProcess("--retry", "100", "--history", f"sqlite:{directory}/events.db")
        stack.callback(hub.stop)
        browser = start()
        stack.callback(browser.close)
        front = _proxy(stack, hub) if options.outages else hub.url
        tabs = Tabs(browser, f"{front}/healthz")
        soak = Soak(tabs, hub, options.rate, options.tabs, options.topics, choose)
        # Control-C ends the run early, and what was seen so far counts.
        with suppress(KeyboardInterrupt):
            for count in range(1, options.deaths + 1):
                soak.kill(choose.choice(deaths))
                if count % 50 == 0:
                    print(f"{count} deaths, {len(soak.faults)} faults", file=sys.stderr, flush=True)
            for _ in range(options.outages):
                soak.restart(options.outage)
        soak.finish()
    _print(options, soak)
    return 1 if soak.faults else 0


def _proxy(stack: ExitStack, hub: HubProcess) -> str:
    """
    Put nginx before the hub, and return its URL; it has HTTP/1.1 only.
    """
    (configuration,) = (one.text for one in marked("nginx") if "ssl" in one.text)
    proxy = ProxyProcess("nginx", configuration.replace(" http2", ""), hub.port)
    stack.callback(proxy.end)
    return proxy.url


def _print(options: argparse.Namespace, soak: Soak) -> None:
    summary: dict[str, object] = {
        "browser": options.browser,
        "seed": options.seed,
        "topics": options.topics,
        "deaths": len(soak.gaps),
        "outages": len(soak.returns),
        "faults": soak.faults,
    }
    if gaps := sorted(soak.gaps):
        summary["gap median ms"] = statistics.median(gaps)
        summary["gap 95 % ms"] = gaps[int(len(gaps) * 0.95)]
        summary["gap most ms"] = gaps[-1]
    if soak.returns:
        summary["back after most ms"] = round(max(soak.returns))
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
