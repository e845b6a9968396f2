"""
The scripts for pages in the documentation, each in Chromium, at a hub.

A case supplies what its script takes from the rest of its page, and says what it does.
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import eventually_in
from tests.support.chromium import Chromium
from tests.support.curl import curl, publish
from tests.support.forwarder import Forwarder
from tests.support.ports import free_port
from tests.support.processes import Background
from tests.support.waiting import eventually
from tests.test_docs import Snippet, snippets

__all__ = ["ScriptTests", "page_scripts"]

_PROGRAM = Path(__file__).resolve().with_name("pagehub.py")

# What is said, and how often, while the page is shown.
_BEFORE = """
window.shown = [];
window.show = (...words) => shown.push(words.join(" "));
console.log = show;
"""


class Case(NamedTuple):
    """
    How a script is tried.

    Attributes:
        place: The document, and a line of the script.

        expected: An expression that becomes true, and stays so.

        before: The part of the page above the script.

        after: The part of the script's page that uses it.

        publish: Topic and data that are published until *expected* is true.

        event: The type of what is published.
    """

    place: str
    expected: str
    before: str = ""
    after: str = ""
    publish: tuple[str, str] = ("", "")
    event: str = "message"


_SOURCE = 'const source = new EventSource("/events?topic=news");'
_SHOW_ALL = 'source.addEventListener("message", (event) => show(event.data));'
_SHARED = 'import { SharedEventSource } from "/twisted-sse.js";'

CASES = [
    Case(
        'browser-gives-up.md: listen("/events?topic=news"',
        "shown.includes('hello')",
        publish=("news", "hello"),
    ),
    Case(
        'close.md: "goodbye"',
        "source.readyState === EventSource.CLOSED",
        before=_SOURCE,
        publish=("news", "bye"),
        event="goodbye",
    ),
    Case(
        "cors.md: withCredentials",
        "source.withCredentials && source.readyState === EventSource.OPEN && shown.length",
        after=_SHOW_ALL,
        publish=("news", "hello"),
    ),
    Case(
        "fetch.md: refused:",
        "shown.includes('hello') && asked.includes('wrong')",
        before="window.asked = []; const logIn = () => true;"
        "const token = async () => { asked.push(asked.length ? 'right' : 'wrong');"
        "return asked.at(-1); };",
        publish=("users/ada", "hello"),
    ),
    Case(
        "jobs.md: async function begin()",
        "state.textContent === 'done' && bar.value === 1 && link.href.endsWith('/export.csv')"
        " && location.hash === '#export'",
        before="document.body.innerHTML ="
        "'<progress id=bar></progress><a id=link></a><p id=state>';",
        after="begin();",
    ),
    Case(
        "mercure.md: /.well-known/mercure",
        r"/^\S+ bread$/.test(shown.at(-1))",
        publish=("https://example.com/books/1", "bread"),
    ),
    Case(
        "pages.md: last_event_id=earliest",
        "shown.filter((one) => one === 'kept').length === 1",
        before="const clear = () => show('clear');",
        after=_SHOW_ALL,
    ),
    Case(
        "presence.md: presence=events",
        "document.querySelector('#people').textContent === 'ada'",
        before="document.cookie = 'user=ada; path=/';"
        "document.body.innerHTML = '<p id=people></p>';",
    ),
    Case(
        'runs.md: new EventSource("/chat/7")',
        "shown.join('') === 'The answer is 42.done'",
    ),
    Case(
        "six-connections.md: topic=prices",
        "shown.includes('12')",
        after=_SHOW_ALL,
        publish=("prices", "12"),
    ),
    Case(
        "tabs.md: statechange",
        "shown.includes('log in') && document.body.classList.contains('stale')",
        before=f"{_SHARED} const showLogin = () => show('log in');"
        'const source = new SharedEventSource("/events?topic=news&refused=");'
        "source.addEventListener('open', () => fetch('/refuse', { method: 'PUT' }));",
    ),
    Case(
        "tabs.md: async load()",
        "shown[0] === 'tea' && shown.includes('coffee')",
        before=f"{_SHARED} const render = show;",
        after=_SHOW_ALL,
        publish=("orders", "coffee"),
    ),
    Case(
        "tabs.md: changeTopics",
        "shown.includes('kept')",
        before=_SHARED,
        after=f"{_SHOW_ALL} source.addEventListener('open', () => enter('kept', 'earliest'));",
    ),
    Case(
        "topics.md: for (const topic of topics) show(topic, data);",
        "shown.includes('rooms/1 hello')",
        publish=("rooms/1", "hello"),
    ),
    Case(
        "topics.md: topic-end",
        "shown.includes('job/1 done')",
        before='const source = new EventSource("/events?topic=job/1&topic=news&envelope=topic");'
        "window.close = show;"
        'source.addEventListener("stream-open", () => fetch("/events", { method: "POST",'
        'credentials: "omit", headers: { Authorization: "Bearer right" },'
        'body: new URLSearchParams({ topic: "job/1", end: "done" }) }));',
    ),
    Case(
        "topics.md: PATCH",
        "shown.includes('kept')",
        after='source.addEventListener("message", (event) => show(JSON.parse(event.data).data));'
        'source.addEventListener("stream-open", () => enter("kept", "earliest"));',
    ),
    Case(
        "topics.md: heartbeat=event",
        "shown.length > 2 && !document.body.classList.contains('offline')",
        after='source.addEventListener("stream-heartbeat", () => show("beat"));',
    ),
    Case(
        "tabs.md: reload()",
        "shown.includes('hello')",
        before="window.reload = () => show('reload');",
        publish=("news", "hello"),
    ),
]


def page_scripts() -> list[Snippet]:
    """
    The scripts that these tests run.
    """
    return [_script(case) for case in CASES] + [_worker()]


def _script(case: Case) -> Snippet:
    document, _, line = case.place.partition(": ")
    (found,) = (
        one
        for one in snippets()
        if (one.document.name, one.language) in ((document, "js"), (document, "html"))
        and not one.mark
        and line in one.text
    )
    return found


def _worker() -> Snippet:
    (found,) = (one for one in snippets() if "event.respondWith" in one.text)
    return found


class ScriptTests(SynchronousTestCase):
    """
    Each script in a page of its own.
    """

    port: int
    network: Forwarder
    browser: Chromium
    home: Path

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start the hub, a second way to it, and the browser.
        """
        directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(directory.cleanup)
        cls.home = Path(directory.name)
        cls.port = free_port()
        program = Background([sys.executable, str(_PROGRAM), str(cls.port), directory.name])
        cls.addClassCleanup(program.end)
        cls.network = Forwarder(cls.port)
        cls.addClassCleanup(cls.network.close)
        cls.browser = Chromium()
        cls.addClassCleanup(cls.browser.close)
        eventually(lambda: cls._answers(program), "the hub does not answer")
        publish(cls._url(), "right", "kept", "kept")
        publish(cls._url(), "right", "news", "kept")

    @classmethod
    def _answers(cls, program: Background) -> bool:
        assert program.running(), program.output()
        return f"starting on {cls.port}" in program.output()

    @classmethod
    def _url(cls) -> str:
        return f"http://localhost:{cls.port}"

    def tearDown(self) -> None:
        """
        End the streams of the page, and let those of the next one in.
        """
        self.browser.open("about:blank")
        curl(f"{self._url()}/refuse", "--request", "DELETE")

    def show(self, text: str, before: str = "", after: str = "") -> None:
        """
        Load a page with *text*, a script or a piece of HTML, between two other scripts.
        """
        text = text.replace("https://events.example", f"http://127.0.0.1:{self.network.port}")
        text = text.replace("http://localhost:8080", self._url())
        if text.startswith("<"):
            body = f"<script>{before}</script>{text}"
        else:
            script = "\n".join([before, text, after])
            is_module = re.search("^(import|await) ", script, re.M)
            kind = ' type="module"' if is_module else ""
            known = "window.source = source;" if "const source" in script else ""
            body = f"<script{kind}>{script}\n{known}</script>"
        # Each has a name of its own: the browser does not ask again for one that it has.
        path = self.home / f"{len(list(self.home.iterdir()))}.html"
        path.write_text(f"<!doctype html><body><script>{_BEFORE}</script>{body}", "utf-8")
        self.browser.open(f"{self._url()}/pages/{path.name}")

    def wait(self, expression: str) -> None:
        """
        Wait until *expression* is true in the page.
        """
        eventually_in(self.browser, expression, f"not {expression}")

    def test_cases(self) -> None:
        """
        Each does what its page says.
        """
        for case in CASES:
            with self.subTest(place=case.place):
                self.show(_script(case).text, case.before, case.after)
                eventually(lambda case=case: self.comes(case), case.place)
                self.tearDown()

    def comes(self, case: Case) -> bool:
        """
        Publish what *case* wants, and return whether the page is as it expects.
        """
        topic, data = case.publish
        if topic:
            publish(self._url(), "right", topic, data, event=case.event)
        return bool(self.browser.run(f"return {case.expected}"))

    def test_gives_up(self) -> None:
        """
        The page that makes a new source after a refusal has what was published meanwhile.
        """
        (case,) = (one for one in CASES if one.place.startswith("browser-gives-up.md"))
        text = _script(case).text.replace("5000", "50")
        self.show(text)
        eventually(lambda: self.comes(case), "the page shows nothing")

        curl(f"{self._url()}/refuse", "--request", "PUT")
        publish(self._url(), "right", "news", "missed")
        curl(f"{self._url()}/refuse", "--request", "DELETE")
        self.wait("shown.includes('missed')")

        missed = self.browser.run("return shown.filter((one) => one === 'missed').length")
        self.assertEqual(missed, 1)

    def test_silence(self) -> None:
        """
        The page that asks for heartbeats says when there are none any more.
        """
        (case,) = (one for one in CASES if "heartbeat=event" in one.place)
        text = _script(case).text.replace(
            '"/events', f'"http://127.0.0.1:{self.network.port}/events'
        )
        self.show(text, after=case.after)
        self.wait("shown.length > 0")

        self.network.lose()

        self.wait("document.body.classList.contains('offline')")

    def test_worker(self) -> None:
        """
        A stream goes past the service worker, and other requests through it.
        """
        self.home.joinpath("worker.js").write_text(_worker().text, "utf-8")
        self.show("navigator.serviceWorker.register('/pages/worker.js');")
        self.wait("navigator.serviceWorker.ready.then((one) => one.active.state === 'activated')")
        self.show(_SOURCE, after=_SHOW_ALL)
        self.wait("navigator.serviceWorker.controller !== null")
        self.wait("source.readyState === EventSource.OPEN")
        publish(self._url(), "right", "news", "past the worker")
        self.wait("shown.includes('past the worker')")
        page = self.browser.run("return fetch(location.href).then((one) => one.text())")
        self.browser.run(
            "return navigator.serviceWorker.getRegistrations()"
            ".then((all) => Promise.all(all.map((one) => one.unregister())))"
        )

        self.assertIn("<!doctype html>", page)
