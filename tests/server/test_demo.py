"""
The demo's publisher, on a clock of its own and with a hub that only takes notes, and its pages.
"""

import os
import random
import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from subprocess import run

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.server import demo
from twisted_sse.server.demo import (
    DEMO_TOPICS,
    DemoPublisher,
    PriceWalk,
    load_average,
    machine_load,
    parse_meminfo,
)

STATIC = Path(demo.__file__).parent / "static"

MEMINFO = """\
MemTotal:        8000000 kB
MemFree:          500000 kB
MemAvailable:    5000000 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
"""


class RecordingHub:
    """
    Keeps every publication, and answers as it is told.
    """

    def __init__(self) -> None:
        self.published: list[tuple[str, object, str]] = []
        self.outage: Exception | None = None
        self.waiting: list[Deferred[None]] | None = None

    def publish(self, topics: str, data: object, /, *, event: str) -> Deferred[None]:
        self.published.append((topics, data, event))
        if self.outage is not None:
            return fail(self.outage)
        if self.waiting is not None:
            self.waiting.append(Deferred())
            return self.waiting[-1]
        return succeed(None)

    def count(self, topic: str) -> int:
        return sum(published[0] == topic for published in self.published)


class RaisingHub(RecordingHub):
    """
    Refuses at once, with no Deferred.
    """

    def publish(self, topics: str, data: object, /, *, event: str) -> Deferred[None]:
        super().publish(topics, data, event=event)
        raise RuntimeError("refused")


class ParseMeminfoTests(SynchronousTestCase):
    """
    How much memory is in use, by the kernel's own account.
    """

    def test_used_and_total(self) -> None:
        """
        Used is the total less what is available, in bytes.
        """
        memory = parse_meminfo(MEMINFO)

        self.assertEqual(memory, {"used": 3_000_000 * 1024, "total": 8_000_000 * 1024})

    def test_untold(self) -> None:
        """
        A text without either of the two sizes tells nothing.
        """
        for text in ("", "MemTotal: 8 kB\n", "MemAvailable: 8 kB\n", "MemTotal: lots\n"):
            with self.subTest(text=text):
                self.assertIsNone(parse_meminfo(text))


class MachineLoadTests(SynchronousTestCase):
    """
    What the load event says of this machine.
    """

    def test_shape(self) -> None:
        """
        Memory comes from the file, the rest from the system.
        """
        path = Path(self.mktemp())
        path.write_text(MEMINFO)
        measured = machine_load(path)

        self.assertEqual(measured["memory"], parse_meminfo(MEMINFO))
        self.assertEqual(measured["cpus"], os.cpu_count())
        self.assertEqual(list(measured), ["load", "cpus", "memory"])

    def test_no_meminfo(self) -> None:
        """
        A system without the file is no error: its memory is not known.
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
        A system that cannot tell its load is no error: its load is not known.
        """

        def refuse() -> tuple[float, float, float]:
            raise OSError("load average was unobtainable")

        for read in (None, refuse):
            with self.subTest(read=read):
                self.assertIsNone(load_average(read))


class PriceWalkTests(SynchronousTestCase):
    """
    The price of nothing.
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
        The price wanders, but stays within ten of a hundred.
        """
        walk = PriceWalk(random.Random(7))
        prices = [walk()["price"] for _ in range(5_000)]

        self.assertTrue(all(90 < price < 110 for price in prices))
        self.assertGreater(max(prices) - min(prices), 2)


