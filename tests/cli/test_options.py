"""
The options, as they are understood and as they are documented.
"""

import re
import subprocess
import sys
from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.doctor_options import DoctorOptions
from twisted_sse.cli.options import RequestOptions
from twisted_sse.cli.publish import PublishOptions
from twisted_sse.cli.running import Status
from twisted_sse.cli.tail_options import TailOptions

__all__ = ["DocumentTests", "OptionsTests"]

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "cli.md"
COMMANDS: list[type[RequestOptions]] = [TailOptions, PublishOptions, DoctorOptions]


class OptionsTests(SynchronousTestCase):
    """
    How they are read.
    """

    def tail(self, *words: str) -> TailOptions:
        """
        The options of tail, as they are understood.
        """
        options = TailOptions()
        options.parseOptions(words)
        return options

    def test_any_order(self) -> None:
        """
        Options may stand before and after the URL, in full or short.
        """
        before = self.tail("-t", "a", "-jn", "3", "localhost")
        after = self.tail("localhost", "--topic=a", "--json", "--count", "3")

        for options in (before, after):
            self.assertEqual(options.url(), "http://localhost/events?topic=a")
            self.assertEqual((options["json"], options["count"]), (1, 3))

    def test_token(self) -> None:
        """
        The token comes from a file, and two of them are one too many.
        """
        path = self.mktemp()
        Path(path).write_text("secret\nanother\n", "utf-8")

        self.assertEqual(
            self.tail("localhost", "--token-file", path, "-H", "X: y").headers,
            {"Authorization": ["Bearer secret"], "X": ["y"]},
        )
        with self.assertRaises(UsageError):
            self.tail("localhost", "--token-file", path, "--token", "x")

    def test_everything(self) -> None:
        """
        A hub that is asked for nothing is asked for all; a URL in full is left alone.
        """
        self.assertEqual(self.tail("localhost").url(), "http://localhost/events?topic=*")
        self.assertEqual(self.tail("localhost?topic=a").url(), "http://localhost/events?topic=a")
        self.assertEqual(self.tail("http://x/stream").url(), "http://x/stream")

    def test_resume_command(self) -> None:
        """
        The command line that goes on is the same, without what is secret and what was once.
        """
        options = self.tail(
            *("localhost", "-t", "a b", "--since", "1", "-n", "2", "--token", "secret"),
            *("--json", "--header", "authorization: secret", "-H", "X: y"),
        )

        self.assertEqual(
            options.resume_command("2"),
            "twisted-sse tail 'http://localhost/events?topic=a%20b' --token TOKEN --json"
            " --header 'authorization: ...' -H 'X: y' --since 2",
        )

    def test_no_rich(self) -> None:
        """
        Without rich there are plain lines on a terminal, too.
        """
        program = (
            "import sys, io; sys.modules['rich'] = sys.modules['rich.console'] = None\n"
            "from twisted_sse.cli.terminal import console_for\n"
            "class Terminal(io.StringIO):\n"
            "    def isatty(self): return True\n"
            "file = Terminal()\n"
            "console_for(file, {'TERM': 'xterm'}).say('plain')\n"
            "assert file.getvalue() == 'plain\\n'\n"
        )

        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

        self.assertEqual((done.returncode, done.stderr), (0, b""))


class DocumentTests(SynchronousTestCase):
    """
    What docs/cli.md says.
    """

    text = DOCUMENT.read_text("utf-8")

    def options_in(self, heading: str) -> set[str]:
        """
        The options in the first column of the tables of a section.
        """
        part = self.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        cells = [row.split("|")[1] for row in part.splitlines() if row.startswith("|")]
        return set(re.findall(r"`--([\w-]+)", " ".join(cells)))

    def test_options(self) -> None:
        """
        Every option of every command, and no other, is there.
        """
        everywhere = self.options_in("Where, and who")
        for command in COMMANDS:
            there = set(re.findall(r"--([\w-]+?)=? ", command().getUsage().partition("ns:")[2]))

            self.assertEqual(everywhere | self.options_in(f"`{command.name}`"), there)

    def test_statuses(self) -> None:
        """
        Every exit status is there.
        """
        part = self.text.partition("\n## Exit statuses\n")[2]

        listed = [int(number) for number in re.findall(r"^\| (\d+) \|", part, re.M)]
        self.assertEqual(listed, [int(status) for status in Status])
