"""
Options, as they are parsed and as they are documented.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.admin.options import ConnectionsOptions, RunsOptions, TopOptions
from twisted_sse.cli.doctor_options import DoctorOptions
from twisted_sse.cli.options import RequestOptions
from twisted_sse.cli.publish import PublishOptions
from twisted_sse.cli.running import Status
from twisted_sse.cli.tail_options import TailOptions

__all__ = ["DocumentTests", "OptionsTests"]

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "cli.md"
COMMANDS: list[type[RequestOptions]] = [
    *(TailOptions, PublishOptions, DoctorOptions),
    *(ConnectionsOptions, RunsOptions, TopOptions),
]


class OptionsTests(SynchronousTestCase):
    """
    Parsing options.
    """

    def tail(self, *words: str) -> TailOptions:
        """
        Parse the options of tail.
        """
        options = TailOptions()
        options.parseOptions(words)
        return options

    def test_any_order(self) -> None:
        """
        Options may stand before and after the URL, in long or short form.
        """
        before = self.tail("-t", "a", "-jn", "3", "localhost")
        after = self.tail("localhost", "--topic=a", "--json", "--count", "3")

        for options in (before, after):
            self.assertEqual(options.url(), "http://localhost/events?topic=a")
            self.assertEqual((options["json"], options["count"]), (1, 3))

    def test_runs(self) -> None:
        """
        Runs are listed, or one is followed, or one is cancelled.
        """
        cases = [
            (("--follow", "a", "--cancel", "a"), "Pass either --follow or --cancel, not both."),
            (("--cancel", "a", "--user", "b"), "--user is for the list: leave it out with"),
            (("--count", "none"), "--count: "),
            (("--follow", "a", "b"), "Pass one URL only"),
        ]
        for words, sentence in cases:
            with self.assertRaisesRegex(UsageError, sentence):
                RunsOptions().parseOptions(["localhost:9090", *words])

    def test_token(self) -> None:
        """
        The token is read from a file; a second token is an error.
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
        A hub without topics is asked for all topics; a URL with a path is not changed.
        """
        self.assertEqual(self.tail("localhost").url(), "http://localhost/events?topic=*")
        self.assertEqual(self.tail("localhost?topic=a").url(), "http://localhost/events?topic=a")
        self.assertEqual(self.tail("http://x/stream").url(), "http://x/stream")

    def test_once(self) -> None:
        """
        A request that may have an effect is made once, unless asked otherwise.
        """
        for words, once in (
            *(((), False), (("--once",), True), (("--data", "x"), True), (("--data", ""), True)),
            *((("-X", "post"), True), (("-X", "head"), False), (("-X", "DELETE"), True)),
            *((("--data", "x", "--reconnect"), False), (("-X", "QUERY", "-d", "x"), True)),
            (("--data", "x", "-X", "GET"), True),
        ):
            self.assertIs(self.tail("localhost", *words).is_once, once, words)
        with self.assertRaises(UsageError):
            self.tail("localhost", "--once", "--reconnect")

    def test_publishable_topic(self) -> None:
        """
        The doctor publishes to a topic of the command line or of the URL.
        """
        for words, topic in (
            *((("localhost",), None), (("localhost?topic=*",), None)),
            *((("localhost?topic=a",), "a"), (("localhost?topic=a", "-t", "b"), "b")),
            (("localhost?topic=*&topic=x/{id}&topic=c",), "c"),
        ):
            options = DoctorOptions()
            options.parseOptions(words)
            self.assertEqual(options.publishable_topic(), topic, words)

    def test_proxy(self) -> None:
        """
        A proxy that cannot be used is an error of the command line.
        """
        os.environ["http_proxy"] = "socks5://proxy.example"
        self.addCleanup(os.environ.pop, "http_proxy")

        with self.assertRaises(UsageError) as caught:
            self.tail("example.com")
        self.assertIn("http_proxy", str(caught.exception))

    def test_resume_command(self) -> None:
        """
        The command that resumes repeats the options, without secrets, --since and --count.
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
        Without rich, lines on a terminal are plain.
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
    The contents of docs/cli.md.
    """

    text = DOCUMENT.read_text("utf-8")

    def section(self, heading: str) -> str:
        """
        Return the text of a section.
        """
        return self.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]

    def options_in(self, part: str) -> set[str]:
        """
        Return the options in the first column of the tables of *part*.
        """
        cells = [row.split("|")[1] for row in part.splitlines() if row.startswith("|")]
        return set(re.findall(r"`--([\w-]+)", " ".join(cells)))

    def test_options(self) -> None:
        """
        Exactly the options of each command are documented.
        """
        everywhere = self.options_in(self.text.partition("\n## `")[0])
        for command in COMMANDS:
            documented = everywhere | self.options_in(self.section(f"`{command.name}`"))
            understood = set(
                re.findall(r"--([\w-]+?)=? ", command().getUsage().partition("ns:")[2])
            )

            self.assertEqual(documented, understood)

    def test_statuses(self) -> None:
        """
        Every exit status is documented.
        """
        part = self.section("Exit statuses")

        listed = [int(number) for number in re.findall(r"^\| (\d+) \|", part, re.M)]
        self.assertEqual(listed, [int(status) for status in Status])