class DemoPublisherTests(SynchronousTestCase):
    """
    What is published, when, and what a failure does.
    """

    def setUp(self) -> None:
        """
        Make a publisher that waits to be started.
        """
        self.hub = RecordingHub()
        self.clock = Clock()
        self.publisher = self.make(self.hub)

    def make(self, hub: RecordingHub) -> DemoPublisher:
        """
        Make a publisher to *hub* that keeps the time of this test.
        """
        return DemoPublisher(
            hub, self.clock, now=lambda: 1000.0 + self.clock.seconds(), chance=random.Random(7)
        )

    def pump(self, seconds: float) -> None:
        """
        Let time pass in eighths of a second: shorter than any interval, and exact as a float.
        """
        self.clock.pump([0.125] * int(seconds * 8))

    def test_silent_before_start(self) -> None:
        """
        Nothing is published before the service starts.
        """
        self.pump(5)

        self.assertEqual(self.hub.published, [])

    def test_first_events(self) -> None:
        """
        The start publishes one event of each kind, under its own topic and type.
        """
        self.publisher.startService()

        kinds = [(topic, event) for topic, _, event in self.hub.published]
        self.assertEqual(
            kinds, [("demo/clock", "clock"), ("demo/load", "load"), ("demo/price", "price")]
        )

    def test_topics_are_listed(self) -> None:
        """
        Whatever is published is in the list that the page subscribes to.
        """
        self.publisher.startService()

        self.assertLess({topic for topic, _, _ in self.hub.published}, set(DEMO_TOPICS))

    def test_intervals(self) -> None:
        """
        In seven seconds come seven more clocks, three more loads and ten more prices.
        """
        self.publisher.startService()
        self.pump(7.125)

        counts = [self.hub.count(topic) for topic in ("demo/clock", "demo/load", "demo/price")]
        self.assertEqual(counts, [8, 4, 11])

    def test_time(self) -> None:
        """
        The clock event tells the time of day, whatever the reactor counts from.
        """
        self.publisher.startService()
        self.clock.advance(1.0)

        times = [data for topic, data, _ in self.hub.published if topic == "demo/clock"]
        self.assertEqual(times, [{"time": 1000.0}, {"time": 1001.0}])

    def test_stop(self) -> None:
        """
        Nothing is published, and nothing left to call, after the stop.
        """
        self.publisher.startService()
        self.publisher.stopService()
        before = len(self.hub.published)
        self.pump(5)

        self.assertEqual(len(self.hub.published), before)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_before_start(self) -> None:
        """
        A service that never ran can be stopped.
        """
        self.publisher.stopService()

        self.assertFalse(self.publisher.running)

    def test_start_again(self) -> None:
        """
        A stopped publisher can be started again, and keeps the same intervals.
        """
        self.publisher.startService()
        self.publisher.stopService()
        self.hub.published.clear()
        self.publisher.startService()
        self.clock.advance(1.0)

        self.assertEqual(self.hub.count("demo/clock"), 2)

    def test_failure_does_not_stop(self) -> None:
        """
        Publishing goes on after a publication that failed.
        """
        self.hub.outage = HistoryUnavailable("away")
        self.publisher.startService()
        self.hub.outage = None
        self.pump(3)

        self.assertEqual(self.hub.count("demo/clock"), 4)

    def test_exception_does_not_stop(self) -> None:
        """
        A hub that raises instead of returning a failure does not stop the loops either.
        """
        hub = RaisingHub()
        self.make(hub).startService()
        self.pump(3)

        self.assertEqual(hub.count("demo/clock"), 4)

    def test_outage_is_logged_once(self) -> None:
        """
        An outage is one warning for each topic, and its end one line.
        """
        with capturedLogs() as logged:
            self.hub.outage = HistoryUnavailable("away")
            self.publisher.startService()
            self.pump(5)
            self.hub.outage = None
            self.pump(5)

        warnings = [entry for entry in logged if entry["log_level"] is LogLevel.warn]
        notices = [entry for entry in logged if entry["log_level"] is LogLevel.info]
        topics = sorted(set(DEMO_TOPICS) - {"demo/notes"})
        self.assertEqual(sorted(entry["topic"] for entry in warnings), topics)
        self.assertEqual(sorted(entry["topic"] for entry in notices), topics)
        self.assertEqual({entry["reason"] for entry in warnings}, {"away"})

    def test_slow_hub(self) -> None:
        """
        Turns are skipped, not queued, while a publication to the topic is unfinished.
        """
        self.hub.waiting = []
        self.publisher.startService()
        self.pump(10)
        waited = len(self.hub.published)
        self.hub.waiting[0].callback(None)
        self.clock.advance(1.0)

        self.assertEqual(waited, 3)
        self.assertEqual(self.hub.count("demo/clock"), 2)

    def test_stop_while_publishing(self) -> None:
        """
        A publication that ends after the stop starts nothing.
        """
        self.hub.waiting = []
        self.publisher.startService()
        self.publisher.stopService()
        for publication in self.hub.waiting:
            publication.callback(None)
        self.pump(5)

        self.assertEqual(len(self.hub.published), 3)

    def test_reactor_unchosen(self) -> None:
        """
        Making a publisher leaves the reactor to whoever starts the program.
        """
        program = (
            "import sys; from twisted_sse.server.demo import DemoPublisher; DemoPublisher(None);"
            "sys.exit('twisted.internet.reactor' in sys.modules)"
        )
        finished = run([sys.executable, "-c", program], cwd=Path(demo.__file__).parents[2])

        self.assertEqual(finished.returncode, 0)


class PageReader(HTMLParser):
    """
    Collects the elements of a page, and the addresses that it fetches by itself.
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
    The pages work under ``default-src 'self'``, and agree with the publisher.
    """

    PAGES = ("index.html", "demo.html")

    def test_nothing_inline(self) -> None:
        """
        No page has a style, or a script, that stands in the page itself.
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
        Whatever a page or a script of it fetches is a file among the static ones.
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

    def test_style_fetches_nothing(self) -> None:
        """
        The style sheet names no address.
        """
        style = (STATIC / "style.css").read_text("utf-8")

        self.assertNotRegex(style, r"url\(|@import")

    def test_ids(self) -> None:
        """
        Every element that a script looks for by a written ID is on the page, and only once.
        """
        ids = PageReader(STATIC / "demo.html").ids()
        wanted = set()
        for name in ("demo.js", "log.js", "panels.js", "publish.js"):
            wanted.update(re.findall(r'find\("([^"]+)"\)', (STATIC / name).read_text("utf-8")))

        self.assertEqual(len(ids), len(set(ids)))
        self.assertLess(wanted, set(ids))

    def test_topics(self) -> None:
        """
        The page subscribes to the topics that the demo has.
        """
        script = (STATIC / "demo.js").read_text("utf-8")

        self.assertEqual(tuple(re.findall(r'"(demo/\w+)"', script)), DEMO_TOPICS)
