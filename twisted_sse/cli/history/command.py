"""
Runs ``twisted-sse history``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import CancelledError, maybeDeferred

from twisted_sse.cli.batches import Batches
from twisted_sse.cli.console import Console
from twisted_sse.cli.history.count import EventCount
from twisted_sse.cli.history.exporting import FileTarget, OutputTarget, export
from twisted_sse.cli.history.importing import import_lines
from twisted_sse.cli.history.options import HistoryOptions
from twisted_sse.cli.history.pages import when_available
from twisted_sse.cli.history.summary import summary_json, summary_table
from twisted_sse.cli.history.survey import MOST_TOPICS, Survey
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.cli.stdin import InputReader, size_left
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.holdings import Holdings
from twisted_sse.history.reading import build_reader
from twisted_sse.history.sqlite.filereader import SQLiteFileReader
from twisted_sse.interfaces import IHistoryReader, IInstallableHistory

__all__ = ["history"]

_STDIN = 0


async def history(options: HistoryOptions, out: Console, err: Console) -> int:
    """
    Show, export, import or back up.

    Returns:
        The exit status: 2 if something in the store could not be read.

    Raises:
        CommandFailed: Not everything was done.
    """
    try:
        if options.installable is not None:
            return await _install(options, options.installable, out, err)
        if options.action == "import":
            return await _import(options, err)
        async with _running(options.reader):
            if options.action == "export":
                return await _export(options, out, err)
            if options.action == "backup":
                return await _back_up(options, err)
            return await _show(options, out, err)
    except HistoryUnavailable as error:
        raise CommandFailed(Status.UNREACHABLE, str(error)) from None


async def _install(
    options: HistoryOptions, installable: IInstallableHistory, out: Console, err: Console
) -> int:
    if options["print-sql"]:
        for line in installable.install_sql().splitlines():
            out.say(line)
    elif await maybeDeferred(installable.install):
        err.say("Installed.")
    else:
        err.say("It is installed already, and up to date.")
    return Status.DONE


async def _show(options: HistoryOptions, out: Console, err: Console) -> int:
    from twisted.internet import reactor

    clock: Any = reactor
    holdings = await _describe(options.reader)
    survey = Survey()
    if None in (holdings.events, holdings.bytes, holdings.topics):
        count = EventCount(err, clock, holdings.events)
        try:
            await survey.read(options.reader, count, clock)
        finally:
            count.end()
        holdings = survey.complete(holdings)
    if options["json"]:
        out.write_json(summary_json(holdings, MOST_TOPICS))
    else:
        for line in summary_table(holdings, MOST_TOPICS, time()):
            out.write(line)
    survey.losses.say(err)
    return Status.REFUSED if survey.losses.unreadable else Status.DONE


async def _export(options: HistoryOptions, out: Console, err: Console) -> int:
    from twisted.internet import reactor

    clock: Any = reactor
    total = (await _describe(options.reader)).events
    target = OutputTarget(out) if options.file is None else FileTarget(options.file)
    count = EventCount(err, clock, total)
    try:
        losses = await export(options.reader, target, count, clock)
    finally:
        target.abandon()
        sentence = count.end()
    err.say(f"Exported {sentence}.")
    losses.say(err)
    return Status.REFUSED if losses.unreadable else Status.DONE


async def _import(options: HistoryOptions, err: Console) -> int:
    from twisted.internet import reactor

    clock: Any = reactor
    descriptor = _STDIN if options.file is None else _open(options.file)
    batches = Batches(InputReader(descriptor, reactor).read, clock)
    count = EventCount(err, clock, size_left(descriptor))
    try:
        async with _running(options.provider):
            await import_lines(options.provider, batches, count, clock)
    except CancelledError:
        sentence = "Interrupted. The lines that were being imported may have been kept."
        raise CommandFailed(Status.INTERRUPTED, sentence) from None
    finally:
        err.say(f"Imported {count.end()}.")
    await _say_forgotten(options.history, count.events, err)
    return Status.DONE


async def _say_forgotten(text: str, imported: int, err: Console) -> None:
    """
    Warn if the bounds of the store are too small for what was imported.
    """
    reader = build_reader(text)
    async with _running(reader):
        kept = (await _describe(reader)).events
    if kept is not None and kept < imported:
        err.say(
            f"The store has forgotten {imported - kept} of them already, because of its bounds:"
            f" import again with larger ones, such as events={imported}."
        )


async def _back_up(options: HistoryOptions, err: Console) -> int:
    assert isinstance(options.reader, SQLiteFileReader)
    assert options.file is not None
    try:
        await options.reader.back_up(options.file)
    except ValueError as error:
        raise CommandFailed(Status.USAGE, f"twisted-sse history: {error}.") from None
    size = os.path.getsize(options.file)
    err.say(f"Backed up into {options.file!r}, {size:,} bytes.")
    return Status.DONE


async def _describe(reader: IHistoryReader) -> Holdings:
    from twisted.internet import reactor

    clock: Any = reactor
    holdings: Holdings = await when_available(reader.describe, clock)
    return holdings


@asynccontextmanager
async def _running(subject: object) -> AsyncIterator[None]:
    """
    Start *subject* and stop it again, if it is a service.
    """
    service = IService(subject, None)
    if service is not None:
        service.startService()
    try:
        yield
    finally:
        if service is not None:
            await maybeDeferred(service.stopService)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        sentence = f"twisted-sse history: {path!r} cannot be read: {error.strerror}."
        raise CommandFailed(Status.USAGE, sentence) from None
