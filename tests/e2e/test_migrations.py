"""
The pages about other libraries: what they show after a migration runs in Chromium, and a lost
connection loses nothing.
"""

import signal
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import curl
from tests.support.pages import PageTests
from tests.support.processes import Background
from tests.support.streams import RawStream
from tests.test_docs import Snippet, snippets

__all__ = ["BetterSseTests", "FlaskSseTests", "LineTests", "SseStarletteTests"]

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


class SseStarletteTests(MigrationTests):
    """
    The generator.
    """

    def test_cut(self) -> None:
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


class FlaskSseTests(MigrationTests):
    """
    The notes of a user.
    """

    def tell(self, user: str, text: str) -> None:
        """
        Tell *user* something.
        """
        url = f"http://localhost:{self.port}/tell/{user}"
        self.assertEqual(curl(url, "--data", text).body, "sent")

    def test_cut_and_reload(self) -> None:
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


class BetterSseTests(MigrationTests):
    """
    The channel.
    """

    def test_cut(self) -> None:
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


class LineTests(SynchronousTestCase):
    """
    The numbers of lines.
    """

    def test_lines(self) -> None:
        """
        Each page says how many lines its two programs have.
        """
        for document in sorted(_MIGRATIONS.glob("*.md")):
            programs = _snippets_of(document.name, "original", "serves", "generates")
            lines = [sum(bool(line) for line in each.text.splitlines()) for each in programs]

            said = "it had {} lines before, and has {} after".format(*lines)
            self.assertIn(said, document.read_text("utf-8"))
