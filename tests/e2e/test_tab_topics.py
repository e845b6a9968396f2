"""
Tabs with different topics share one stream, in Chromium and in Firefox: each gets what it has asked
for, and nothing is lost, doubled or reordered, whatever happens to the leading tab and to the hub.
"""

import tempfile
from collections.abc import Callable, Iterable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import TabbedBrowser
from tests.support.chromium import Chromium
from tests.support.curl import curl, publish
from tests.support.firefox import Firefox
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.tabs import Numbers, Tab, Tabs
from tests.support.waiting import eventually

__all__ = ["ChromiumTabTopicsTests", "FirefoxTabTopicsTests"]

# Events a second while tabs die.
_RATE = 50

_MAX_TOPICS = 8

_NOT_EXACT = "A tab has lost an event, or got one twice, or one that it does not want."


class TabTopicsCase(SynchronousTestCase):
    """
    A hub with its history in a file, and a browser.
    """

    hub: HubProcess
    admin: str
    browser: TabbedBrowser
    tabs: Tabs

    @staticmethod
    def start_browser() -> TabbedBrowser:
        """
        Start the browser of this class.
        """
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the hub and the browser.
        """
        if cls is TabTopicsCase:
            return
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        port = free_port()
        cls.admin = f"http://localhost:{port}"
        options = ("--retry", "100", "--keepalive", "2", "--max-topics", str(_MAX_TOPICS))
        history = f"sqlite:{directory.name}/events.db"
        cls.hub = HubProcess("--history", history, "--admin", str(port), *options)
        cls.addClassCleanup(cls.hub.stop)
        cls.browser = cls.start_browser()
        cls.addClassCleanup(cls.browser.close)
        cls.tabs = Tabs(cls.browser, f"{cls.hub.url}/healthz")

    def tearDown(self) -> None:
        """
        Close the tabs.
        """
        self.tabs.close()

    def open(self, *topics: str, open: bool = True, **options: object) -> Tab:
        """
        Open a tab with these topics.
        """
        return self.tabs.open("/events", topics=topics, open=open, **options)

    def numbers(self, *topics: str) -> Numbers:
        """
        Publish numbers on all of *topics*.
        """
        numbers = Numbers(self.hub.port, topics, _RATE)
        self.addCleanup(numbers.stop)
        return numbers

    def streams(self) -> list[list[str]]:
        """
        The topics of each connection of the hub.
        """
        rows: list[dict[str, Any]] = curl(f"{self.admin}/connections").json()["connections"]
        return [sorted(row["topics"]) for row in rows]

    def await_topics(self, *topics: str) -> None:
        """
        Wait until the hub has one connection, with these topics.
        """
        eventually(lambda: self.streams() == [sorted(topics)], f"the topics are not {topics}")

    def assert_exact(self, numbers: Numbers, tabs: Iterable[Tab] = ()) -> None:
        """
        Assert that every tab has got all numbers of its topics from its first on, and no other.
        """
        last = numbers.stop()
        for tab in tabs or self.tabs.all:
            goal = numbers.of(tab.topics, 0, last)[-1]
            tab.wait(f"got.at(-1) === {goal}", f"{goal} has not come")
            got = tab.run("return got")
            self.assertEqual(got, numbers.of(tab.topics, got[0], last), _NOT_EXACT)

    def let_leaders_die(self, prefix: str, *deaths: Callable[[Tab], None]) -> None:
        """
        Let the leading tab die in each of these ways, while numbers are published; a tab with the
        same topics follows it.
        """
        a, b, c = names = tuple(f"{prefix}/{letter}" for letter in "abc")
        for topics in ((a,), (a, b), (c,)):
            self.open(*topics)
        numbers = self.numbers(*names)
        for tab in self.tabs.all:
            tab.wait("got.length", "nothing comes")
        for die in deaths:
            leader = self.tabs.leader()
            self.tabs.lose(leader)
            die(leader)
            self.tabs.leader()
            assert leader.topics is not None
            self.open(*leader.topics).wait("got.length", "the new tab gets nothing")
        self.assert_exact(numbers)
        self.await_topics(*names)


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


class ChromiumTabTopicsTests(TabTopicsCase):
    """
    In Chromium.
    """

    @staticmethod
    def start_browser() -> TabbedBrowser:
        """
        See `TabTopicsCase.start_browser`.
        """
        return Chromium()

    def test_different(self) -> None:
        """
        Tabs with different and overlapping topics have one connection, and each gets its own
        events; the topics of a tab that is closed, or has crashed, are removed.
        """
        first = self.open("a")
        second = self.open("a", "b")
        third = self.open("c")
        self.await_topics("a", "b", "c")
        numbers = self.numbers("a", "b", "c", "d")
        second.wait("got.length > 20", "nothing comes")
        self.tabs.lose(third)
        crash(third)
        self.await_topics("a", "b")
        self.tabs.lose(second)
        second.close()
        self.await_topics("a")

        self.assert_exact(numbers)
        self.assertEqual([tab.handle for tab in self.tabs.all], [first.handle])

    def test_event(self) -> None:
        """
        A page gets the event as it was published, with those of its topics that the event has.
        """
        tabs = [self.open("e/a"), self.open("e/a", "e/b")]
        for tab in tabs:
            tab.run(
                "window.told = [];"
                "source.addEventListener('price', ({ type, data, topics }) => "
                "{ told.push([type, data, topics]); })"
            )
        publish(self.hub.url, TOKEN, "e/b", '{"price": 1}', event="price")
        publish(self.hub.url, TOKEN, "e/a", "2", event="price")
        for tab in tabs:
            tab.wait("told.some(([, data]) => data === '2')", "the last event has not come")
        # It belongs to the stream, not to a topic.
        (connection,) = curl(f"{self.admin}/connections").json()["connections"]
        final = '{"data": "Bye.", "event": "price"}'
        target = f"{self.admin}/connections/{connection['id']}"
        curl("-X", "DELETE", "-H", "Content-Type: application/json", "-d", final, target)
        for tab in tabs:
            tab.wait("told.some(([, data]) => data === 'Bye.')", "the final event has not come")

        self.assertEqual(
            [tab.run("return told") for tab in tabs],
            [
                [["price", "2", ["e/a"]], ["price", "Bye.", []]],
                [
                    ["price", '{"price": 1}', ["e/b"]],
                    ["price", "2", ["e/a"]],
                    ["price", "Bye.", []],
                ],
            ],
        )

    def test_position(self) -> None:
        """
        A tab that names an event gets everything of its topics after it, also of topics that the
        stream had before; the other tabs get nothing twice.
        """
        first, *_ = publish(self.hub.url, TOKEN, "p/a", "0", "1", "2")
        self.open("p/a")
        publish(self.hub.url, TOKEN, "p/b", "7", "8")
        late = self.open("p/a", "p/b", lastEventId=first)
        publish(self.hub.url, TOKEN, "p/a", "9")
        for tab in self.tabs.all:
            tab.wait("got.includes(9)", "the last event has not come")

        self.assertEqual(self.tabs.all[0].run("return got"), [9])
        self.assertEqual(late.run("return got"), [1, 2, 7, 8, 9])
        self.await_topics("p/a", "p/b")

    def test_position_while_publishing(self) -> None:
        """
        So it is while events are published.
        """
        numbers = self.numbers("w/a", "w/b")
        leader = self.open("w/a")
        leader.wait("got.length > 10", "nothing comes")
        late = [self.open(topic, lastEventId="earliest") for topic in ("w/a", "w/b")]
        for tab in late:
            tab.wait("got.length > 30", "nothing comes")

        self.assert_exact(numbers)
        for tab, first in zip(late, (0, 0), strict=True):
            self.assertEqual(tab.run("return got[0]"), first)

    def test_other_topics(self) -> None:
        """
        A page that shows other topics misses none of their events, also if it leads.
        """
        for topics in (("s/a",), ("s/b",)):
            self.open(*topics)
        numbers = self.numbers("s/a", "s/b", "s/c")
        for tab in self.tabs.all:
            tab.wait("got.length > 5", "nothing comes")
        for tab in self.tabs.all:
            tab.run(
                "const old = source;"
                "listen('/events', { lastEventId: old.lastEventId }, ['s/b', 's/c']);"
                "old.close();"
            )
            tab.topics = ("s/b", "s/c")
            # The next one may have been on its way.
            later = numbers.count + 2
            tab.wait("got.length > 5", "nothing comes of the other topics")

            first = tab.run("return got[0]")
            self.assertLessEqual(first, numbers.of(tab.topics, later, later + 5)[0])
        self.assert_exact(numbers)

    def test_deaths(self) -> None:
        """
        The leading tab is closed, navigates away, and crashes.
        """
        self.let_leaders_die("deaths", Tab.close, navigate, crash, Tab.close)

    def test_frozen(self) -> None:
        """
        A leading tab that is frozen is replaced, and gets what it has missed when it runs again.
        """
        for topics in (("f/a",), ("f/b",), ("f/a", "f/c")):
            self.open(*topics)
        numbers = self.numbers("f/a", "f/b", "f/c")
        leader = self.tabs.leader()
        leader.wait("got.length", "nothing comes")
        browser = leader.use()
        assert isinstance(browser, Chromium)
        browser.freeze_tab(True)
        self.tabs.lose(leader)
        before = numbers.count
        self.tabs.leader()
        eventually(lambda: numbers.count > before + 20, "nothing is published")
        leader.use()
        browser.freeze_tab(False)
        self.tabs.all.append(leader)

        self.assert_exact(numbers)

    def test_hung(self) -> None:
        """
        A leading tab whose page is busy for seconds is replaced, while another tab joins, and
        catches up afterward.
        """
        for topics in (("h/a",), ("h/a", "h/b")):
            self.open(*topics, doubt=200)
        numbers = self.numbers("h/a", "h/b", "h/c")
        leader = self.tabs.leader()
        leader.wait("got.length", "nothing comes")
        busy = "const end = Date.now() + 5000; while (Date.now() < end); window.free = true;"
        leader.run(f"setTimeout(() => {{ {busy} }})")
        self.tabs.lose(leader)
        self.tabs.leader()
        self.open("h/c", doubt=200).wait("got.length", "the new tab gets nothing")
        leader.wait("window.free", "it is still busy")
        self.tabs.all.append(leader)

        self.assert_exact(numbers)

    def test_restart(self) -> None:
        """
        After a restart of the hub every tab goes on with its topics.
        """
        for topics in (("r/a",), ("r/b",), ("r/a", "r/c")):
            self.open(*topics)
        numbers = self.numbers("r/a", "r/b", "r/c")
        for tab in self.tabs.all:
            tab.wait("got.length > 5", "nothing comes")
        last = numbers.stop()
        self.hub.kill()
        for tab in self.tabs.all:
            tab.wait("source.readyState === 0", "it is not lost")
        self.hub.restart()
        numbers = Numbers(self.hub.port, ("r/a", "r/b", "r/c"), _RATE, last + 1)
        self.addCleanup(numbers.stop)
        for tab in self.tabs.all:
            tab.wait(f"got.at(-1) > {last + 5}", "it has not come back")

        self.assert_exact(numbers)
        for tab in self.tabs.all:
            self.assertNotIn("reset", tab.run("return seen"))

    def test_unknown_position(self) -> None:
        """
        A tab that names an event which is not kept is told so, and gets everything that is kept,
        or loads its state; the other tabs do not notice.
        """
        first, *_ = publish(self.hub.url, TOKEN, "u/a", "0", "1")
        other = self.open("u/a")
        late = self.open("u/a", open=False, lastEventId="lost-1")
        loader = self.open("u/a", open=False)
        loader.run(
            "source.close();"
            "window.loads = 0;"
            "listen('/events', {"
            "  load: () => { loads += 1; return loads == 1 ? 'lost-2' : arguments[0]; },"
            "}, ['u/a'])",
            first,
        )
        for tab in (late, loader):
            tab.wait("got.length && source.readyState === 1", "it gets nothing")
        publish(self.hub.url, TOKEN, "u/a", "2")
        for tab in self.tabs.all:
            tab.wait("got.includes(2)", "the last event has not come")

        self.assertEqual([tab.run("return got") for tab in (other, late)], [[2], [0, 1, 2]])
        self.assertEqual(loader.run("return [got, loads]"), [[1, 2], 2])
        self.assertEqual([tab.run("return seen") for tab in (other, late)], [[], ["reset"]])

    def test_too_many(self) -> None:
        """
        A tab whose topics would be too many for the stream has its own; what the hub refuses then
        is told to that tab alone.
        """
        first = self.open("m/a")
        many = self.open(*(f"m/{number}" for number in range(_MAX_TOPICS)))
        far = self.open(*(f"m/{number}" for number in range(_MAX_TOPICS + 1)), open=False)
        far.wait("source.readyState === 2", "it goes on")
        publish(self.hub.url, TOKEN, "m/a", "1")
        publish(self.hub.url, TOKEN, "m/1", "1")
        for tab in (first, many):
            tab.wait("got.includes(1)", "nothing comes")

        self.assertEqual(many.run("return source.mode"), "fetch")
        self.assertEqual(far.run("return seen"), [400])
        self.assertEqual(first.run("return seen"), [])

    def test_narrower(self) -> None:
        """
        If the hub comes back and refuses the topics of all tabs together, as many tabs share a
        stream as it allows, and the others have their own.
        """
        with tempfile.TemporaryDirectory() as directory:
            options = ("--retry", "100", "--history", f"sqlite:{directory}/events.db")
            hub = HubProcess(*options)
            tabs = Tabs(self.browser, f"{hub.url}/healthz")
            self.addCleanup(tabs.close)
            names = ("a", "b"), ("b", "c"), ("d",)
            for topics in names:
                tabs.open("/events", topics=topics)
            publish(hub.url, TOKEN, "b", "0")
            hub.stop()
            for tab in tabs.all:
                tab.wait("source.readyState === 0", "it is not lost")
            hub = HubProcess(*options, "--max-topics", "3", port=hub.port)
            self.addCleanup(hub.stop)
            for number, topic in enumerate("abcd", 1):
                publish(hub.url, TOKEN, topic, str(number))
            for tab, goal in zip(tabs.all, (2, 3, 4), strict=True):
                tab.wait(f"got.includes({goal})", "the last event has not come")

            got = [tab.run("return got") for tab in tabs.all]
            self.assertEqual(got, [[0, 1, 2], [0, 2, 3], [4]])
            self.assertEqual(sum(tab.run("return source.mode === 'fetch'") for tab in tabs.all), 1)

    def test_end(self) -> None:
        """
        A tab whose topics have all ended is closed, as if it had a stream of its own.
        """
        over, other = self.open("end/a"), self.open("end/a", "end/b")
        header = f"Authorization: Bearer {TOKEN}"
        curl("-H", header, "-d", "topic=end/a", "-d", "end=done", f"{self.hub.url}/events")
        over.wait("source.readyState === 2", "it goes on")
        publish(self.hub.url, TOKEN, "end/b", "1")
        other.wait("got.includes(1)", "nothing comes")

        self.assertEqual(over.run("return seen.at(-1)"), 204)
        self.await_topics("end/a", "end/b")

    def test_refusals(self) -> None:
        """
        Arguments that cannot be obeyed are refused at once, by a sentence.
        """
        tab = self.open("x")
        cases: list[tuple[str, object, dict[str, object], str]] = [
            ("/events", [], {}, "topics must be an array of names, without patterns."),
            ("/events", "news", {}, "topics must be an array of names, without patterns."),
            ("/events", ["a/{b}"], {}, "topics must be an array of names, without patterns."),
            ("/events", ["*"], {}, "topics must be an array of names, without patterns."),
            ("/events?topic=a", ["a"], {}, "name all topics in the second argument"),
            ("/events?envelope=type", ["a"], {}, "The URL has envelope"),
            ("/events?presence=watch", ["a"], {}, "The URL has presence"),
            ("/events", ["a"], {"body": "topic=b"}, "A TopicEventSource has no body"),
        ]
        for url, topics, options, sentence in cases:
            with self.subTest(url=url, topics=topics, options=options):
                said = tab.run(
                    "const last = source;"
                    "try { listen(...arguments); } catch ({ message }) { return message; }",
                    url,
                    options,
                    topics,
                )
                self.assertIn(sentence, said)

    def test_own_connection(self) -> None:
        """
        A tab that cannot share has a stream of its own, with its topics only.
        """
        publish(self.hub.url, TOKEN, "o/a", "0")
        tab = self.open("o/a", mode="fetch", lastEventId="earliest")
        publish(self.hub.url, TOKEN, "o/a", "1")
        tab.wait("got.includes(1)", "the last event has not come")

        self.assertEqual(tab.run("return got"), [0, 1])
        self.await_topics("o/a")


class FirefoxTabTopicsTests(TabTopicsCase):
    """
    In Firefox.
    """

    @staticmethod
    def start_browser() -> TabbedBrowser:
        """
        See `TabTopicsCase.start_browser`.
        """
        return Firefox()

    def test_deaths(self) -> None:
        """
        The leading tab is closed, and navigates away.
        """
        self.let_leaders_die("deaths", Tab.close, navigate)
