"""
``twisted-sse history HISTORY export``: writes every kept publication as a line of JSON.

A file gets its name when it is complete.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from twisted_sse.cli.console import Console
from twisted_sse.cli.history.count import EventCount
from twisted_sse.cli.history.lines import as_line
from twisted_sse.cli.history.pages import pages_of
from twisted_sse.cli.printable import printable_json
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.interfaces import IHistoryReader

__all__ = ["FileTarget", "Losses", "OutputTarget", "Target", "export"]


class Target(Protocol):
    """
    Where lines are written.
    """

    async def write(self, lines: list[str]) -> None:
        """
        Write *lines*, and wait until they are written.
        """

    def finish(self) -> None:
        """
        Make what was written complete.
        """

    def abandon(self) -> None:
        """
        Remove what was written, unless it is complete.
        """


class OutputTarget:
    """
    Standard output; its exit status tells whether it is complete.
    """

    def __init__(self, out: Console) -> None:
        self._out = out

    async def write(self, lines: list[str]) -> None:
        """
        See `Target`.
        """
        for line in lines:
            self._out.write_json(line)
        await self._out.drained()

    def finish(self) -> None:
        """
        See `Target`.
        """

    def abandon(self) -> None:
        """
        See `Target`.
        """


class FileTarget:
    """
    A new file, which only its owner may read.

    Raises:
        CommandFailed: It cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        directory, name = os.path.split(self._path)
        try:
            descriptor, self._part = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
        except OSError as error:
            raise self._failed(error) from None
        self._file = open(descriptor, "w", encoding="utf-8")  # noqa: SIM115 - finish() closes it

    async def write(self, lines: list[str]) -> None:
        """
        See `Target`.
        """
        try:
            self._file.writelines(printable_json(line) + "\n" for line in lines)
        except OSError as error:
            raise self._failed(error) from None

    def finish(self) -> None:
        """
        See `Target`.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.rename(self._part, self._path)
        except OSError as error:
            raise self._failed(error) from None

    def abandon(self) -> None:
        """
        See `Target`.
        """
        # What is in its buffer may not fit on the disk either.
        with suppress(OSError):
            self._file.close()
        with suppress(FileNotFoundError):
            os.unlink(self._part)

    def _failed(self, error: OSError) -> CommandFailed:
        return CommandFailed(
            Status.USAGE,
            f"twisted-sse history: {self._path!r} cannot be written: {error.strerror}.",
        )


class Losses:
    """
    What could not be read.

    Attributes:
        lost: Whether publications were forgotten before they could be read.

        unreadable: How many entries another program has damaged.
    """

    def __init__(self) -> None:
        self.lost = False
        self.unreadable = 0

    def say(self, err: Console) -> None:
        """
        Tell them.
        """
        if self.lost:
            err.say("Some events are missing: the store forgot them before they were read.")
        if self.unreadable:
            entries = "1 entry" if self.unreadable == 1 else f"{self.unreadable} entries"
            err.say(f"{entries} of the store could not be read.")


async def export(
    reader: IHistoryReader, target: Target, count: EventCount, clock: IReactorTime
) -> Losses:
    """
    Write everything that is kept now.

    Raises:
        HistoryUnavailable: The store cannot be read.
    """
    losses = Losses()
    async for page in pages_of(reader, clock):
        await target.write([as_line(one) for one in page.records])
        losses.lost |= page.lost
        losses.unreadable += page.unreadable
        count.add(len(page.records))
    target.finish()
    return losses
