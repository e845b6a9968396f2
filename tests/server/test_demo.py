"""
The demo's events, published by a hub on a clock in memory, and its pages.
"""

import os
import random
import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from subprocess import run
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.hub import Hub
from twisted_sse.server import demo
from twisted_sse.server.demo import (
    DEMO_TOPICS,
    PriceWalk,
    load_average,
    machine_load,
    parse_meminfo,
    publish_demo,
)
from twisted_sse.topics import Selection

STATIC = Path(demo.__file__).parent / "static"

MEMINFO = """\
MemTotal:        8000000 kB
MemFree:          500000 kB
MemAvailable:    5000000 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
"""


class ParseMeminfoTests(SynchronousTestCase):
    """
    `parse_meminfo`.
    """

    def test_used_and_total(self) -> None:
        """
        Used is the total less what is available, in bytes.
        """
        memory = parse_meminfo(MEMINFO)

        self.assertEqual(memory, {"used": 3_000_000 * 1024, "total": 8_000_000 * 1024})

    def test_missing(self) -> None:
        """
        If one of the two sizes is missing, the result is None.
        """
        for text in ("", "MemTotal: 8 kB\n", "MemAvailable: 8 kB\n", "MemTotal: lots\n"):
            with self.subTest(text=text):
                self.assertIsNone(parse_meminfo(text))


class MachineLoadTests(SynchronousTestCase):
    """
    `machine_load` and `load_average`.
    """

    def test_shape(self) -> None:
        """
        The memory is read from the file, the rest from the system.
        """
        path = Path(self.mktemp())
        path.write_text(MEMINFO)
        measured = machine_load(path)

        self.assertEqual(measured["memory"], parse_meminfo(MEMINFO))
        self.assertEqual(measured["cpus"], os.cpu_count())
        self.assertEqual(list(measured), ["load", "cpus", "memory"])

    def test_no_meminfo(self) -> None:
        """
        Without the file, the memory is None.
        """
        measured = machine_load(Path(self.mktemp()))

        self.assertIsNone(measured["memory"])

    def test_load_average(self) -> None:
        """
        The load is rounded to two decimals.
        """
        load = load_average(lambda: (0.456, 1.0, 2.001))

        self.assertEqual(load, [0.46, 1.0, 2.0])

    def test_no_load_average(self) -> None:
        """
        On a system that does not provide its load, the result is None.
        """

        def refuse() -> tuple[float, float, float]:
            raise OSError("load average was unobtainable")

        for read in (None, refuse):
            with self.subTest(read=read):
                self.assertIsNone(load_average(read))


class PriceWalkTests(SynchronousTestCase):
    """
    `PriceWalk`.
    """

    def test_change(self) -> None:
        """
        Each change is the difference from the price before.
        """
        walk = PriceWalk(random.Random(7))
        steps = [walk() for _ in range(50)]

        for before, after in pairwise(steps):
            self.assertEqual(after["change"], round(after["price"] - before["price"], 2))

    def test_comes_back(self) -> None:
        """
        The price moves, but stays between 90 and 110.
        """
        walk = PriceWalk(random.Random(7))
        prices = [walk()["price"] for _ in range(5_000)]

        self.assertTrue(all(90 < price < 110 for price in prices))
        self.assertGreater(max(prices) - min(prices), 2)


