"""
``twisted-sse publish``: one event, or one for each line of standard input.

Nothing is published twice, and nothing is lost without a word.
"""

from __future__ import annotations

import secrets
import sys
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.python import usage

from twisted_sse import units
from twisted_sse.cli.batches import Batches, LineTooLong, Numbered
from twisted_sse.cli.delivery import Delivery, GaveUp, Uncertain
from twisted_sse.cli.lineparser import BadLine, LineParser
from twisted_sse.cli.options import RequestOptions
from twisted_sse.cli.running import Ended, Status
from twisted_sse.cli.stdin import Input, size_left
from twisted_sse.cli.tally import Tally, lines_of
from twisted_sse.cli.terminal import Console
from twisted_sse.client import Publisher
from twisted_sse.errors import InvalidEvent, InvalidTopic, UnexpectedContentType, UnexpectedStatus
from twisted_sse.events.publication import Publication

__all__ = ["PublishOptions", "publish"]

_STDIN = 0

# How long a request may take, in seconds.
_TIMEOUT = 30.0

_NOT_THE_REST = " It and what follows it was not published."

# What says something of one event, or of plain lines.
_OF_PLAIN = ("event", "retry", "private")


class PublishOptions(RequestOptions):
    """
    The options of ``twisted-sse publish``.

    Attributes:
        data: Of the one event; ``None`` if there is one for each line.
    """

    name = "publish"
    synopsis = "URL --topic TOPIC [DATA | -] [options]"
    longdesc = "Publishes DATA, or each line of standard input."

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["event", "e", None, "The event type."],
        ["id", None, None, "The event ID of DATA; made here, if it is not given."],
        ["retry", None, None, "The reconnection time that browsers are told, in ms."],
        ["give-up", None, "60", "Seconds that it is tried again."],
    ]

    optFlags = [  # noqa: RUF012
        ["ndjson", None, "Each line is an object with topic, data, event, id ..."],
        ["private", "p", "Only for those who may read one of the topics."],
    ]

    readers = {"retry": units.milliseconds, "give-up": units.seconds}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self["topics"] = []
        self.data: str | None = None

    def opt_topic(self, text: str) -> None:
        """
        Publish to this topic; repeatable: the others are alternates.
        """
        self["topics"].append(text)

    opt_t = opt_topic

    def parseArgs(self, url: str | None = None, data: str = "", *more: str) -> None:
        """
        See `twisted.python.usage.Options.parseArgs`.
        """
        super().parseArgs(url)
        if more:
            raise usage.UsageError("Quote the data: it has to be one argument.")
        if data == "-" or (data == "" and not _is_terminal(sys.stdin)):
            return
        if data == "":
            raise usage.UsageError("Say what: DATA, or pipe lines into it.")
        self.data = data

    def postOptions(self) -> None:
        """
        See `twisted.python.usage.Options.postOptions`.
        """
        super().postOptions()
        topics = [*self.address.topics(), *self["topics"]]
        if not topics and not self["ndjson"]:
            raise usage.UsageError("Say where to: --topic TOPIC.")
        if self["ndjson"] and self.data is not None:
            raise usage.UsageError("--ndjson is for lines of standard input.")
        if self["id"] is not None and self.data is None:
            raise usage.UsageError("--id is for one event, not for lines.")
        given = [name for name in _OF_PLAIN if self[name]]
        if self["ndjson"] and given:
            raise usage.UsageError(f"--{given[0]} is for plain data; with --ndjson each line says.")
        prefix = f"{secrets.token_hex(8)}-"
        self.parser = LineParser(
            topics,
            prefix,
            ndjson=bool(self["ndjson"]),
            event=self["event"],
            retry=self["retry"],
            private=bool(self["private"]),
        )

    def delivery(self, clock: Any, err: Console) -> Delivery:
        """
        What publishes.
        """
        headers = {name: ", ".join(values) for name, values in self.headers.items()}
        url = self.address.without_topics()
        publisher = Publisher(url, client=self.agent(), headers=headers, timeout=_TIMEOUT)
        return Delivery(
            publisher,
            clock,
            err.say,
            prefix=self.parser.prefix,
            give_up=self["give-up"],
            timeout=_TIMEOUT,
        )


async def publish(options: PublishOptions, out: Console, err: Console) -> int:
    """
    Publish what is asked for.

    Raises:
        Ended: Not everything was published.
    """
    from twisted.internet import reactor

    one = None if options.data is None else _only(options)
    if options.address.completed:
        err.say(f"Publishing to {options.address.without_topics()}")
    delivery = options.delivery(reactor, err)
    if one is not None:
        await _deliver(delivery, [one], "The event")
        out.say(one.event.id or "")
        return Status.DONE
    tally = Tally(err, size_left(_STDIN), reactor)
    try:
        batches = Batches(Input(_STDIN, reactor).read, reactor)
        await _publish_lines(batches, delivery, options.parser, tally)
    finally:
        tally.end()
    return Status.DONE


def _only(options: PublishOptions) -> Publication:
    try:
        return options.parser.one(options.data or "", options["id"])
    except (InvalidEvent, InvalidTopic) as error:
        raise Ended(Status.USAGE, f"twisted-sse publish: {error}") from None


async def _publish_lines(
    batches: Batches, delivery: Delivery, parser: LineParser, tally: Tally
) -> None:
    while True:
        try:
            lines = await batches.next()
        except LineTooLong as error:
            raise Ended(
                Status.REFUSED, f"{error} It and what follows it was not published."
            ) from None
        except OSError as error:
            raise Ended(Status.USAGE, f"Standard input cannot be read: {error.strerror}.") from None
        if not lines:
            return
        publications, bad = _parsed(parser, lines)
        if publications:
            await _deliver(delivery, [one for _, one in publications], lines_of(publications))
        tally.published(len(publications), lines)
        if bad is not None:
            raise Ended(Status.REFUSED, f"{bad}{_NOT_THE_REST}")


def _parsed(
    parser: LineParser, lines: list[Numbered]
) -> tuple[list[tuple[int, Publication]], BadLine | None]:
    """
    The publications with their lines' numbers, up to the first line that is wrong.
    """
    publications: list[tuple[int, Publication]] = []
    for line in lines:
        try:
            publication = parser.line(line)
        except BadLine as error:
            return publications, error
        if publication is not None:
            publications.append((line.number, publication))
    return publications, None


async def _deliver(delivery: Delivery, batch: list[Publication], what: str) -> None:
    """
    Args:
        what: Such as "Line 7".
    """
    try:
        await delivery.deliver(batch)
    except (UnexpectedStatus, UnexpectedContentType) as error:
        raise Ended(Status.REFUSED, f"{what} was refused. {error}") from error
    except GaveUp as error:
        raise Ended(Status.UNREACHABLE, f"{what} was not published. {error}") from error
    except Uncertain as error:
        raise Ended(Status.UNCERTAIN, f"{what} may have been published, or not. {error}") from error
    except CancelledError:
        raise Ended(
            Status.INTERRUPTED, f"Interrupted. {what} may have been published, or not."
        ) from None


def _is_terminal(stream: Any) -> bool:
    return stream is not None and bool(stream.isatty())
