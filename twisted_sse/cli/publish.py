"""
``twisted-sse publish``: one event, or one for each line of standard input.

Nothing is published twice, and nothing is lost silently.
"""

from __future__ import annotations

import secrets
import sys
from typing import Any

from twisted.python import usage

from twisted_sse import units
from twisted_sse.cli.batches import Batches
from twisted_sse.cli.console import Console
from twisted_sse.cli.delivery import Delivery
from twisted_sse.cli.lineparser import LineParser
from twisted_sse.cli.linepublisher import LinePublisher, deliver_one
from twisted_sse.cli.options import RequestOptions
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.cli.stdin import InputReader, size_left
from twisted_sse.cli.tally import Tally
from twisted_sse.client import Publisher
from twisted_sse.errors import InvalidEvent, InvalidTopic
from twisted_sse.events.publication import Publication

__all__ = ["PublishOptions", "publish"]

_STDIN = 0

# The timeout of a request, in seconds.
_TIMEOUT = 30.0

# Options that --ndjson excludes.
_PLAIN_OPTIONS = ("event", "retry", "private")


class PublishOptions(RequestOptions):
    """
    The options of ``twisted-sse publish``.

    Attributes:
        data: The data of the one event; ``None`` to read lines instead.
    """

    name = "publish"
    synopsis = "URL --topic TOPIC [DATA | -] [options]"
    longdesc = "Publishes DATA, or each line of standard input as an event."

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["event", "e", None, "The event type."],
        ["id", None, None, "The event ID of DATA [default: a new ID]."],
        ["retry", None, None, "The reconnection time for browsers, in milliseconds."],
        ["give-up", None, "60", "How long to retry, in seconds."],
    ]

    optFlags = [  # noqa: RUF012
        ["ndjson", None, "Each line is a JSON object with topic, data, event, id ..."],
        ["skip-bad", None, "Skip lines that cannot be published, and say which."],
        ["private", "p", "Only for subscribers that may read one of the topics."],
    ]

    readers = {"retry": units.milliseconds, "give-up": units.seconds}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self["topics"] = []
        self.data: str | None = None

    def opt_topic(self, text: str) -> None:
        """
        Publish to this topic; repeatable: further topics are alternates.
        """
        self["topics"].append(text)

    opt_t = opt_topic

    def parseArgs(self, url: str | None = None, data: str = "", *more: str) -> None:
        """
        See `twisted.python.usage.Options.parseArgs`.
        """
        super().parseArgs(url)
        if more:
            raise usage.UsageError("Quote the data: it must be one argument.")
        if data == "-" or (data == "" and not _is_terminal(sys.stdin)):
            return
        if data == "":
            raise usage.UsageError("Pass DATA, or pipe lines into the command.")
        self.data = data

    def postOptions(self) -> None:
        """
        See `twisted.python.usage.Options.postOptions`.
        """
        super().postOptions()
        topics = [*self.address.topics(), *self["topics"]]
        if not topics and not self["ndjson"]:
            raise usage.UsageError("Pass a topic: --topic TOPIC.")
        if self["ndjson"] and self.data is not None:
            raise usage.UsageError("--ndjson needs lines on standard input, not DATA.")
        if self["id"] is not None and self.data is None:
            raise usage.UsageError("--id needs DATA: it is for one event, not for lines.")
        if self["skip-bad"] and self.data is not None:
            raise usage.UsageError("--skip-bad needs lines on standard input, not DATA.")
        conflicting = [name for name in _PLAIN_OPTIONS if self[name]]
        if self["ndjson"] and conflicting:
            raise usage.UsageError(
                f"--{conflicting[0]} cannot be used with --ndjson: put it into each line."
            )
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
        Make a `Delivery` of these options.
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
    Publish the data, or the lines of standard input.

    Returns:
        The exit status: 2 if lines were skipped.

    Raises:
        CommandFailed: Not everything was published.
    """
    from twisted.internet import reactor

    one = None if options.data is None else _single(options)
    if options.address.completed:
        err.say(f"Publishing to {options.address.without_topics()}")
    delivery = options.delivery(reactor, err)
    if one is not None:
        await deliver_one(delivery, one)
        out.say(one.event.id or "")
        return Status.DONE
    tally = Tally(err, size_left(_STDIN), reactor)
    skip_bad = bool(options["skip-bad"])
    lines = LinePublisher(delivery, options.parser, tally, err, skip_bad=skip_bad)
    try:
        skip = lines.skip if skip_bad else None
        await lines.publish(Batches(InputReader(_STDIN, reactor).read, reactor, skip))
    finally:
        tally.end()
    return Status.REFUSED if tally.skipped else Status.DONE


def _single(options: PublishOptions) -> Publication:
    try:
        return options.parser.one(options.data or "", options["id"])
    except (InvalidEvent, InvalidTopic) as error:
        raise CommandFailed(Status.USAGE, f"twisted-sse publish: {error}") from None


def _is_terminal(stream: Any) -> bool:
    return stream is not None and bool(stream.isatty())
