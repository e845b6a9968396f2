"""
The pages about other libraries: what they show after a migration runs in Chromium, and a lost
connection loses nothing; and what they show before it runs too.
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import curl
from tests.support.forwarder import Forwarder
from tests.support.pages import PageTests
from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.streams import RawStream
from tests.support.waiting import eventually
from tests.test_docs import Snippet, snippets

__all__ = ["AfterTests", "BeforeTests", "LineTests"]

# npm has to fetch the packages.
_NPM_PATIENCE = 240.0

_MIGRATIONS = Path(__file__).resolve().parents[2] / "docs" / "migrate"

# The texts of the elements in a list.
_ITEMS = "[...document.querySelectorAll('li')].map((item) => item.textContent)"


def _snippets_of(document: str, *marks: str) -> list[Snippet]:
    """
    The blocks of code in *document* whose comment begins with one of *marks*.
    """
    return [
        each
        for each in snippets()
        if each.document == _MIGRATIONS / document and each.mark[:1] in [[one] for one in marks]
    ]


class MigrationTests(PageTests):
    """
    The base of the tests of the programs after a migration.
    """

    def serve_document(self, document: str) -> Background:
        """
        Run the program in *document* next to its page.
        """
        (program,) = _snippets_of(document, "serves", "generates")
        running = self.serve("-c", program.text.replace("8080", "PORT"))
        for page in _snippets_of(document, "file"):
            running.home.joinpath(page.mark[1]).write_text(page.text, "utf-8")
        return running

    def numbers(self) -> list[int]:
        """
        The numbers in the list of the page.
        """
        return [int(text) for text in self.browser.run(f"return {_ITEMS}")]


class AfterTests(MigrationTests):
    """
    The programs after a migration.
    """

    def test_sse_starlette(self) -> None:
        """
        After a lost connection the generator continues after the last number, up to its end.
        """
        program = self.serve_document("from-sse-starlette.md")
        self.show()
        self.wait("numbers.children.length >= 3")

        self.lose_connection()
        self.come_back()
        self.wait("numbers.children.length >= 30")
        self.wait("source.readyState === EventSource.CLOSED")

        self.assertEqual(self.numbers(), list(range(1, 31)))
        self.assertEqual(program.output().count("the stream has ended"), 2)

    def test_fastapi(self) -> None:
        """
        After a lost connection the prices continue after the last one, up to the end.
        """
        self.serve_document("from-fastapi.md")
        self.show()
        self.wait("prices.children.length >= 3")

        self.lose_connection()
        self.come_back()
        self.wait("source.readyState === EventSource.CLOSED")

        self.assertEqual(self.numbers(), list(range(1, 31)))

    def tell(self, user: str, text: str) -> None:
        """
        Tell *user* something.
        """
        url = f"http://localhost:{self.port}/tell/{user}"
        self.assertEqual(curl(url, "--data", text).body, "sent")

    def test_flask_sse(self) -> None:
        """
        The page shows its user's notes, also those of a time without a connection; a stranger
        who asks for all topics gets none.
        """
        program = self.serve_document("from-flask-sse.md")
        self.tell("ada", "before")
        self.show("/login/ada")
        self.wait("notes.children.length === 1")

        self.lose_connection()
        self.tell("bob", "for bob")
        self.tell("ada", "while away")
        self.come_back()
        self.wait("notes.children.length >= 2")
        cut = self.browser.run(f"return {_ITEMS}")
        self.show("/login/ada")
        self.wait("notes.children.length >= 2")
        stranger = RawStream(self.port, "/stream?topic=users-{name}&topic=*&lastEventID=earliest")
        self.addCleanup(stranger.close)
        stranger.named("stream-open")
        program.send_signal(signal.SIGTERM)

        self.assertEqual(cut, ["before", "while away"])
        self.assertEqual(self.browser.run(f"return {_ITEMS}"), cut)
        self.assertEqual([block.data for block in stranger.rest()], [None])

    def test_better_sse(self) -> None:
        """
        The page is greeted, knows the number of readers, and misses no tick.
        """
        self.serve_document("from-better-sse.md")
        self.show()
        self.wait("ticks.children.length >= 2")
        self.wait("greeting.textContent === 'Welcome' && readers.textContent === '1'")

        self.lose_connection()
        before = self.numbers()
        self.come_back()
        self.wait(f"ticks.children.length >= {len(before) + 3}")

        numbers = self.numbers()
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))

    def test_socket_io(self) -> None:
        """
        The page is greeted, and misses no tick.
        """
        self.serve_document("from-socket-io.md")
        self.show()
        self.wait("ticks.children.length >= 2 && greeting.textContent === 'Welcome'")

        self.lose_connection()
        before = self.numbers()
        self.come_back()
        self.wait(f"ticks.children.length >= {len(before) + 3}")

        numbers = self.numbers()
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))

    def test_express(self) -> None:
        """
        The board shows what was written before the connection was lost, and meanwhile.
        """
        self.serve_document("from-express.md")
        self.show()
        self.wait("source.readyState === EventSource.OPEN")

        self.write("one")
        self.wait("notes.children.length === 1")
        self.lose_connection()
        self.write("two")
        self.come_back()
        self.wait("notes.children.length >= 2")

        self.assertEqual(self.browser.run(f"return {_ITEMS}"), ["one", "two"])

    def write(self, text: str) -> None:
        """
        Write *text* on the board.
        """
        url = f"http://localhost:{self.port}/notes"
        answer = curl(url, "--header", "Content-Type: text/plain", "--data", text)
        self.assertEqual(answer.status, 200)

    def test_django_eventstream(self) -> None:
        """
        The page shows how the order changed before the connection was lost, and meanwhile.
        """
        self.serve_document("from-django-eventstream.md")
        self.show()
        self.wait("source.readyState === EventSource.OPEN")

        self.assertEqual(curl(f"http://localhost:{self.port}/orders/1/packed").body, "sent")
        self.wait("orders.children.length === 1")
        self.lose_connection()
        self.assertEqual(curl(f"http://localhost:{self.port}/orders/1/shipped").body, "sent")
        self.come_back()
        self.wait("orders.children.length >= 2")

        self.assertEqual(self.browser.run(f"return {_ITEMS}"), ["1: packed", "1: shipped"])


class BeforeTests(MigrationTests):
    """
    The programs before a migration, with the same pages.
    """

    home: Path

    @classmethod
    def setUpClass(cls) -> None:
        """
        Fetch what those in JavaScript use.
        """
        super().setUpClass()
        directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(directory.cleanup)
        cls.home = Path(directory.name)
        quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        subprocess.run(
            [
                find_program("npm", "npm"),
                "install",
                *quiet,
                "better-sse",
                "express@5",
                "socket.io@4",
            ],
            cwd=cls.home,
            check=True,
            timeout=_NPM_PATIENCE,
        )

    def serve_original(self, document: str) -> None:
        """
        Run the program before the migration next to its page.
        """
        (program,) = _snippets_of(document, "original")
        self.port = free_port()
        is_python = program.language == "python"
        path = self.home / ("before.py" if is_python else f"{Path(document).stem}.mjs")
        path.write_text(program.text.replace("8080", str(self.port)), "utf-8")
        runner = sys.executable if is_python else find_program("node", "nodejs")
        files = {page.mark[1]: page.text for page in _snippets_of(document, "file")}
        running = Background([runner, str(path)], files=files)
        self.addCleanup(running.end)
        eventually(lambda: self._listens(running), f"{document}: {running.output()}")
        self.network = Forwarder(self.port)
        self.addCleanup(self.network.close)
        self.addCleanup(self.browser.open, "about:blank")

    def test_generators(self) -> None:
        """
        Those that yield send their numbers up to the end.
        """
        for document, numbers in (
            ("from-sse-starlette.md", "numbers"),
            ("from-fastapi.md", "prices"),
        ):
            self.serve_original(document)
            self.show()
            self.wait(f"{numbers}.children.length >= 2")
            self.wait("source.readyState === EventSource.CLOSED")

            self.assertEqual(self.numbers(), list(range(1, 31)), document)

    def test_channels(self) -> None:
        """
        Those that broadcast greet the page, and send it ticks.
        """
        for document in ("from-better-sse.md", "from-socket-io.md"):
            self.serve_original(document)
            self.show()
            self.wait("ticks.children.length >= 2 && greeting.textContent === 'Welcome'")

            numbers = self.numbers()
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))

    def test_express(self) -> None:
        """
        The one by hand sends a note to all that are there.
        """
        self.serve_original("from-express.md")
        self.show()
        self.wait("source.readyState === EventSource.OPEN")
        url = f"http://localhost:{self.port}/notes"
        curl(url, "--header", "Content-Type: text/plain", "--data", "one")
        self.wait("notes.children.length === 1")

        self.assertEqual(self.browser.run(f"return {_ITEMS}"), ["one"])


class LineTests(SynchronousTestCase):
    """
    The numbers of lines.
    """

    def test_lines(self) -> None:
        """
        Each page with two programs says how many lines they have.
        """
        found = 0
        for document in sorted(_MIGRATIONS.glob("from-*.md")):
            programs = _snippets_of(document.name, "original", "serves", "generates")
            if not programs:
                continue
            found += 1
            lines = [sum(bool(line) for line in each.text.splitlines()) for each in programs]

            said = "it had {} lines before, and has {} after".format(*lines)
            self.assertIn(said, document.read_text("utf-8"))
        self.assertEqual(found, 7)
