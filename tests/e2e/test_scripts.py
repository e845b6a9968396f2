"""
Scripts in other languages in the documentation: they publish to a hub, or follow it.
"""

import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.processes import Background, find_program
from tests.support.waiting import eventually
from tests.test_docs import Snippet, marked

__all__ = ["ScriptTests"]

# npm has to fetch a package.
_NPM_PATIENCE = 240.0


class ScriptTests(SynchronousTestCase):
    """
    Each script on port 8080, with ``$TOKEN``.
    """

    hub: HubProcess

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start the hub.
        """
        cls.hub = HubProcess()
        cls.addClassCleanup(cls.hub.stop)

    def start(self, snippet: Snippet, *command: str, name: str) -> Background:
        """
        Run *snippet*, which is the file *name*, and the packages that its mark has.
        """
        directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(directory.cleanup)
        path = Path(directory.name, name)
        path.write_text(snippet.text.replace("8080", str(self.hub.port)), "utf-8")
        if packages := snippet.mark[1:]:
            quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
            words = [find_program("npm", "npm"), "install", *quiet, *packages]
            subprocess.run(words, cwd=directory.name, check=True, timeout=_NPM_PATIENCE)
        program = Background(["env", f"TOKEN={TOKEN}", *command, str(path)])
        self.addCleanup(program.end)
        return program

    def test_php(self) -> None:
        """
        PHP publishes, and prints the event ID.
        """
        php = find_program("php", "php-cli")
        for snippet in marked("php"):
            program = self.start(snippet, php, name="publish.php")

            self.assertEqual(program.wait(), 0, program.output())
            self.assertRegex(program.output(), r"^\w+-\d+\n$", snippet.place)

    def test_node(self) -> None:
        """
        Node.js publishes, and prints the event ID; or follows, and prints what is published.
        """
        node = find_program("node", "nodejs")
        for snippet in marked("node"):
            program = self.start(snippet, node, name="script.mjs")
            if "topic=news" in snippet.text or 'topic: "news"' in snippet.text:
                self.assert_follows(program, snippet)
            else:
                self.assertEqual(program.wait(), 0, program.output())
                self.assertRegex(program.output(), r"^\w+-\d+\n$", snippet.place)

    def assert_follows(self, program: Background, snippet: Snippet) -> None:
        """
        Publish until *program* prints it.
        """

        def heard() -> bool:
            self.assertTrue(program.running(), program.output())
            publish(self.hub.url, TOKEN, "news", "hello")
            return "hello\n" in program.output()

        eventually(heard, snippet.place)
