"""
The site that is made of the documentation: it is built without a warning, and complete.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urldefrag

from twisted.trial.unittest import SynchronousTestCase

from tests.test_docs import documented_modules, snippets

__all__ = ["BuildTests", "SiteTests"]

_ROOT = Path(__file__).resolve().parents[2]
_BUILD = Path("docs", "_site", "build.py")

# What a build takes on a machine that does much else.
_PATIENCE = 1200.0


def _build(root: Path, directory: Path) -> tuple[int, str]:
    """
    Build the site of *root* into *directory*, and return the exit status and the output.
    """
    command = [sys.executable, str(root / _BUILD), str(directory)]
    built = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_PATIENCE
    )
    return built.returncode, built.stdout


class _Page(HTMLParser):
    """
    The anchors and the links of a page.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        Called for each element.
        """
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.append(value)
            if value and (tag, name) in (("a", "href"), ("img", "src"), ("script", "src")):
                self.links.append(value)
            if value and (tag, name) == ("svg", "aria-label"):
                self.pictures.append(value)

    def handle_data(self, data: str) -> None:
        """
        Called for each piece of text.
        """
        self.words.append(data)


class SiteTests(SynchronousTestCase):
    """
    The site of this repository.
    """

    home: Path
    status: int
    output: str
    pages: dict[Path, _Page]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Build it once.
        """
        directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(directory.cleanup)
        cls.home = Path(directory.name)
        cls.status, cls.output = _build(_ROOT, cls.home)
        # Pages of examples that are linked to are files to download.
        pages = [one for one in cls.home.rglob("*.html") if "_downloads" not in one.parts]
        cls.pages = {path: _Page(path.read_text("utf-8")) for path in sorted(pages)}

    def test_warnings(self) -> None:
        """
        No word is misspelled, no link is broken, no page is left out, no name is undocumented.
        """
        self.assertEqual((self.status, self.output), (0, ""))

    def test_pages(self) -> None:
        """
        Every page of the documentation, and every program among the examples, is there.
        """
        sources = [*_ROOT.glob("docs/**/*.md"), *_ROOT.glob("examples/*.py")]
        self.assertGreater(len(sources), 80)

        missing = [
            str(one)
            for one in sources
            if self.home / one.relative_to(_ROOT).with_suffix(".html") not in self.pages
        ]
        self.assertEqual(missing, [])

    def test_names(self) -> None:
        """
        Every public name is documented once.
        """
        anchors = [
            anchor.rpartition(".")[2]
            for path, page in self.pages.items()
            if path.parent.name == "api"
            for anchor in page.anchors
            if anchor.startswith("twisted_sse.")
        ]
        names = {name for one in documented_modules() for name in import_module(one).__all__}
        self.assertGreater(len(names), 100)

        # There are two classes named Publisher.
        self.assertEqual([one for one in names if anchors.count(one) < 1], [])
        self.assertEqual([one for one in names if anchors.count(one) > 1], ["Publisher"])

    def test_links(self) -> None:
        """
        Every link of every page leads to a page, and to an anchor on it.
        """
        broken = [
            f"{path.relative_to(self.home)}: {link}"
            for path, page in self.pages.items()
            for link in page.links
            if not re.match(r"[a-z]+:", link) and not self.leads_somewhere(path, link)
        ]

        self.assertEqual(broken, [])

    def leads_somewhere(self, path: Path, link: str) -> bool:
        """
        Whether the target of a link exists.
        """
        target, anchor = urldefrag(unquote(link))
        target = target.partition("?")[0]
        page = (path.parent / target).resolve() if target else path
        if not anchor:
            return page.exists()
        return page in self.pages and anchor in self.pages[page].anchors

    def test_diagrams(self) -> None:
        """
        Every diagram is a picture, which has the text of all its boxes, and says its arrows.
        """
        diagrams = [one for one in snippets() if one.language == "mermaid"]
        self.assertGreater(len(diagrams), 0)

        for diagram in diagrams:
            page = self.pages[self.home / diagram.document.relative_to(_ROOT).with_suffix(".html")]
            (told,) = page.pictures
            for text in re.findall(r"\w\W*\[\W*(\w[^\])\"]*)", diagram.text):
                self.assertIn(text, page.words)
                self.assertIn(text, told)
            self.assertEqual(told.count(" to "), len(re.findall("->", diagram.text)))
            self.assertNotIn("flowchart", " ".join(page.words))

    def test_search(self) -> None:
        """
        Every page can be found by the site's own search.
        """
        text = self.home.joinpath("searchindex.js").read_text("utf-8")
        index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
        found = {self.home / f"{name}.html" for name in index["docnames"]}

        self.assertLessEqual(found, set(self.pages))
        self.assertGreater(len(found), 80)

    def test_network(self) -> None:
        """
        The pages load nothing from anywhere else.
        """
        for path in self.pages:
            text = path.read_text("utf-8")
            loaded = re.findall(r'(?:src|rel="stylesheet"[^>]*href)="(\w+:[^"]*)"', text)

            self.assertEqual(loaded, [], path)


class BuildTests(SynchronousTestCase):
    """
    The build, of pages with mistakes.
    """

    def test_mistakes(self) -> None:
        """
        A misspelled word, a British spelling, a link to a heading that does not exist, a page
        that nothing leads to, and diagrams that cannot be drawn, are each named, and the build
        fails.
        """
        root = Path(self.mktemp()).resolve()
        shutil.copytree(_ROOT / "docs" / "_site", root / "docs" / "_site")
        shutil.copy(_ROOT / "pyproject.toml", root)
        first = "# Page\n\nWe recieve the colour of [this](#nothing).\n"
        for lines in ("graph LR", "flowchart TB\na ==> b", "flowchart TB\na --> b --> a"):
            first += f"\n```mermaid\n{lines}\n```\n"
        for name, text in (("index", first), ("lost", "# Lost\n"), ("reference", "# Names\n")):
            root.joinpath("docs", f"{name}.md").write_text(text, "utf-8")

        status, output = _build(root, root / "out")

        self.assertEqual(status, 1)
        mistakes = ["recieve", "colour", "'nothing'", "lost.md: WARNING"]
        mistakes += ["not with 'graph LR'", "no arrow at ' ==> b'", "go in a circle"]
        for told in mistakes:
            self.assertIn(told, output)
