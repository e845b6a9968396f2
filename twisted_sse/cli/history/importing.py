"""
``twisted-sse history HISTORY import``: keeps publications that were exported.

Each batch of lines is kept whole or not at all, and the next one follows when it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from twisted.internet.interfaces import IReactorTime

from twisted_sse.cli.batches import Batches, LineTooLong, NumberedLine
from twisted_sse.cli.history.count import EventCount
from twisted_sse.cli.history.lines import from_line
from twisted_sse.cli.history.pages import when_available
from twisted_sse.cli.lineparser import BadLine
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.cli.tally import lines_of
from twisted_sse.errors import HistoryUnavailable, PerhapsKept, TopicEnded
from twisted_sse.events.publication import Publication
from twisted_sse.interfaces import IHistoryProvider

__all__ = ["import_lines"]

_STOPPED = " That line and all lines after it were not imported."

Numbered = tuple[int, Publication]


async def import_lines(
    provider: IHistoryProvider, batches: Batches, count: EventCount, clock: IReactorTime
) -> None:
    """
    Keep every line, in order.

    Raises:
        CommandFailed: A line was not imported, or may not have been.
    """
    # A remote store is connected to first: an append to it would wait, and its outcome
    # might be unknown.
    await _connect(provider, clock)
    while lines := await _next(batches):
        publications, bad_line = _parse(lines)
        if publications:
            await _keep(provider, publications, clock)
        count.add(len(publications), sum(len(line.text) + 1 for line in lines))
        if bad_line is not None:
            raise CommandFailed(Status.REFUSED, f"{bad_line}{_STOPPED}")


async def _connect(provider: IHistoryProvider, clock: IReactorTime) -> None:
    try:
        await when_available(partial(provider.tail, 1), clock)
    except HistoryUnavailable as error:
        raise CommandFailed(Status.UNREACHABLE, f"Nothing was imported. {error}") from None


async def _next(batches: Batches) -> list[NumberedLine]:
    try:
        return await batches.next()
    except LineTooLong as error:
        raise CommandFailed(Status.REFUSED, f"{error}{_STOPPED}") from None
    except OSError as error:
        raise CommandFailed(Status.USAGE, f"The input cannot be read: {error.strerror}.") from None


def _parse(lines: Sequence[NumberedLine]) -> tuple[list[Numbered], BadLine | None]:
    """
    Parse *lines*, up to the first one that is invalid.
    """
    publications: list[Numbered] = []
    for line in lines:
        try:
            publication = from_line(line)
        except BadLine as error:
            return publications, error
        if publication is not None:
            publications.append((line.number, publication))
    return publications, None


async def _keep(
    provider: IHistoryProvider, publications: list[Numbered], clock: IReactorTime
) -> None:
    batch = [publication for _, publication in publications]
    try:
        await when_available(partial(provider.append, batch), clock)
    except PerhapsKept as error:
        sentence = f"{lines_of(publications)} may have been imported. {error}"
        raise CommandFailed(Status.UNCERTAIN, f"{sentence} No line after that was.") from error
    except TopicEnded as error:
        sentence = f"{lines_of(publications)} was not imported, and no line after it. {error}"
        raise CommandFailed(Status.REFUSED, sentence) from error
    except HistoryUnavailable as error:
        sentence = f"{lines_of(publications)} was not imported, and no line after it. {error}"
        raise CommandFailed(Status.UNREACHABLE, sentence) from error