class PublishDemoTests(SynchronousTestCase):
    """
    `publish_demo`.
    """

    def setUp(self) -> None:
        """
        Make a hub that publishes the demo when its service runs.
        """
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)
        self.service = self.hub.service()
        publish_demo(self.hub, now=lambda: 1000.0 + self.clock.seconds(), chance=random.Random(7))

    def start(self) -> None:
        """
        Start the service, and let the history keep the first events.
        """
        self.service.startService()
        self.clock.advance(0)

    def pump(self, seconds: float) -> None:
        """
        Advance in eighths of a second: shorter than every interval, and exact as a float.
        """
        self.clock.pump([0.125] * int(seconds * 8))

    def published(self) -> list[tuple[str, str | None, Any]]:
        """
        The topic, event type and data of every publication.
        """
        found = []
        for record in self.hub.history.since(None, Selection.of(["*"]), 1000):
            (topic,) = record.publication.topics
            event = record.publication.event
            found.append((topic, event.event, event.json()))
        return found

    def data(self, topic: str) -> list[Any]:
        """
        The data of everything that was published to *topic*.
        """
        return [data for each, _, data in self.published() if each == topic]

    def test_silent_before_start(self) -> None:
        """
        Nothing is published before the hub's service starts.
        """
        self.pump(5)

        self.assertEqual(self.published(), [])

    def test_first_events(self) -> None:
        """
        The start publishes one event of each kind, under its own topic and type.
        """
        self.start()

        self.assertEqual(
            [(topic, event) for topic, event, _ in self.published()],
            [("demo/clock", "clock"), ("demo/load", "load"), ("demo/price", "price")],
        )

    def test_topics_are_listed(self) -> None:
        """
        The page subscribes to all topics that are published to.
        """
        self.start()

        self.assertLess({topic for topic, _, _ in self.published()}, set(DEMO_TOPICS))

    def test_intervals(self) -> None:
        """
        In seven seconds come seven more clocks, three more loads and ten more prices.
        """
        self.start()
        self.pump(7.125)

        counts = [len(self.data(topic)) for topic in ("demo/clock", "demo/load", "demo/price")]
        self.assertEqual(counts, [8, 4, 11])

    def test_time(self) -> None:
        """
        The clock event has the time of day, whatever the reactor counts from.
        """
        self.start()
        self.pump(1.125)

        self.assertEqual(self.data("demo/clock"), [{"time": 1000.0}, {"time": 1001.0}])

    def test_load(self) -> None:
        """
        The load event has the load and memory of this machine.
        """
        self.start()

        self.assertEqual([list(data) for data in self.data("demo/load")], [list(machine_load())])

    def test_price(self) -> None:
        """
        The price events are the steps of a walk.
        """
        self.start()
        self.pump(2)

        walk = PriceWalk(random.Random(7))
        self.assertEqual(self.data("demo/price"), [walk() for _ in range(3)])

    def test_stop(self) -> None:
        """
        After the stop of the service nothing is published, and no timer is left.
        """
        self.start()
        stopped = self.service.stopService()
        before = len(self.published())
        self.pump(5)

        self.successResultOf(stopped)
        self.assertEqual(len(self.published()), before)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_reactor_unchosen(self) -> None:
        """
        Preparing the demo leaves the choice of the reactor to the program.
        """
        program = (
            "import sys; from twisted_sse.server import demo; demo.publish_demo(demo.Hub());"
            "sys.exit('twisted.internet.reactor' in sys.modules)"
        )
        finished = run([sys.executable, "-c", program], cwd=Path(demo.__file__).parents[2])

        self.assertEqual(finished.returncode, 0)


class PageReader(HTMLParser):
    """
    Collects the elements of a page, and the addresses that it loads.
    """

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def fetched(self) -> set[str]:
        found = set()
        for tag, attributes in self.elements:
            address = attributes.get("href" if tag == "link" else "src")
            if address is not None:
                found.add(address)
        return found

    def ids(self) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get("id"))]


class PagesTests(SynchronousTestCase):
    """
    The pages comply with ``default-src 'self'``, and match the demo.
    """

    PAGES = ("index.html", "demo.html")

    def test_nothing_inline(self) -> None:
        """
        No page has inline styles or scripts.
        """
        for name in self.PAGES:
            for tag, attributes in PageReader(STATIC / name).elements:
                with self.subTest(page=name, tag=tag, attributes=attributes):
                    self.assertNotEqual(tag, "style")
                    self.assertNotIn("style", attributes)
                    self.assertFalse([key for key in attributes if key.startswith("on")])
                    self.assertTrue(tag != "script" or "src" in attributes)

    def test_all_fetched_from_static(self) -> None:
        """
        Every address that a page or its scripts load is a static file, and no file is unused.
        """
        fetched = {
            address for name in self.PAGES for address in PageReader(STATIC / name).fetched()
        }
        for script in STATIC.glob("*.js"):
            imported = re.findall(r'from "\./([^"]+)"', script.read_text("utf-8"))
            fetched.update(f"/static/{name}" for name in imported)

        self.assertEqual(
            fetched,
            {f"/static/{path.name}" for path in STATIC.iterdir() if path.suffix != ".html"},
        )

    def test_style_loads_nothing(self) -> None:
        """
        The style sheet loads nothing.
        """
        style = (STATIC / "style.css").read_text("utf-8")

        self.assertNotRegex(style, r"url\(|@import")

    def test_ids(self) -> None:
        """
        Every element ID that a script looks up is on the page, and only once.
        """
        ids = PageReader(STATIC / "demo.html").ids()
        wanted = set()
        for name in ("demo.js", "log.js", "panels.js", "publish.js"):
            wanted.update(re.findall(r'find\("([^"]+)"\)', (STATIC / name).read_text("utf-8")))

        self.assertEqual(len(ids), len(set(ids)))
        self.assertLess(wanted, set(ids))

    def test_topics(self) -> None:
        """
        The page subscribes to the demo topics.
        """
        script = (STATIC / "demo.js").read_text("utf-8")

        self.assertEqual(tuple(re.findall(r'"(demo/\w+)"', script)), DEMO_TOPICS)
