"""
The dashboard in Chromium.
"""

import json
import os
import re
import struct
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.accessibility import faults_of
from tests.support.browsers import eventually_in
from tests.support.chromium import Chromium
from tests.support.curl import curl, publish, subscribers
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.streams import RawStream
from tests.support.waiting import eventually

__all__ = ["DashboardTests", "PictureTests", "RestartTests"]

_PICTURE = Path(__file__).resolve().parents[2] / "docs" / "dashboard.png"

_ROWS = "document.querySelectorAll('#rows tr[data-id]')"


class _DashboardTestCase(SynchronousTestCase):
    browser: Chromium
    hub: HubProcess
    admin: str

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the browser and the hub.
        """
        cls.browser = Chromium.shared()
        cls.addClassCleanup(cls.browser.close)
        cls.start()

    @classmethod
    def start(cls) -> None:
        """
        Start the hub.
        """
        port = free_port()
        cls.hub = HubProcess("--admin", str(port))
        cls.addClassCleanup(cls.hub.stop)
        cls.admin = f"http://localhost:{port}"

    def setUp(self) -> None:
        """
        Open the page.
        """
        self.browser.emulate(1280, 900)
        self.browser.open(f"{self.admin}/")
        self.addCleanup(self.browser.open, "about:blank")
        self.wait("document.getElementById('status').dataset.state === 'open'", "is not connected")

    def wait(self, expression: str, what: str) -> Any:
        """
        Wait until *expression* is true in the page.
        """
        return eventually_in(self.browser, expression, f"the page {what}")

    def text(self, name: str) -> str:
        """
        Return the text of the element *name*.
        """
        found: str = self.browser.run(
            "return document.getElementById(arguments[0]).textContent", name
        )
        return found

    def fill(self, name: str, value: str) -> None:
        """
        Fill a field, as by typing.
        """
        self.browser.run(
            "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
            "field.dispatchEvent(new Event('input', {bubbles: true}))",
            *(name, value),
        )

    def click(self, name: str) -> None:
        """
        Click the element *name*.
        """
        self.browser.run("document.getElementById(arguments[0]).click()", name)

    def subscribe(self, *targets: str) -> list[RawStream]:
        """
        Open streams.
        """
        streams = []
        for target in targets:
            stream = RawStream(self.hub.port, f"/events?{target}")
            self.addCleanup(stream.close)
            stream.named("stream-open")
            streams.append(stream)
        return streams

    def cells(self, column: int) -> list[str]:
        """
        Return the texts in one column of the table.
        """
        script = f"return [...{_ROWS}].map((row) => row.cells[arguments[0]].textContent)"
        found: list[str] = self.browser.run(script, column)
        return found


class DashboardTests(_DashboardTestCase):
    """
    What the page shows, and what it does.
    """

    def test_numbers(self) -> None:
        """
        Numbers and charts follow what the hub does.
        """
        self.subscribe("topic=a", "topic=a")
        self.wait("document.getElementById('connections-now').textContent === '2'", "counts wrong")

        # Other tests of this class may have published as well.
        before = int(self.text("published-note").partition(" in all")[0])
        publish(self.hub.url, TOKEN, "a", *"0123456789")
        told = f"document.getElementById('published-note').textContent === '{before + 10} in all'"
        self.wait(told, "has missed it")

        self.wait(
            "document.getElementById('latency-now').textContent.endsWith('s')", "knows no latency"
        )
        self.assertRegex(self.text("latency-now"), r"\A[\d.]+ m?s\Z")
        self.wait("document.querySelector('#published-chart .line').getAttribute('d')", "draws not")
        label = self.browser.run(
            "return document.getElementById('published-chart').getAttribute('aria-label')"
        )
        self.assertRegex(label, r"\ANow \d+, at most [1-9]\d* in the last two minutes\Z")
        self.assertIn("Memory", self.text("fact-history"))

    def test_table(self) -> None:
        """
        The table is searched, sorted and turned by the hub.
        """
        self.subscribe(*(f"topic=t{number:02}" for number in range(60)))
        self.fill("filter-text", "t")
        self.wait(f"{_ROWS}.length === 50", "does not list them")
        self.assertIn("1 to 50 of 60", self.text("table-count"))

        self.browser.run("document.querySelector('[data-sort=topics]').click()")
        self.wait(f"{_ROWS}[0].cells[2].textContent === 't00'", "is not sorted")
        self.click("page-next")
        self.wait(f"{_ROWS}.length === 10", "does not turn")
        self.assertEqual(self.cells(2), [f"t{number}" for number in range(50, 60)])
        self.browser.run("document.querySelector('[data-sort=topics]').click()")
        self.wait(f"{_ROWS}[0].cells[2].textContent === 't59'", "is not reversed")
        sorts = "return document.querySelector('th[aria-sort]').getAttribute('aria-sort')"
        self.assertEqual(self.browser.run(sorts), "descending")

        self.fill("filter-text", "t07")
        self.wait(f"{_ROWS}.length === 1", "does not search")
        self.assertEqual(self.cells(2), ["t07"])

        self.fill("filter-text", "nobody")
        self.wait("document.querySelector('#rows .empty')", "shows somebody")

    def test_close(self) -> None:
        """
        With the keyboard alone, a connection is found and closed with a final event.
        """
        (stream,) = self.subscribe("topic=kicked")
        self.browser.run("document.getElementById('filter-text').focus()")
        self.browser.type("kicked")
        self.wait(f"{_ROWS}.length === 1", "does not find it")
        for _ in range(40):
            self.browser.press("Tab")
            if self.browser.run("return document.activeElement.textContent") == "Close":
                break
        self.browser.press("Enter")
        self.wait("document.getElementById('closing').open", "does not ask")
        self.assertIn("kicked", self.text("closing-who"))
        self.browser.run("document.getElementById('closing-data').focus()")
        self.browser.type("come back later")
        self.browser.press("Tab")
        self.browser.press("Tab")
        self.browser.press("Enter")

        self.assertEqual(stream.data(1), ["come back later"])
        self.wait(f"{_ROWS}.length === 0", "still shows it")
        self.assertIn("is closed", self.text("announcement"))

    def test_kept(self) -> None:
        """
        Who changes the mind closes nothing, and the focus is where it was.
        """
        self.subscribe("topic=kept")
        self.fill("filter-text", "kept")
        self.wait(f"{_ROWS}.length === 1", "does not find it")
        self.browser.run(
            f"const button = {_ROWS}[0].querySelector('button');button.focus(); button.click()"
        )
        self.browser.press("Escape")

        self.wait("!document.getElementById('closing').open", "still asks")
        focused = "return document.activeElement.textContent"
        self.assertEqual(self.browser.run(focused), "Close")
        self.assertEqual(subscribers(self.hub.url, TOKEN, "kept"), 1)

    def test_watch(self) -> None:
        """
        A topic is watched: every type of event, with a filter and a pause.
        """
        self.fill("watch-topic", "watched")
        self.click("watch-start")
        self.wait("document.getElementById('watch-log').textContent.includes('stream-open')", "")
        publish(self.hub.url, TOKEN, "watched", "one", "two")
        publish(self.hub.url, TOKEN, "watched", "three", event="score")
        rows = "[...document.querySelectorAll('#watch-log li:not([hidden])')]"
        texts = f"{rows}.map((row) => row.lastElementChild.textContent)"
        self.wait(f"{rows}.length === 4", "shows not all")
        self.assertEqual(self.browser.run(f"return {texts}.slice(0, 3)"), ["three", "two", "one"])

        self.fill("watch-filter", "score")
        self.assertEqual(self.browser.run(f"return {texts}"), ["three"])
        self.fill("watch-filter", "")

        self.click("watch-pause")
        publish(self.hub.url, TOKEN, "watched", "four")
        self.wait("document.getElementById('watch-pause').textContent === 'Go on (1)'", "goes on")
        self.assertEqual(self.browser.run(f"return {rows}.length"), 4)
        self.click("watch-pause")
        self.assertEqual(self.browser.run(f"return {texts}[0]"), "four")

        self.click("watch-start")
        eventually(lambda: subscribers(self.hub.url, TOKEN, "watched") == 0, "it still watches")

    def test_publish(self) -> None:
        """
        A test event is published, and the hub's own sentence tells what is wrong.
        """
        (stream,) = self.subscribe("topic=test")
        self.fill("publish-topic", "test")
        self.fill("publish-type", "greeting")
        self.fill("publish-data", "hello\nworld")
        self.click("publish-send")
        self.wait("document.getElementById('publish-result').dataset.outcome", "says nothing")

        self.assertIn("handed to 1 subscriber.", self.text("publish-result"))
        self.assertEqual(stream.named("greeting").data, "hello\nworld")

        self.fill("publish-type", "stream-open")
        self.click("publish-send")
        self.wait(
            "document.getElementById('publish-result').dataset.outcome === 'refused'", "is content"
        )
        self.assertIn("stream-open", self.text("publish-result"))

    def test_topics(self) -> None:
        """
        The topics are listed, and watched with one button.
        """
        self.subscribe("topic=popular", "topic=popular", "topic=rare")
        self.wait("document.getElementById('topics').textContent.includes('popular')", "lists none")
        self.browser.run("document.querySelector('#topics [aria-label=\"Watch popular\"]').click()")
        self.wait("document.getElementById('watch-state').textContent === 'watching'", "is idle")

        publish(self.hub.url, TOKEN, "popular", "seen")

        self.wait("document.getElementById('watch-log').textContent.includes('seen')", "is blind")
        self.click("watch-start")

    def test_phone(self) -> None:
        """
        At 390 pixels nothing is cut: the rows become cards, with all buttons in reach.
        """
        self.subscribe("topic=a/long/topic/that/does/not/fit/into/a/line/of/a/phone/at/all")
        self.browser.emulate(390, 844)
        self.wait(f"{_ROWS}.length > 0", "lists nobody")

        self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"), 390)
        beyond = (
            "return [...document.querySelectorAll('button, input, select, textarea')]"
            ".filter((one) => one.offsetParent && one.getBoundingClientRect().right > 390)"
            ".map((one) => one.id || one.textContent)"
        )
        self.assertEqual(self.browser.run(beyond), [])

    def test_accessible(self) -> None:
        """
        axe-core finds no serious fault: light or dark, on a desktop or a phone, in a dialog.
        """
        self.subscribe("topic=a")
        publish(self.hub.url, TOKEN, "a", "hello")
        self.wait(f"{_ROWS}.length > 0", "lists nobody")
        self.wait("document.querySelectorAll('#topics li').length > 0", "lists no topics")
        for width, dark in ((1280, False), (1280, True), (390, False)):
            self.browser.emulate(width, 900, dark=dark)
            self.assertEqual(faults_of(self.browser), [], (width, dark))

        self.browser.emulate(1280, 900)
        self.browser.run(f"{_ROWS}[0].querySelector('button').click()")
        self.assertEqual(faults_of(self.browser), [])

    def test_left(self) -> None:
        """
        A page that was left holds no stream, although the browser keeps it to show it again.
        """
        streams = "^twisted_sse_responses 1.0$"
        metrics = f"{self.admin}/metrics"
        eventually(lambda: re.search(streams, curl(metrics).body, re.M), "it has no stream")
        self.browser.open("about:blank")
        eventually(lambda: not re.search(streams, curl(metrics).body, re.M), "it has one still")

        self.browser.back()

        self.wait("document.getElementById('status')?.dataset.state === 'open'", "is not back")
        eventually(lambda: re.search(streams, curl(metrics).body, re.M), "it has no stream")

    def test_policy(self) -> None:
        """
        The page keeps its own policy: nothing is blocked, and nothing comes from elsewhere.
        """
        loaded = self.browser.run(
            "return performance.getEntriesByType('resource').map((one) => new URL(one.name).origin)"
        )

        self.assertEqual(set(loaded), {self.admin})


class RestartTests(_DashboardTestCase):
    """
    A hub that is killed, and starts again.
    """

    def test_restarted(self) -> None:
        """
        The page says that the hub is away, and goes on when it is back.
        """
        self.wait("document.getElementById('connections-now').textContent === '0'", "counts not")
        self.hub.kill()
        self.wait("document.getElementById('status').dataset.state === 'lost'", "has not noticed")
        self.hub.restart()
        self.wait("document.getElementById('status').dataset.state === 'open'", "is not back")

        self.subscribe("topic=new")

        self.wait("document.getElementById('connections-now').textContent === '1'", "shows the old")
        self.wait(f"{_ROWS}.length === 1 && {_ROWS}[0].textContent.includes('new')", "is old")


class PictureTests(_DashboardTestCase):
    """
    The picture of the page in the documentation.
    """

    WIDTH, HEIGHT, SCALE = 1280, 1180, 2

    @classmethod
    def start(cls) -> None:
        """
        Start a hub with something to show.
        """
        port = free_port()
        cls.hub = HubProcess("--admin", str(port), "--demo")
        cls.addClassCleanup(cls.hub.stop)
        cls.admin = f"http://localhost:{port}"

    def test_picture(self) -> None:
        """
        A screenshot has the expected size; UPDATE_DASHBOARD_PICTURE=1 replaces
        docs/dashboard.png.
        """
        update = os.environ.get("UPDATE_DASHBOARD_PICTURE") == "1"
        topics = [f"topic=rooms/{number % 7}&topic=news" for number in range(24)]
        self.subscribe(*topics, *["topic=demo/*&topic=demo/clock"] * 6)
        self.fill("watch-topic", "*")
        self.click("watch-start")
        for number in range(125 if update else 2):
            room = f"rooms/{number % 7}"
            lines = [json.dumps({"from": "ada", "line": number})] * (1 + number * 7919 % 5)
            publish(self.hub.url, TOKEN, room if number % 3 else "news", *lines, event="chat")
            time.sleep(1.0 if update else 0)
        self.wait("document.querySelector('#published-chart .line').getAttribute('d')", "draws not")

        self.browser.run("document.activeElement.blur(); window.scrollTo(0, 0)")
        picture = self.browser.picture(self.WIDTH, self.HEIGHT, self.SCALE)
        if update:
            _PICTURE.write_bytes(picture)

        # PNG: width and height are in the header chunk, 16 bytes into the file.
        size = struct.unpack(">II", picture[16:24])
        self.assertEqual(size, (self.WIDTH * self.SCALE, self.HEIGHT * self.SCALE))
