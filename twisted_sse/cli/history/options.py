"""
The options of ``twisted-sse history``.
"""

from __future__ import annotations

import getopt
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from twisted.python import usage

from twisted_sse.cli.options import VersionOptions
from twisted_sse.history.plugins import build_history
from twisted_sse.history.reading import build_reader
from twisted_sse.history.sqlite.filereader import SQLiteFileReader
from twisted_sse.interfaces import IHistoryProvider, IHistoryReader, IInstallableHistory

__all__ = ["HistoryOptions"]

T = TypeVar("T")

_ACTIONS: Final = ("export", "import", "backup")


class HistoryOptions(VersionOptions):
    """
    The options of ``twisted-sse history``.

    Attributes:
        history: The store, as ``--history`` of the hub takes it.

        action: ``export``, ``import``, ``backup``, or "" to show what it holds.

        file: The file to write or read; ``None`` stands for standard input and output.

        reader: Reads the store; not for ``import``.

        provider: Keeps what is imported; only for ``import``.

        installable: What --install and --print-sql are about.
    """

    longdesc = (
        "HISTORY is what the hub's option --history has, such as sqlite:PATH or"
        " redis://HOST:PORT/DB or postgresql://HOST/DB. export writes, and import reads, one JSON"
        " object for each event; - is standard output or input. backup copies a SQLite file that"
        " is in use."
    )

    optFlags = [  # noqa: RUF012 - Twisted reads it from the class
        ["json", "j", "Print JSON."],
        ["install", None, "Create the tables of a database, or bring them up to date."],
        ["print-sql", None, "Print SQL that does what --install does."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.history = self.action = ""
        self.file: str | None = None
        self.reader: IHistoryReader
        self.provider: IHistoryProvider
        self.installable: IInstallableHistory | None = None

    def getSynopsis(self) -> str:
        """
        See `twisted.python.usage.Options.getSynopsis`.
        """
        actions = "[export [FILE|-] | import [FILE|-] | backup FILE]"
        return f"Usage: twisted-sse history HISTORY {actions} [--json|--install|--print-sql]\n"

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        See `twisted.python.usage.Options.parseOptions`; here options may follow arguments.
        """
        try:
            pairs, rest = getopt.gnu_getopt(list(options or ()), self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise usage.UsageError(f"{str(error).removesuffix('.')}.") from None
        super().parseOptions([*(name for name, _ in pairs), "--", *rest])

    def parseArgs(
        self, history: str = "", action: str = "", file: str | None = None, *more: str
    ) -> None:
        """
        See `twisted.python.usage.Options.parseArgs`.
        """
        if not history:
            raise usage.UsageError("Pass a history, such as sqlite:PATH or redis://HOST:PORT/DB.")
        if action and action not in _ACTIONS:
            raise usage.UsageError(f"Pass export, import or backup, not {action!r}.")
        if more:
            raise usage.UsageError(f"Pass one file, not {more[0]!r} as well.")
        if history.partition(":")[0] == "memory":
            raise usage.UsageError(
                "memory: is in the hub's own process; pass upstream: and the URL of the hub."
            )
        self.history, self.action = history, action
        self.file = None if file == "-" else file

    def postOptions(self) -> None:
        """
        See `twisted.python.usage.Options.postOptions`.
        """
        for name in ("json", "install", "print-sql"):
            if self[name] and self.action:
                raise usage.UsageError(f"--{name}: it is not for {self.action}.")
        if self["install"] or self["print-sql"]:
            self.installable = self._installable()
            return
        if self.action == "import":
            if self.file is None and sys.stdin.isatty():
                raise usage.UsageError("Pass a FILE, or pipe lines into the command.")
            self.provider = _build(build_history, self.history)
            return
        if self.file is not None and os.path.lexists(self.file):
            raise usage.UsageError(
                f"{self.file!r} exists already: choose another name, or remove it."
            )
        self.reader = _build(build_reader, self.history)
        if self.action == "backup":
            self._check_backup()

    def _installable(self) -> IInstallableHistory:
        if self["json"] or (self["install"] and self["print-sql"]):
            raise usage.UsageError("Pass one of --json, --install and --print-sql.")
        found = IInstallableHistory(_build(build_history, self.history), None)
        if found is None:
            name = "install" if self["install"] else "print-sql"
            raise usage.UsageError(f"--{name}: it is for postgresql: only.")
        return found

    def _check_backup(self) -> None:
        if not isinstance(self.reader, SQLiteFileReader):
            raise usage.UsageError("backup is for sqlite: only; use export.")
        if self.file is None:
            raise usage.UsageError("Pass the FILE to write: backup FILE.")


def _build(build: Callable[[str], T], history: str) -> T:
    try:
        return build(history)
    except ValueError as error:
        raise usage.UsageError(f"{error}.") from None
