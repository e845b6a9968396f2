"""
Tabs with different topics share one stream, in Chromium: each gets what it has asked for, and
nothing is lost, doubled or reordered, whatever happens to the leading tab and to the hub.
"""

import json
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.chromium import Chromium
from tests.support.curl import curl, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.tabs import Numbers, Tab, Tabs, crash, navigate
from tests.support.waiting import eventually

__all__ = ["TabTopicsTests"]

# Events a second while tabs die.
_RATE = 50

_MAX_TOPICS = 8

_NOT_EXACT = "A tab has lost an event, or got one twice, or one that it does not want."


class TabTopicsTests(SynchronousTestCase):
    """
    With a hub whose history is in a file.
    """

    directory: Path
    configuration: Path
    hub: HubProcess
    admin: str
    browser: Chromium
    tabs: Tabs

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the hub and the browser.
        """
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = Path(directory.name)
        cls.configuration = cls.directory / "hub.toml"
        cls.configuration.write_text(f"max-topics = {_MAX_TOPICS}")
        port = free_port()
        cls.admin = f"http://localhost:{port}"
        options = ("--retry", "100", "--keepalive", "2", "--config", str(cls.configuration))
        history = f"sqlite:{directory.name}/events.db"
        cls.hub = HubProcess("--history", history, "--admin", str(port), *options)
        cls.addClassCleanup(cls.hub.stop)
        cls.browser = Chromium()
        cls.addClassCleanup(cls.browser.close)
        cls.tabs = Tabs(cls.browser, f"{cls.hub.url}/healthz")

    def tearDown(self) -> None:
        """
        Close the sources.
        """
        self.tabs.rest()

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

    def connections(self) -> list[dict[str, Any]]:
        """
        The connections of the hub.
        """
        found: list[dict[str, Any]] = curl(f"{self.admin}/connections").json()["connections"]
        return found

    def close_stream(self, data: str, event: str) -> None:
        """
        End the stream of the tabs, after a last event that has no topics.
        """
        (connection,) = self.connections()
        target = f"{self.admin}/connections/{connection['id']}"
        header = "Content-Type: application/json"
        final = json.dumps({"data": data, "event": event})
        curl("-X", "DELETE", "-H", header, "-d", final, target)

    def limit_topics(self, most: int) -> None:
        """
        Let the hub allow at most so many topics in one stream.
        """
        self.configuration.write_text(f"max-topics = {most}")
        os.kill(self.hub.pid, signal.SIGHUP)
        eventually(lambda: f"max-topics is {most}," in self.hub.log, "the hub has the old limit")

    def await_topics(self, *topics: str) -> None:
        """
        Wait until the hub has one connection, with these topics.
        """
        eventually(
            lambda: [sorted(row["topics"]) for row in self.connections()] == [sorted(topics)],
            f"the topics are not {topics}",
        )

    def assert_exact(self, numbers: Numbers) -> None:
        """
        Assert that every tab has got all numbers of its topics from its first on, and no other.
        """
        for got, right in self.tabs.compared(numbers):
            self.assertEqual(got, right, _NOT_EXACT)

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
        self.await_topics("e/a", "e/b")
        self.close_stream("Bye.", "price")
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
        Tabs with different and overlapping topics have one connection, also when the leading tab
        is closed, navigates away, or crashes; the topics of a tab that has ended are removed.
        """
        a, b, c = names = ("deaths/a", "deaths/b", "deaths/c")
        for topics in ((a,), (a, b), (c,)):
            self.open(*topics)
        numbers = self.numbers(*names)
        for tab in self.tabs.all:
            tab.wait("got.length", "nothing comes")
        self.await_topics(*names)
        for die in (Tab.close, navigate, crash):
            leader = self.tabs.leader()
            self.tabs.lose(leader)
            die(leader)
            self.tabs.leader()
            assert leader.topics is not None
            self.open(*leader.topics).wait("got.length", "the new tab gets nothing")
        last = next(tab for tab in self.tabs.all if tab.topics == (c,))
        self.tabs.lose(last)
        last.close()
        self.await_topics(a, b)
        third = self.open(c)
        self.tabs.lose(third)
        crash(third)

        self.await_topics(a, b)
        self.assert_exact(numbers)

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
        A leading tab whose page hangs is replaced, while another tab joins, and catches up
        afterward.
        """
        for topics in (("h/a",), ("h/a", "h/b")):
            self.open(*topics, doubt=200)
        numbers = self.numbers("h/a", "h/b", "h/c")
        leader = self.tabs.leader()
        leader.wait("got.length", "nothing comes")
        # Nothing runs in a page with a dialog.
        leader.run("setTimeout(() => alert('Wait.'))")
        self.tabs.lose(leader)
        self.tabs.leader()
        self.open("h/c", doubt=200).wait("got.length", "the new tab gets nothing")
        leader.use()
        self.browser.dismiss_dialog()
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
        If the hub refuses the topics of all tabs together when the stream comes back, as many tabs
        share one as it allows, and the others have their own.
        """
        for topics in (("n/a", "n/b"), ("n/b", "n/c"), ("n/d",)):
            self.open(*topics)
        publish(self.hub.url, TOKEN, "n/b", "0")
        publish(self.hub.url, TOKEN, "n/d", "1")
        for tab in self.tabs.all:
            tab.wait("got.length", "nothing comes")
        self.await_topics("n/a", "n/b", "n/c", "n/d")
        self.limit_topics(3)
        self.addCleanup(self.limit_topics, _MAX_TOPICS)
        self.close_stream("Again.", "again")
        for number, topic in enumerate("abcd", 2):
            publish(self.hub.url, TOKEN, f"n/{topic}", str(number))
        for tab, goal in zip(self.tabs.all, (3, 4, 5), strict=True):
            tab.wait(f"got.includes({goal})", "the last event has not come")

        got = [tab.run("return got") for tab in self.tabs.all]
        self.assertEqual(got, [[0, 2, 3], [0, 3, 4], [1, 5]])
        modes = [tab.run("return source.mode") for tab in self.tabs.all]
        self.assertEqual(sorted(modes), ["fetch", "shared", "shared"])

    def test_lost_history(self) -> None:
        """
        If the hub has lost its history, every tab is told so, or loads its state again; then each
        gets its own events.
        """
        for topics in (("g/a",), ("g/b",), ("g/a", "g/b")):
            tab = self.open(*topics)
            if topics != ("g/b",):
                tab.run(
                    "source.close();"
                    "window.loads = 0;"
                    "const load = () => { loads += 1; return 'earliest'; };"
                    "listen('/events', { load }, arguments[0]);",
                    topics,
                )
                tab.wait("source.readyState === 1", "the stream has not begun")
        publish(self.hub.url, TOKEN, "g/a", "0")
        publish(self.hub.url, TOKEN, "g/b", "1")
        for tab, goal in zip(self.tabs.all, (0, 1, 1), strict=True):
            tab.wait(f"got.includes({goal})", "the last event has not come")
        self.hub.kill()
        for file in self.directory.glob("events.db*"):
            file.unlink()
        self.hub.restart()
        for tab in self.tabs.all:
            tab.wait("seen.includes('reset')", "it has not been told")
        publish(self.hub.url, TOKEN, "g/a", "2")
        publish(self.hub.url, TOKEN, "g/b", "3")
        for tab, goal in zip(self.tabs.all, (2, 3, 3), strict=True):
            tab.wait(f"got.includes({goal})", "the last event has not come")

        got = [tab.run("return got") for tab in self.tabs.all]
        self.assertEqual(got, [[0, 2], [1, 3], [0, 1, 2, 3]])
        loads = [self.tabs.all[index].run("return loads > 1") for index in (0, 2)]
        self.assertEqual(loads, [True, True])

    def test_lost_requests(self) -> None:
        """
        If the request for the topics of a tab, or its answer, is lost, or comes to a hub that does
        not have the stream, the tab gets everything once all the same; if that does not end, it has
        a stream of its own.
        """
        publish(self.hub.url, TOKEN, "l/b", "0", "1")
        leader = self.open("l/a")
        leader.run(
            """
            const ask = window.fetch;
            window.faults = [];
            window.fetch = async (url, options = {}) => {
              const fault = options.method == "PATCH" ? faults.shift() : undefined;
              if (fault == "answer") await ask(url, options);
              if (fault == "elsewhere") return ask(`${url}`.replace(/....$/, "----"), options);
              if (fault) throw new TypeError("Lost.");
              return ask(url, options);
            };
            """
        )
        cases = [
            (["answer"], "shared"),
            (["request"], "shared"),
            (["elsewhere"], "shared"),
            (["request"] * 3, "fetch"),
        ]
        for faults, mode in cases:
            with self.subTest(faults=faults):
                leader.run("faults.push(...arguments[0])", faults)
                tab = self.open("l/b", lastEventId="earliest")
                self.assertEqual(tab.run("return source.mode"), mode)
                self.assertEqual(leader.run("return faults"), [])
        publish(self.hub.url, TOKEN, "l/b", "2")
        publish(self.hub.url, TOKEN, "l/a", "3")
        leader.wait("got.includes(3)", "the last event has not come")
        others = self.tabs.all[1:]
        for tab in others:
            tab.wait("got.includes(2)", "the last event has not come")

        self.assertEqual(leader.run("return got"), [3])
        self.assertEqual([tab.run("return got") for tab in others], [[0, 1, 2]] * len(cases))

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
            ("/events", [1], {}, "topics must be an array of names, without patterns."),
            ("/events", ["*"], {}, "topics must be an array of names, without patterns."),
            ("/events?topic=a", ["a"], {}, "name all topics in the second argument"),
            ("/events?envelope=type", ["a"], {}, "The URL has envelope"),
            ("/events?presence=watch", ["a"], {}, "The URL has presence"),
            ("/events", ["a"], {"body": "topic=b"}, "A TopicEventSource has no body"),
        ]
        for url, topics, options, sentence in cases:
            with self.subTest(url=url, topics=topics, options=options):
                said = tab.run(
                    "try { listen(...arguments); } catch ({ message }) { return message; }",
                    url,
                    options,
                    topics,
                )
                self.assertIn(sentence, said)
        change = "changeTopics(source, { add: ['y'] })"
        said = tab.run(f"return {change}.catch(({{ message }}) => message)")
        self.assertIn("open another TopicEventSource", said)

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
