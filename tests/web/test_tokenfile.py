"""
`BearerTokens.from_file`: the tokens in a file, read again when it changes.
"""

import os
from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Served
from twisted_sse import BearerTokens

__all__ = ["FileTests", "MistakeTests"]


class FileTests(SynchronousTestCase):
    """
    A hub whose publishers have a token in a file.
    """

    def setUp(self) -> None:
        """
        Write the file, and take publications.
        """
        self.path = Path(self.mktemp())
        self.path.write_text("one\ntwo\n", "utf-8")
        self.clock = Clock()
        self.tokens = BearerTokens.from_file(self.path, clock=self.clock)
        self.served = Served()
        self.served.serve(self.served.hub.publishing(self.tokens))

    def write(self, text: str) -> None:
        """
        Replace the file in one step, and let the time pass after which it is looked at.
        """
        new = self.path.with_suffix(".new")
        new.write_text(text, "utf-8")
        new.replace(self.path)
        self.clock.advance(1.0)

    def status(self, token: str) -> int:
        """
        What a publication with *token* is answered.
        """
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        caller = self.served.call("POST", "/", headers, b"topic=a&data=x")
        self.served.clock.advance(0)
        return caller.answer.status

    def statuses(self, *tokens: str) -> tuple[list[int], list[str]]:
        """
        What publications with these tokens are answered, and what is logged.
        """
        with capturedLogs() as logs:
            statuses = [self.status(token) for token in tokens]
        return statuses, [formatEvent(event) for event in logs if "Token" in formatEvent(event)]

    def test_read(self) -> None:
        """
        Every token in it may publish, and no other.
        """
        self.assertEqual(self.statuses("one", "two", "three")[0], [200, 200, 401])

    def test_changed(self) -> None:
        """
        When the file has changed, the next token is compared with its new content.
        """
        self.write("two\nthree\n")
        statuses, log = self.statuses("one", "two", "three")

        self.assertEqual(statuses, [401, 200, 200])
        self.assertEqual(log, ["Tokens that may publish: 2 now, 1 new, 1 removed"])

    def test_not_at_once(self) -> None:
        """
        The file is looked at once a second at most.
        """
        self.assertEqual(self.status("one"), 200)
        self.path.write_text("three\n", "utf-8")
        self.clock.advance(0.9)
        early = self.status("three")
        self.clock.advance(0.1)

        self.assertEqual((early, self.status("three")), (401, 200))

    def test_unusable(self) -> None:
        """
        While the file cannot be used, the tokens stay, and one line says why.
        """
        for text, reason in (("", "empty"), ("a b\n", "spaces"), ("a\x1bb\n", "control")):
            self.write(text)
            with capturedLogs() as logs:
                statuses = [self.status("one"), self.status("two")]
                self.clock.advance(1.0)
                statuses.append(self.status("three"))

            self.assertEqual(statuses, [200, 200, 401])
            (line,) = [formatEvent(event) for event in logs if "tokens" in formatEvent(event)]
            self.assertIn(reason, line)

    def test_missing(self) -> None:
        """
        The tokens of a file that was removed stay, and count again when it is back.
        """
        self.path.unlink()
        self.clock.advance(1.0)
        away = self.status("one")
        self.write("three\n")

        self.assertEqual((away, self.status("one"), self.status("three")), (200, 401, 200))

    def test_reload(self) -> None:
        """
        `reload` reads it at once.
        """
        self.path.write_text("three\n", "utf-8")
        self.tokens.reload()

        self.assertEqual(self.statuses("one", "three")[0], [401, 200])

    def test_directory(self) -> None:
        """
        A relative path is that of the directory in which the tokens were made.
        """
        before = Path.cwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.path.absolute().parent)
        tokens = BearerTokens.from_file(self.path.name)
        os.chdir("/")

        self.assertIsNone(tokens.reload())  # type: ignore[func-returns-value]

    def test_pipe(self) -> None:
        """
        A pipe is read once, and never looked into again.
        """
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.write(writing, b"one\n")
        os.close(writing)
        tokens = BearerTokens.from_file(f"/dev/fd/{reading}", clock=self.clock)
        self.served.serve(self.served.hub.publishing(tokens))
        self.clock.advance(1.0)

        self.assertEqual(self.statuses("one"), ([200], []))


class MistakeTests(SynchronousTestCase):
    """
    Files and tokens that cannot be used.
    """

    def test_file(self) -> None:
        """
        A file that is missing, empty or badly written is one sentence that names it.
        """
        cases = [(None, "No such file"), ("", "write a token into it"), ("a b", "several words")]
        for text, reason in cases:
            path = Path(self.mktemp())
            if text is not None:
                path.write_text(text, "utf-8")
            error = self.assertRaises(ValueError, BearerTokens.from_file, path)

            self.assertIn(f"{path.name} ", str(error))
            self.assertIn(reason, str(error))

    def test_secret(self) -> None:
        """
        No sentence shows a token.
        """
        for wrong in ("secret\n", "secret word", " secret", "secret\0"):
            error = self.assertRaises(ValueError, BearerTokens, [wrong])

            self.assertNotIn("secret", str(error))

    def test_no_file(self) -> None:
        """
        Tokens that come from no file cannot be reloaded.
        """
        error = self.assertRaises(RuntimeError, BearerTokens("one").reload)

        self.assertIn("call replace(tokens)", str(error))
