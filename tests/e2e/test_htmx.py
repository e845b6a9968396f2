"""
htmx, as its users have it: events go to their places by their topics.
"""

import subprocess
import tempfile
from pathlib import Path

from tests.support.curl import publish
from tests.support.pages import PageTests
from tests.support.processes import find_program
from tests.support.waiting import eventually

__all__ = ["HtmxTests"]

_PROJECT = Path(__file__).resolve().parents[2]

# npm has to fetch the packages.
_NPM_PATIENCE = 240.0

_PROGRAM = """
import sys
from twisted.web.static import File
from twisted_sse import BearerTokens, Hub
from twisted_sse.klein import Klein, hub_routes

app, hub = Klein(), Hub()
hub_routes(app, hub, authorize=BearerTokens("secret"))

@app.route("/", branch=True)
def page(request):
    return File(sys.argv[2])

app.run("localhost", int(sys.argv[1]))
"""


class HtmxTests(PageTests):
    """
    htmx 2 with its extension ``sse``.
    """

    home: Path

    @classmethod
    def setUpClass(cls) -> None:
        """
        Fetch it, and write the page of the documentation.
        """
        super().setUpClass()
        npm = find_program("npm", "npm")
        directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(directory.cleanup)
        cls.home = Path(directory.name)
        quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        subprocess.run(
            [npm, "install", *quiet, "htmx.org@2", "htmx-ext-sse@2"],
            cwd=cls.home,
            check=True,
            timeout=_NPM_PATIENCE,
        )
        text = (_PROJECT / "docs" / "how-to" / "topics.md").read_text("utf-8")
        shown = text.partition("```html\n")[2].partition("```")[0]
        scripts = ["htmx.org/dist/htmx.min.js", "htmx-ext-sse/dist/sse.js"]
        tags = "".join(f"<script src=/node_modules/{one}></script>" for one in scripts)
        page = f"<!doctype html><title>News</title>{tags}{shown}"
        cls.home.joinpath("index.html").write_text(page, "utf-8")

    def test_topics(self) -> None:
        """
        The events of each topic come to their own place, live and after a lost connection.
        """
        self.serve("-c", _PROGRAM, "PORT", str(self.home))
        url = f"http://localhost:{self.port}"
        self.show()
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

    def run_until(self, url: str, topic: str, data: str, expression: str) -> None:
        """
        Publish until the page shows it, because it does not tell when its stream is open.
        """

        def shown() -> bool:
            publish(url, "secret", topic, data)
            return bool(self.browser.run(f"return {expression}"))

        eventually(shown, f"{data} is not shown")
