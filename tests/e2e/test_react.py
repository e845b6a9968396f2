"""
The pages in React among the examples, in Chromium.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.curl import curl
from tests.support.pages import PageTests
from tests.support.processes import find_program
from tests.test_docs import snippets

__all__ = ["ReactTests"]

_PROJECT = Path(__file__).resolve().parents[2]

# npm has to fetch React and Vite: 30 MB.
_NPM_PATIENCE = 240.0

# What the documentation leaves out.
_AROUND = """
import {{ useState }} from "react";
import {{ createRoot }} from "react-dom/client";
{}
createRoot(document.querySelector("main")).render(<News />);
"""

_ITEMS = "[...document.querySelectorAll('li')].map((item) => item.textContent)"


class ReactTests(PageTests):
    """
    The examples, built as their README says.
    """

    folder: Path

    @classmethod
    def setUpClass(cls) -> None:
        """
        Build it beside the module, as in the repository.
        """
        super().setUpClass()
        npm = find_program("npm", "npm")
        directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(directory.cleanup)
        home = Path(directory.name)
        shutil.copytree(_PROJECT / "browser", home / "browser")
        ignored = shutil.ignore_patterns("node_modules", "package-lock.json", "dist")
        example = home / "examples" / "react"
        shutil.copytree(_PROJECT / "examples" / "react", example, ignore=ignored)
        cls.add_page(example)
        quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        for arguments in (("install", *quiet), ("run", "build")):
            subprocess.run(
                [npm, *arguments],
                cwd=example,
                check=True,
                capture_output=True,
                timeout=_NPM_PATIENCE,
            )
        cls.folder = example

    @staticmethod
    def add_page(example: Path) -> None:
        """
        Add a page with the component that the documentation shows.
        """
        (shown,) = (one for one in snippets() if one.language == "jsx" and not one.mark)
        script = _AROUND.format(shown.text)
        example.joinpath("shown.jsx").write_text(script, "utf-8")
        page = example.joinpath("index.html").read_text("utf-8")
        example.joinpath("shown.html").write_text(page.replace("news.jsx", "shown.jsx"), "utf-8")
        settings = example / "vite.config.js"
        text = settings.read_text("utf-8").replace('"task.html"', '"task.html", "shown.html"')
        settings.write_text(text, "utf-8")

    def say(self, text: str) -> None:
        """
        Publish *text*.
        """
        answer = curl(f"http://localhost:{self.port}/say/{text}", "--request", "POST")
        self.assertEqual(answer.status, 200)

    def test_news(self) -> None:
        """
        The page has all news once, after a lost connection and after a reload, in StrictMode.
        """
        self.serve(str(self.folder / "news.py"), "PORT")
        self.say("before")
        self.show()
        self.wait(f"{_ITEMS}.length === 1")

        self.network.cut()
        self.wait("document.querySelector('h1').textContent.includes('connecting')")
        self.say("meanwhile")
        self.network.mend()
        self.wait(f"{_ITEMS}.length >= 2")
        self.say("after")
        self.wait(f"{_ITEMS}.length >= 3")
        cut = self.browser.run(f"return {_ITEMS}")
        self.show()
        self.wait(f"{_ITEMS}.length >= 3")

        self.assertEqual(cut, ["before", "meanwhile", "after"])
        self.assertEqual(self.browser.run(f"return {_ITEMS}"), cut)

    def test_shown(self) -> None:
        """
        The component of the documentation shows what is published, and is not stale then.
        """
        self.serve(str(self.folder / "news.py"), "PORT")
        self.show("/shown.html")
        self.wait("document.querySelector('ul')?.className === ''")
        self.say("hello")
        self.wait(f"{_ITEMS}.length === 1")

        self.assertEqual(self.browser.run(f"return {_ITEMS}"), ["hello"])

    def test_task(self) -> None:
        """
        The page has every step once, after a lost connection too, and closes its stream at the
        last event, in StrictMode.
        """
        self.serve(str(self.folder / "task.py"), "PORT")
        self.show("/task.html")
        self.wait("document.querySelectorAll('li').length >= 2")
        # On a slow machine, the task may be done already.
        self.browser.run(
            "const ask = window.fetch; window.asked = 0;"
            "window.fetch = (...rest) => { asked += 1; return ask(...rest); }"
        )
        self.network.cut()
        self.network.mend()
        self.wait("document.querySelector('h1').textContent === 'The task is done.'")
        asked = self.browser.run("return asked")
        # A stream that is not closed is asked for again after 0.3 seconds at most.
        self.browser.run("setTimeout(() => { window.later = true; }, 1000)")
        self.wait("window.later")

        steps = self.browser.run(f"return {_ITEMS}")
        self.assertEqual(steps, [f"step {number}" for number in range(1, 6)])
        self.assertEqual(self.browser.run("return asked"), asked)
