"""
Publishes lines of input in batches, and tells which lines were not published.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NoReturn

from twisted.internet.defer import CancelledError

from twisted_sse.cli.batches import Batches, LineTooLong, NumberedLine
from twisted_sse.cli.console import Console
from twisted_sse.cli.delivery import Delivery, GaveUp, Uncertain
from twisted_sse.cli.lineparser import BadLine, LineParser
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.cli.tally import Tally, lines_of
from twisted_sse.errors import (
    InvalidResponse,
    TopicEnded,
    UnexpectedContentEncoding,
    UnexpectedContentType,
    UnexpectedStatus,
)
from twisted_sse.events.publication import Publication

__all__ = ["LinePublisher", "deliver_one"]

_STOPPED = " That line and all lines after it were not published."

_NOTHING_AFTER = " No line after that was published."

# Answers with which a hub refuses one publication, so that others may still be taken.
_REFUSES_ONE = (400, 413, 422)

_TOO_LARGE = 413

# Answers that are no receipts.
_REFUSALS = (
    InvalidResponse,
    TopicEnded,
    UnexpectedContentEncoding,
    UnexpectedContentType,
    UnexpectedStatus,
)

Numbered = tuple[int, Publication]


class LinePublisher:
    """
    Publishes all lines.

    Args:
        skip_bad: Whether to go on after a line that cannot be published.
    """

    def __init__(
        self,
        delivery: Delivery,
        parser: LineParser,
        tally: Tally,
        err: Console,
        *,
        skip_bad: bool,
    ) -> None:
        self._delivery = delivery
        self._parser = parser
        self._tally = tally
        self._err = err
        self._skip_bad = skip_bad

    async def publish(self, batches: Batches) -> None:
        """
        Publish line after line, until the input ends.

        Raises:
            CommandFailed: A line was not published, or may not have been.
        """
        while True:
            try:
                lines = await batches.next()
            except LineTooLong as error:
                raise CommandFailed(Status.REFUSED, f"{error}{_STOPPED}") from None
            except OSError as error:
                raise CommandFailed(
                    Status.USAGE, f"Standard input cannot be read: {error.strerror}."
                ) from None
            if not lines:
                return
            publications, bad_line = self._parse(lines)
            if publications:
                await self._deliver(publications)
            self._tally.read(lines)
            if bad_line is not None:
                raise CommandFailed(Status.REFUSED, f"{bad_line}{_STOPPED}")
            await self._err.drained()

    def skip(self, sentence: str) -> None:
        """
        Tell that a line is skipped.

        Args:
            sentence: Names the line, and says why.
        """
        self._err.say(f"{sentence} This line was not published.")
        self._tally.skipped += 1

    def _parse(self, lines: Sequence[NumberedLine]) -> tuple[list[Numbered], BadLine | None]:
        """
        Parse *lines*, up to the first one that is invalid if it is not skipped.
        """
        publications: list[Numbered] = []
        for line in lines:
            try:
                publication = self._parser.line(line)
            except BadLine as error:
                if not self._skip_bad:
                    return publications, error
                self.skip(str(error))
                continue
            if publication is not None:
                publications.append((line.number, publication))
        return publications, None

    async def _deliver(self, publications: list[Numbered]) -> None:
        parts = deque([publications])
        while parts:
            part = parts.popleft()
            kept = 0

            def count(number: int) -> None:
                nonlocal kept
                kept += number
                self._tally.published(number)

            try:
                await self._delivery.deliver([one for _, one in part], count)
            except TopicEnded as error:
                rest = part[kept:]
                if not self._skip_bad:
                    _fail(error, lines_of(rest), _NOTHING_AFTER)
                self._split_or_skip(rest, error, parts)
            except UnexpectedStatus as error:
                rest = part[kept:]
                if error.status == _TOO_LARGE:
                    # Halving has ended at one publication.
                    parts.appendleft(rest[1:])
                    rest = rest[:1]
                if not self._skip_bad or error.status not in _REFUSES_ONE:
                    _fail(error, lines_of(rest), _NOTHING_AFTER)
                self._split_or_skip(rest, error, parts)
            except Exception as error:
                _fail(error, lines_of(part[kept:]), _NOTHING_AFTER)

    def _split_or_skip(
        self, refused: list[Numbered], error: Exception, parts: deque[list[Numbered]]
    ) -> None:
        if len(refused) == 1:
            self.skip(f"Line {refused[0][0]}: {error}")
            return
        half = len(refused) // 2
        parts.extendleft([refused[half:], refused[:half]])


async def deliver_one(delivery: Delivery, publication: Publication) -> None:
    """
    Deliver one event.

    Raises:
        CommandFailed: It was not published, or may not have been.
    """
    try:
        await delivery.deliver([publication])
    except Exception as error:
        _fail(error, "The event")


def _fail(error: Exception, subject: str, addition: str = "") -> NoReturn:
    """
    Raise an error of `Delivery` as a sentence.

    Args:
        subject: What was not published, such as "Line 7".
    """
    if isinstance(error, GaveUp):
        status, sentence = Status.UNREACHABLE, f"{subject} was not published. {error}"
    elif isinstance(error, Uncertain):
        status, sentence = Status.UNCERTAIN, f"{subject} may have been published. {error}"
    elif isinstance(error, CancelledError):
        status, sentence = Status.INTERRUPTED, f"Interrupted. {subject} may have been published."
    elif isinstance(error, _REFUSALS):
        status, sentence = Status.REFUSED, f"{subject} was refused. {error}"
    else:
        raise error
    raise CommandFailed(status, sentence + addition) from error
