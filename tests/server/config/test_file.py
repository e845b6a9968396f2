"""
Configuration files.
"""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.server.commandline import CommandLineTests, parse
from twisted_sse.server.config.file import read_file
from twisted_sse.server.config.option import InvalidConfiguration

__all__ = ["FileTests", "RefusedTests"]

# One wrong value of each kind: the lines of the file, and the sentence without the path.
REFUSED = [
    # Values that the command line would refuse as well.
    ("keepalive = 'often'", "line 1: keepalive: 'often' is not a number of seconds."),
    ("keepalive = 0", "line 1: keepalive: 0 seconds is not an interval; write 'none' to disable"),
    ("grace = -1", "line 1: grace: '-1' is not a number of seconds."),
    ("retry = 99999999999", "line 1: retry: '99999999999' is longer than browsers can wait"),
    ("max-topics = 0", "line 1: max-topics: '0' is not a whole number greater than 0."),
    ("max-body = 'much'", "line 1: max-body: 'much' is not a size such as 65536, 64KiB"),
    ("anonymous = 'perhaps'", "line 1: anonymous: 'perhaps' is neither yes nor no."),
    ("history = 'elsewhere:x'", "line 1: history: .*'elsewhere'"),
    ("history = 'memory:events=0'", "line 1: history: .*'0' is not"),
    ("port = 70000", "line 1: port: '70000' .*highest port number"),
    ("port = ['8080', 'nonsense:1']", "line 1: port: 'nonsense:1' is not an endpoint"),
    ("cors-origin = 'example.com'", "line 1: cors-origin: 'example.com' is not an origin"),
    ("publish-token-file = 'absent'", "line 1: publish-token-file: absent cannot be read"),
    ("tls-key = 'k.pem'", "line 1: tls-key: .*needs --tls-cert"),
    # Values of a wrong type.
    ("keepalive = true", "line 1: keepalive is true: write a number of seconds, such as 10, or"),
    ("keepalive = [15]", "line 1: keepalive is a list: write a number of seconds"),
    ("max-topics = 1.5", "line 1: max-topics is 1.5: write a whole number, such as 100."),
    ("anonymous = 1", "line 1: anonymous is 1: write true or false."),
    ("presence = 'soon'", "line 1: presence: 'soon' is neither yes, no nor a number of seconds"),
    ("history = 5", 'line 1: history is 5: write a string such as "sqlite:events.db".'),
    ("cors-origin = [1]", "line 1: cors-origin is 1: write a string .*, or a list of those."),
    ("cors-origin = []", "line 1: cors-origin is an empty list: write at least one value"),
    ("grace = 1979-05-27", "line 1: grace is 1979-05-27: write a number of seconds, such as 10."),
    ("# limits\n[max-body]\nsize = 1", "line 2: max-body is a table: write a size"),
    # Keys that are no option.
    ("retry = 1\nmax_body = 5", r"line 2: there is no option 'max_body': did you mean max-body\?"),
    ("color = 'red'", "line 1: there is no option 'color': `twistd sse --help` lists all."),
    ("config = 'other'", "line 1: there is no option 'config'"),
    # What is no TOML.
    ("retry = 1\nkeepalive 15", "line 2: this is not TOML: Expected '=' after a key"),
    ("retry = 1\nretry = 2", "at its end: this is not TOML: Cannot overwrite a value"),
    ("port = [", "at its end: this is not TOML: Invalid value"),
]


class RefusedTests(CommandLineTests):
    """
    Files with an error.
    """

    def test_refused(self) -> None:
        """
        Each error is one sentence, with the file, the line and the name of the option.
        """
        for text, sentence in REFUSED:
            with self.subTest(text), self.assertRaises(SystemExit) as caught:
                path = self.file(text.encode("utf-8"))
                parse("--check-config", "--config", path)
            message = str(caught.exception)
            self.assertRegex(message, f"^twistd sse: {re.escape(path)}, {sentence}")
            self.assertRegex(message, r"[.?]$")
            self.assertNotIn("\n", message)

    def test_unreadable(self) -> None:
        """
        A file that is missing, or no text, is refused.
        """
        binary = self.file(b"\xff\xfe")

        for path, reason in ("absent", "No such file or directory"), (binary, "it is not UTF-8"):
            with self.subTest(path), self.assertRaises(SystemExit) as caught:
                parse("--config", path)
            self.assertIn(
                f"twistd sse: --config: {path} cannot be read: {reason}", str(caught.exception)
            )


class FileTests(CommandLineTests):
    """
    `read_file`, and its place among the other sources.
    """

    def test_obeyed(self) -> None:
        """
        The options in a file are obeyed as on the command line.
        """
        path = self.file(
            b"\xef\xbb\xbfport = [8081, 'tcp:8082']\nkeepalive = 12.5\nretry-spread = 7\n"
            b"max-body = '64KiB'\nanonymous = false\ndemo = true\n"
            b"\"cors-origin\" = 'https://a.example'\n"
        )
        config = parse("--config", path).config

        self.assertEqual(config.ports, ["8081", "tcp:8082"])
        self.assertEqual((config.keepalive, config.retry_spread), (12.5, 7))
        self.assertEqual(config.max_body, 64 * 1024)
        self.assertEqual((config.anonymous, config.demo), (False, True))
        self.assertEqual(config.cors_origins, ["https://a.example"])

    def test_command_line(self) -> None:
        """
        The command line overrides the file, option by option.
        """
        path = self.file(b"port = [8081, 8082]\nretry = 5\n")
        config = parse("--config", path, "--port", "9000").config

        self.assertEqual((config.ports, config.retry), (["9000"], 5))

    def test_blame(self) -> None:
        """
        An error in a value of the command line does not name the file.
        """
        path = self.file(b"retry = 5\n")
        with self.assertRaises(SystemExit) as caught:
            parse("--config", path, "--retry", "soon")

        self.assertEqual(
            str(caught.exception),
            "twistd sse: --retry: 'soon' is not a whole number of milliseconds.",
        )


class LineTests(SynchronousTestCase):
    """
    The lines of values.
    """

    @given(st.integers(0, 20), st.sampled_from(["retry", '"retry"', "'retry'", "  retry"]))
    def test_line(self, above: int, key: str) -> None:
        """
        The line of a key is found below comments, and however the key is written.
        """
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write("# retry\n" * above + f"{key} = true\n")

        with self.assertRaisesRegex(InvalidConfiguration, f"line {above + 1}: retry is true"):
            read_file(path)
