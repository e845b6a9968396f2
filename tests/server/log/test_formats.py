"""
The formats of log lines.
"""

import io
import json

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.log.formats import FORMATS

__all__ = ["FormatTests"]


class FormatTests(SynchronousTestCase):
    """
    `FORMATS`.
    """

    def setUp(self) -> None:
        """
        Log to a file in memory.
        """
        self.file = io.StringIO()

    def logger(self, format: str) -> Logger:
        """
        Make a logger that writes in *format*.
        """
        return Logger(namespace="hub", observer=FORMATS[format](self.file))

    def test_json(self) -> None:
        """
        A line is one object, with the message and its fields.
        """
        self.logger("json").warn("{user} has {count} of {ratio}", user="ada\n", count=3, ratio=0.5)
        (line,) = self.file.getvalue().splitlines()
        written = json.loads(line)
        date = written.pop("time")

        self.assertRegex(date, r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$")
        self.assertEqual(
            written,
            {
                "level": "warn",
                "logger": "hub",
                "message": "ada\n has 3 of 0.5",
                "user": "ada\n",
                "count": 3,
                "ratio": 0.5,
            },
        )

    def test_objects(self) -> None:
        """
        A field that JSON does not have is written as text.
        """
        self.logger("json").info("{error}", error=ValueError("bad"))

        self.assertEqual(json.loads(self.file.getvalue())["error"], "bad")

    def test_traceback(self) -> None:
        """
        A failure has its traceback, in the same line.
        """
        self.logger("json").failure("It failed", Failure(ValueError("bad")))
        (line,) = self.file.getvalue().splitlines()

        self.assertIn("ValueError: bad", json.loads(line)["traceback"])

    def test_own_members(self) -> None:
        """
        A field cannot replace a member of the line.
        """
        self.logger("json").info("{logger}", logger="forged")

        self.assertEqual(json.loads(self.file.getvalue())["logger"], "hub")

    def test_text(self) -> None:
        """
        Text is what twistd writes.
        """
        self.logger("text").info("{user} left", user="ada")

        self.assertRegex(self.file.getvalue(), r"^\S+ \[hub#info\] ada left\n$")
