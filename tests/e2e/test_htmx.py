"""
htmx and Turbo, as their users have them: HTML comes to its place, also what was missed.
"""

import subprocess
import tempfile
from pathlib import Path

from tests.support.curl import publish
from tests.support.pages import PageTests
from tests.support.processes import find_program
from tests.support.waiting import eventually
from tests.test_docs import marked

__all__ = ["HtmxTests"]

# npm has to fetch the packages.
_NPM_PATIENCE = 240.0

_PROGRAM = """
import sys
from twisted.web.static import File
from twisted_sse import BearerTokens, Hub
from twisted_sse.klein import Klein, hub_routes
from twisted_sse.web.browsermodule import BrowserModule

app, hub = Klein(), Hub()
hub_routes(app, hub, authorize=BearerTokens("secret"))

@app.route("/twisted-sse.js")
def module(request):
    return BrowserModule()

@app.route("/", branch=True)
def page(request):
    return File(sys.argv[2])

app.run("localhost", int(sys.argv[1]))
"""


# How Turbo is told to add something to the notes.
_APPENDED = '<turbo-stream action="append" target="notes"><template>{}</template></turbo-stream>'

# What both have in their heads.
_SCRIPTS = {
    "htmx": ["htmx.org/dist/htmx.min.js", "htmx-ext-sse/dist/sse.js"],
    "turbo": ["@hotwired/turbo/dist/turbo.es2017-umd.js"],
}


class HtmxTests(PageTests):
    """
    htmx 2 with its extension ``sse``, and Turbo 8.
    """

    home: Path

    @classmethod
    def setUpClass(cls) -> None:
        """
        Fetch them, and write the pages of the documentation.
        """
        super().setUpClass()
        npm = find_program("npm", "npm")
        directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(directory.cleanup)
        cls.home = Path(directory.name)
        quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        subprocess.run(
            [npm, "install", *quiet, "htmx.org@2", "htmx-ext-sse@2", "@hotwired/turbo@8"],
            cwd=cls.home,
            check=True,
            timeout=_NPM_PATIENCE,
        )
        for snippet in marked("file"):
            if snippet.document.name in ("htmx.md", "topics.md"):
                name = snippet.mark[1]
                cls.write_page(name, "turbo" if name == "turbo.html" else "htmx", snippet.text)

    @classmethod
    def write_page(cls, name: str, library: str, shown: str) -> None:
        """
        Write a page with *library* in its head.
        """
        tags = "".join(f"<script src=/node_modules/{one}></script>" for one in _SCRIPTS[library])
        page = f"<!doctype html><html><head><title>News</title>{tags}</head><body>{shown}"
        cls.home.joinpath(name).write_text(page, "utf-8")

    def test_topics(self) -> None:
        """
        The events of each topic come to their own place, live and after a lost connection.
        """
        self.serve("-c", _PROGRAM, "PORT", str(self.home))
        url = f"http://localhost:{self.port}"
        self.show("/topics.html")
        self.wait("performance.getEntriesByType('resource').length >= 2")
        texts = "[...document.querySelectorAll('p')].map((one) => one.textContent)"
        self.wait(f"({texts}).length === 2")
        self.run_until(url, "weather", "rain", f"({texts})[1] === 'rain'")
        self.run_until(url, "news", "<b>bread</b>", f"({texts})[0] === 'bread'")

        self.network.cut()
        publish(url, "secret", "news", "cake")
        self.network.mend()
        self.wait(f"({texts})[0] === 'cake'")

        self.assertEqual(self.browser.run(f"return {texts}"), ["cake", "rain"])

    def test_shared(self) -> None:
        """
        htmx and Turbo, with the shared source too, show each note once, also one that was missed.
        """
        self.serve("-c", _PROGRAM, "PORT", str(self.home))
        url = f"http://localhost:{self.port}"
        items = "[...document.querySelectorAll('li')].map((one) => one.textContent)"
        turbo = (
            '<turbo-stream action="append" target="notes"><template>{}</template></turbo-stream>'
        )
        for page, form, kind in (
            ("htmx.html", "{}", "note"),
            ("htmx-shared.html", "{}", "note"),
            ("turbo.html", turbo, "message"),
        ):
            self.show(f"/{page}")
            self.run_until(url, "notes", form.format("<li>first</li>"), f"{items}.length", kind)
            self.network.cut()
            publish(url, "secret", "notes", form.format("<li>missed</li>"), event=kind)
            self.network.mend()
            self.wait(f"{items}.at(-1) === 'missed'")

            found = self.browser.run(f"return {items}")
            self.assertEqual(found.count("missed"), 1, page)

    def run_until(
        self, url: str, topic: str, data: str, expression: str, kind: str = "message"
    ) -> None:
        """
        Publish until the page shows it, because it does not tell when its stream is open.
        """

        def shown() -> bool:
            publish(url, "secret", topic, data, event=kind)
            return bool(self.browser.run(f"return {expression}"))

        eventually(shown, f"{data} is not shown")
