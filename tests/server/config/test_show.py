"""
``--print-config``.
"""

import contextlib
import io
import tomllib

from tests.server.commandline import CommandLineTests, parse
from twisted_sse.server.config.options import OPTIONS

__all__ = ["ShowTests"]


class ShowTests(CommandLineTests):
    """
    `show_config`.
    """

    def shown(self, *arguments: str) -> str:
        """
        Run ``--print-config``.
        """
        written = io.StringIO()
        with contextlib.redirect_stdout(written), self.assertRaises(SystemExit) as caught:
            parse("--print-config", *arguments)
        self.assertEqual(caught.exception.code, 0)
        return written.getvalue()

    def test_every_option(self) -> None:
        """
        Every option has a line, also if it has no value.
        """
        lines = self.shown().splitlines()

        self.assertEqual(
            [line.removeprefix("# ").split()[0] for line in lines],
            [option.name for option in OPTIONS],
        )

    def test_places(self) -> None:
        """
        Each line says where the value is given.
        """
        path = self.file(b"# mine\nretry = 5\n")
        lines = self.shown("--config", path, "--port", "8123").splitlines()
        places = {line.split()[0]: line.partition("  # ")[2].strip(" #") for line in lines}

        self.assertEqual(places["port"], "command line")
        self.assertEqual(places["retry"], f"{path}, line 2")
        self.assertEqual(places["keepalive"], "default")

    def test_usable(self) -> None:
        """
        What is shown is a configuration file with the same effect.
        """
        shown = self.shown(
            *("--port", "8123", "-p", "unix:/run/a b", "--keepalive", "off", "--spread", "0.5"),
            *("--cors-origin", "https://a.example", "--anonymous", "no", "--demo"),
        )
        again = self.shown("--config", self.file(shown.encode("utf-8")))

        self.assertEqual(tomllib.loads(again), tomllib.loads(shown))
        self.assertEqual(tomllib.loads(shown)["port"], [8123, "unix:/run/a b"])
        self.assertEqual(tomllib.loads(shown)["keepalive"], "off")

    def test_secrets(self) -> None:
        """
        The password of a history is not shown.
        """
        shown = self.shown("--history", "redis://ada:s3cret@localhost:6379/0")

        self.assertIn('"redis://ada:***@localhost:6379/0"', shown)
        self.assertNotIn("s3cret", shown)

        url = "postgresql://ada:s3cret@localhost/db?sslmode=require&password=s3cret,events=5"
        shown = self.shown("--history", url)

        self.assertIn("ada:***@localhost/db?sslmode=require&password=***,events=5", shown)

        url = "redis+sentinel://ada:s3cret@h/m?sentinel_user=u&sentinel_password=s3cret,events=5"
        shown += self.shown("--history", url)

        self.assertIn("ada:***@h/m?sentinel_user=u&sentinel_password=***,events=5", shown)
        self.assertNotIn("s3cret", shown)

    def test_errors_first(self) -> None:
        """
        A configuration that cannot be used is refused, and not shown.
        """
        with self.assertRaises(SystemExit) as caught:
            parse("--print-config", "--retry", "soon")

        self.assertIn("--retry", str(caught.exception))
