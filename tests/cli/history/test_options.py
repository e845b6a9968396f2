"""
The options of ``twisted-sse history``.
"""

import io
import sys
from pathlib import Path

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.cli.history.options import HistoryOptions
from twisted_sse.history.postgres import PostgresHistory
from twisted_sse.history.redis import RedisHistory
from twisted_sse.history.sqlite import SQLiteHistory

__all__ = ["HistoryOptionsTests"]

_REDIS = "redis://127.0.0.1:1/0"
_POSTGRES = "postgresql://127.0.0.1:1/db"


def parsed(*words: str) -> HistoryOptions:
    """
    Parse *words*.
    """
    options = HistoryOptions()
    options.parseOptions(words)
    return options


class HistoryOptionsTests(SynchronousTestCase):
    """
    `HistoryOptions`.
    """

    def setUp(self) -> None:
        """
        Make a directory.
        """
        self.home = Path(self.mktemp())
        self.home.mkdir()

    def test_show(self) -> None:
        """
        Without an action, the store is shown; options may follow it.
        """
        options = parsed(_REDIS, "--json")

        self.assertEqual((options.action, options.file, options["json"]), ("", None, 1))
        self.assertIsInstance(options.reader, RedisHistory)

    def test_files(self) -> None:
        """
        - and no file stand for standard input and output.
        """
        self.assertIsNone(parsed(_REDIS, "export").file)
        self.assertIsNone(parsed(_REDIS, "export", "-").file)
        self.assertEqual(parsed(_REDIS, "export", "x").file, "x")
        self.assertIsNone(parsed(_REDIS, "import", "-").file)

    def test_import(self) -> None:
        """
        What is imported is kept by a provider; the file of the store need not exist.
        """
        options = parsed(f"sqlite:{self.home / 'new.db'}", "import", "x")

        self.assertIsInstance(options.provider, SQLiteHistory)

    def test_terminal(self) -> None:
        """
        Nothing is imported from a terminal.
        """
        terminal = io.StringIO()
        terminal.isatty = lambda: True  # type: ignore[method-assign]
        self.patch(sys, "stdin", terminal)

        with self.assertRaisesRegex(usage.UsageError, "Pass a FILE, or pipe lines"):
            parsed(_REDIS, "import")

    def test_refused(self) -> None:
        """
        A wrong command line is refused in a sentence that says what to do.
        """
        there = self.home / "there"
        there.touch()
        for words, sentence in (
            ([], "Pass a history, such as sqlite:PATH"),
            ([_REDIS, "dump"], "Pass export, import or backup, not 'dump'."),
            ([_REDIS, "export", "a", "b"], "Pass one file, not 'b' as well."),
            ([_REDIS, "export", "--json"], "--json: it is not for export."),
            ([_REDIS, "export", str(there)], "exists already: choose another name"),
            ([_REDIS, "backup", "x"], "backup is for sqlite: only; use export."),
            ([_REDIS, "--what"], "option --what not recognized."),
            (["memory:"], "memory: is in the hub's own process; pass upstream:"),
            (["disk:x"], "history 'disk' is unknown: use memory, postgres"),
            ([f"sqlite:{self.home}/none.db"], "there is no file"),
            ([f"sqlite:{there}"], "is empty."),
            ([f"sqlite:{self.home}/no/new.db", "import", "x"], "there is no directory"),
            (["redis://h:1/0,events=many"], "write redis://"),
            ([_REDIS, "--install"], "--install: it is for postgresql: only."),
            ([_REDIS, "--print-sql"], "--print-sql: it is for postgresql: only."),
            ([_POSTGRES, "export", "--install"], "--install: it is not for export."),
            ([_POSTGRES, "--install", "--print-sql"], "Pass one of --json, --install"),
            ([_POSTGRES, "--install", "--json"], "Pass one of --json, --install"),
        ):
            with self.subTest(words=words):
                with self.assertRaises(usage.UsageError) as caught:
                    parsed(*words)
                self.assertIn(sentence, str(caught.exception))

    def test_install(self) -> None:
        """
        --install and --print-sql are about the tables of a database.
        """
        for flag in ("--install", "--print-sql"):
            self.assertIsInstance(parsed(_POSTGRES, flag).installable, PostgresHistory)
        self.assertIsNone(parsed(_POSTGRES).installable)

    def test_backup(self) -> None:
        """
        A backup needs the name of a file.
        """
        path = self.home / "a.db"
        from tests.history.sqlite.data.make_history import write

        write(str(path))
        with self.assertRaisesRegex(usage.UsageError, "Pass the FILE to write: backup FILE."):
            parsed(f"sqlite:{path}", "backup")
        self.assertEqual(parsed(f"sqlite:{path}", "backup", "x").file, "x")
