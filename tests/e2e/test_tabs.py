"""
One stream for all tabs, in Chromium and in Firefox: nothing is lost or doubled, whatever happens
to the tab that has the connection, and to the hub.
"""

import tempfile
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import TabbedBrowser
from tests.support.chromium import Chromium
from tests.support.curl import publish, subscribers
from tests.support.firefox import Firefox
from tests.support.forwarder import Forwarder
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.proxies import ProxyProcess
from tests.support.tabs import Numbers, Tab, Tabs, crash, navigate
from tests.support.waiting import eventually
from tests.test_docs import marked

__all__ = ["ChromiumTabsTests", "FirefoxTabsTests"]

# Events a second while tabs die.
_RATE = 50


class TabsCase(SynchronousTestCase):
    """
    A hub with its history in a file, and a browser.
    """

    hub: HubProcess
    browser: TabbedBrowser
    tabs: Tabs

    @staticmethod
    def start_browser() -> TabbedBrowser:
        """
        Start the browser of this class.
        """
        raise NotImplementedError

    @classmethod
    def front(cls) -> str:
        """
        Return the URL that the pages are loaded from.
        """
        return cls.hub.url

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the hub and the browser.
        """
        if cls is TabsCase:
            return
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        history = f"sqlite:{directory.name}/events.db"
        cls.hub = HubProcess("--history", history, "--retry", "100", "--keepalive", "2")
        cls.addClassCleanup(cls.hub.stop)
        cls.browser = cls.start_browser()
        cls.addClassCleanup(cls.browser.close)
        cls.tabs = Tabs(cls.browser, f"{cls.front()}/healthz")

    def tearDown(self) -> None:
        """
        Close the tabs.
        """
        self.tabs.close()

    def assert_exact(self, last: int) -> None:
        """
        Assert that every tab has got all numbers from its first to *last*, each once, in order.
        """
        for got in self.tabs.numbers(last):
            self.assertEqual(got, list(range(got[0], last + 1)))

    def let_leaders_die(self, topic: str, *deaths: Callable[[Tab], None]) -> None:
        """
        Let the leading tab die in each of these ways, while numbers are published.
        """
        url = f"/events?topic={topic}"
        for _ in range(3):
            self.tabs.open(url)
        numbers = Numbers(self.hub.port, topic, _RATE)
        self.addCleanup(numbers.stop)
        for die in deaths:
            leader = self.tabs.leader()
            self.tabs.lose(leader)
            die(leader)
            self.tabs.leader()
            self.tabs.open(url).wait("got.length", "the new tab gets nothing")
        self.assert_exact(numbers.stop())
        connected = subscribers(self.hub.url, TOKEN, topic)
        self.assertEqual(connected, 1)

    def count_connections(self, topic: str, tabs: int) -> None:
        """
        Open *tabs* tabs, and assert that they have one connection and get everything.
        """
        for _ in range(tabs):
            self.tabs.open(f"/events?topic={topic}")
        self.assertEqual(subscribers(self.hub.url, TOKEN, topic), 1)
        publish(self.hub.url, TOKEN, topic, "1", "2", "3")

        self.assertEqual(self.tabs.numbers(3), [[1, 2, 3]] * tabs)


class ChromiumTabsTests(TabsCase):
    """
    In Chromium, behind nginx.
    """

    proxy: ProxyProcess

    @staticmethod
    def start_browser() -> TabbedBrowser:
        """
        See `TabsCase.start_browser`.
        """
        return Chromium()

    @classmethod
    def front(cls) -> str:
        """
        See `TabsCase.front`.
        """
        (configuration,) = (one.text for one in marked("nginx") if "ssl" in one.text)
        plain = configuration.replace(" http2", "")
        cls.proxy = ProxyProcess("nginx", plain, cls.hub.port)
        cls.addClassCleanup(cls.proxy.end)
        return cls.proxy.url

    def test_many(self) -> None:
        """
        20 tabs have one connection over HTTP/1.1, where a browser opens six.
        """
        self.count_connections("many", 20)

        protocol = "return performance.getEntriesByType('navigation')[0].nextHopProtocol"
        self.assertEqual(self.tabs.all[0].run(protocol), "http/1.1")

    def test_deaths(self) -> None:
        """
        The leading tab is closed, navigates away, and crashes.
        """
        self.let_leaders_die("deaths", Tab.close, navigate, crash, Tab.close)

    def test_frozen(self) -> None:
        """
        A leading tab that is frozen is replaced, and gets what it has missed when it runs again.
        """
        for _ in range(3):
            self.tabs.open("/events?topic=frozen")
        numbers = Numbers(self.hub.port, "frozen", _RATE)
        self.addCleanup(numbers.stop)
        leader = self.tabs.leader()
        self.tabs.all[0].wait("got.length", "nothing comes")
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

        self.assert_exact(numbers.stop())

    def test_hung(self) -> None:
        """
        A leading tab whose page is busy for seconds is replaced, and catches up afterward.
        """
        for _ in range(3):
            self.tabs.open("/events?topic=hung", doubt=200)
        numbers = Numbers(self.hub.port, "hung", _RATE)
        self.addCleanup(numbers.stop)
        leader = self.tabs.leader()
        leader.wait("got.length", "nothing comes")
        busy = "const end = Date.now() + 5000; while (Date.now() < end); window.free = true;"
        leader.run(f"setTimeout(() => {{ {busy} }})")
        self.tabs.lose(leader)
        other = self.tabs.leader()
        before = numbers.count
        other.wait(f"got.at(-1) > {before + 10}", "the new leader gets nothing")
        leader.wait("window.free", "it is still busy")
        self.tabs.all.append(leader)

        self.assert_exact(numbers.stop())
        self.assertFalse(leader.run("return source.leading"))

    def test_restart(self) -> None:
        """
        While the hub is restarted nginx answers 502 for more than a second; every tab is back by
        itself, exactly.
        """
        for _ in range(3):
            self.tabs.open("/events?topic=restart")
        publish(self.hub.url, TOKEN, "restart", "0", "1")
        self.tabs.numbers(1)
        self.hub.kill()
        for tab in self.tabs.all:
            tab.wait("source.readyState === 0 && source.stale", "the tab knows nothing")
        # After 0.1, 0.2, 0.4 and 0.8 seconds, or later.
        refusals = "statuses.filter((status) => status === 502).length"
        self.tabs.leader().wait(f"{refusals} >= 4", "it does not ask again")
        self.hub.restart()
        publish(self.hub.url, TOKEN, "restart", "2", "3")

        self.assert_exact(3)
        for tab in self.tabs.all:
            self.assertNotIn("reset", tab.run("return seen"))

    def test_network_back(self) -> None:
        """
        When the network is back a new connection replaces the old one, which may be dead.
        """
        for _ in range(2):
            self.tabs.open("/events?topic=back")
        numbers = Numbers(self.hub.port, "back", _RATE)
        self.addCleanup(numbers.stop)
        leader = self.tabs.leader()
        leader.wait("got.length", "nothing comes")
        name = leader.run("return source.connection")
        leader.run("dispatchEvent(new Event('online'))")
        leader.wait(
            f"source.connection && source.connection !== '{name}'", "it has the old connection"
        )

        self.assert_exact(numbers.stop())

    def test_error_in_page(self) -> None:
        """
        An error in a listener of the page costs neither the connection nor an event.
        """
        for _ in range(2):
            tab = self.tabs.open("/events?topic=error")
            tab.run("source.onmessage = () => { throw new Error('in the page'); }")
        publish(self.hub.url, TOKEN, "error", "0", "1", "2")

        self.assert_exact(2)
        for tab in self.tabs.all:
            self.assertEqual(tab.run("return seen"), [])

    def test_nobody_leads(self) -> None:
        """
        Tabs that come while no tab leads get everything when one does.
        """
        url = "/events?topic=nobody"
        holder = self.tabs.open("/events?topic=elsewhere")
        holder.run(
            """
            const group = `sse undefined false ${new URL(arguments[0], location)}`;
            navigator.locks.request(group, () => new Promise((done) => { window.release = done; }));
            """,
            url,
        )
        holder.wait("!!window.release", "the lock is not free")
        for _ in range(2):
            self.tabs.open(url, open=False)
        holder.run("release()")
        self.tabs.lose(holder)
        self.tabs.leader()
        for tab in self.tabs.all:
            tab.wait("source.readyState === 1", "the stream has not begun")
        publish(self.hub.url, TOKEN, "nobody", "0", "1")

        self.assertEqual(self.tabs.numbers(1), [[0, 1], [0, 1]])
        holder.close()

    def test_older_tab(self) -> None:
        """
        A tab that begins at an event that no other tab has reads it from the hub, and then shares.
        """
        first, *_ = publish(self.hub.url, TOKEN, "older", "0", "1", "2")
        self.tabs.open("/events?topic=older")
        numbers = Numbers(self.hub.port, "older", _RATE)
        self.addCleanup(numbers.stop)
        self.tabs.all[0].wait("got.length", "nothing comes")
        late = self.tabs.open("/events?topic=older", lastEventId=first)
        late.wait("got.length > 50", "nothing comes")
        last = numbers.stop()
        late.wait(f"got.at(-1) === {last}", "the last number has not come")
        got = late.run("return got")

        self.assertEqual(got, [1, 2, *range(last + 1)])
        self.assertFalse(late.run("return source.leading"))
        eventually(
            lambda: subscribers(self.hub.url, TOKEN, "older") == 1, "it has its own connection"
        )

    def test_refused(self) -> None:
        """
        A refusal is told to `refused`, and the source asks again if that has found a remedy; if
        not, all tabs are told the status.
        """
        hub = HubProcess("--anonymous", "no")
        self.addCleanup(hub.stop)
        tabs = Tabs(self.browser, f"{hub.url}/healthz")
        self.addCleanup(tabs.close)
        tab = tabs.open("/healthz", open=False)
        tab.run(
            "let token = 'wrong';"
            "window.asked = [];"
            "listen('/events?topic=a', {"
            "  headers: () => ({ Authorization: `Bearer ${token}` }),"
            "  refused: ({ status }) => { asked.push(status); token = arguments[0]; return true; },"
            "})",
            TOKEN,
        )
        tab.wait("source.readyState === 1", "it has not come back")
        others = [tabs.open("/events?topic=b", open=False) for _ in range(2)]
        for other in others:
            other.wait("source.readyState === 2", "it goes on")

        self.assertEqual(tab.run("return asked"), [401])
        for other in others:
            self.assertEqual(other.run("return seen"), [401])

    def test_native(self) -> None:
        """
        The native EventSource is made again after an answer that has ended it.
        """
        tab = self.tabs.open("/events?topic=native", mode="native")
        publish(self.hub.url, TOKEN, "native", "0")
        tab.wait("got.length", "nothing comes")
        self.hub.kill()
        tab.wait("source.readyState === 0", "it is not lost")
        self.hub.restart()
        publish(self.hub.url, TOKEN, "native", "1")

        self.assert_exact(1)

    def test_load(self) -> None:
        """
        `load` is called first, and the stream goes on at the position that it returns.
        """
        first, *_ = publish(self.hub.url, TOKEN, "load", "0", "1", "2")
        tab = self.tabs.open("/events?topic=load")
        tab.run(
            "source.close();"
            "window.loads = 0;"
            "listen('/events?topic=load', {load: () => { loads += 1; return arguments[0]; }})",
            first,
        )

        self.assertEqual(self.tabs.numbers(2), [[1, 2]])
        self.assertEqual(tab.run("return loads"), 1)

    def test_reset(self) -> None:
        """
        After a reset every tab loads its state again, and goes on from there.
        """
        first, *_ = publish(self.hub.url, TOKEN, "reset", "0", "1")
        for _ in range(2):
            tab = self.tabs.open("/events?topic=reset", open=False)
            tab.run(
                "source.close();"
                "window.loads = 0;"
                "listen('/events?topic=reset', {"
                "  load: () => { loads += 1; return loads == 1 ? 'lost-1' : arguments[0]; },"
                "})",
                first,
            )
        publish(self.hub.url, TOKEN, "reset", "2")

        for got in self.tabs.numbers(2):
            self.assertEqual(got, [1, 2])

    def test_topics(self) -> None:
        """
        Topics change on the open stream, and a stream that is lost goes on with them.
        """
        publish(self.hub.url, TOKEN, "topics/b", "1", "2")
        tab = self.tabs.open("/events?topic=topics/a", mode="fetch")
        publish(self.hub.url, TOKEN, "topics/a", "0")
        tab.wait("got.length", "nothing comes")
        change = {"add": ["topics/b"], "remove": ["topics/a"], "lastEventId": "earliest"}
        tab.run("changeTopics(source, arguments[0]).then((all) => { window.all = all; })", change)
        topics = tab.wait("window.all", "the topics have not changed")
        self.hub.kill()
        tab.wait("source.readyState === 0", "it is not lost")
        self.hub.restart()
        publish(self.hub.url, TOKEN, "topics/a", "7")
        publish(self.hub.url, TOKEN, "topics/b", "3")

        self.assertEqual(topics, ["topics/b"])
        self.assert_exact(3)
        self.assertEqual(len(subscribed(tab)), 1)


def subscribed(tab: Tab) -> list[str]:
    """
    The topics in the URL of the source.
    """
    found: list[str] = tab.run("return new URL(source.url).searchParams.getAll('topic')")
    return found


class FirefoxTabsTests(TabsCase):
    """
    In Firefox, behind a network that can be cut.
    """

    network: Forwarder

    @staticmethod
    def start_browser() -> TabbedBrowser:
        """
        See `TabsCase.start_browser`.
        """
        return Firefox()

    @classmethod
    def front(cls) -> str:
        """
        See `TabsCase.front`.
        """
        cls.network = Forwarder(cls.hub.port)
        cls.addClassCleanup(cls.network.close)
        return f"http://localhost:{cls.network.port}"

    def test_many(self) -> None:
        """
        Eight tabs have one connection.
        """
        self.count_connections("many", 8)

    def test_deaths(self) -> None:
        """
        The leading tab is closed, and navigates away.
        """
        self.let_leaders_die("deaths", Tab.close, navigate)

    def test_topics(self) -> None:
        """
        So do tabs with different topics, which have one connection too.
        """
        names = ("t/a", "t/b", "t/c")
        for topics in (names[:1], names[:2], names[2:]):
            self.tabs.open("/events", topics=topics)
        numbers = Numbers(self.hub.port, names, _RATE)
        self.addCleanup(numbers.stop)
        for die in (Tab.close, navigate):
            leader = self.tabs.leader()
            leader.wait("got.length", "nothing comes")
            self.tabs.lose(leader)
            die(leader)
            self.tabs.leader()
            tab = self.tabs.open("/events", topics=leader.topics, lastEventId="earliest")
            tab.wait("got.length", "the new tab gets nothing")

        for got, right in self.tabs.compared(numbers):
            self.assertEqual(got, right)
        self.assertEqual([subscribers(self.hub.url, TOKEN, name) for name in names], [1, 1, 1])

    def test_refused_connection(self) -> None:
        """
        A reconnect that is refused is not the end.
        """
        for _ in range(2):
            self.tabs.open("/events?topic=cut")
        self.network.cut()
        for tab in self.tabs.all:
            tab.wait("source.readyState === 0", "it is not lost")
        publish(self.hub.url, TOKEN, "cut", "0", "1")
        self.network.mend()

        self.assert_exact(1)
