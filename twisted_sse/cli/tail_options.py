"""
The options of ``twisted-sse tail``, and the stream that they describe.
"""

from __future__ import annotations

import json
import shlex

from twisted.python import usage

from twisted_sse import units
from twisted_sse.cli.options import RequestOptions
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.client import EventSource

__all__ = ["TailOptions"]

# Options that the command to resume does not repeat.
_NOT_REPEATED = {"--since", "--count", "-n"}

# Headers whose values it does not show.
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization")


def _method(text: str) -> str:
    if not (text.isascii() and text.isalpha()):
        raise ValueError(f"{text!r} is not an HTTP method such as GET or POST")
    return text.upper()


class TailOptions(RequestOptions):
    """
    The options of ``twisted-sse tail``.
    """

    name = "tail"
    synopsis = "URL [options]"
    longdesc = "Shows the events of a stream, and reconnects when it is lost."

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["since", None, None, "Start after the event with this ID; earliest: all of history."],
        ["count", "n", None, "Stop after this number of events."],
        ["method", "X", None, "The HTTP method [GET, or POST with --data]."],
        ["data", "d", None, "The body of the request; JSON gets the JSON content type."],
        ["read-timeout", None, "60", "Reconnect after this many seconds of silence; off: never."],
    ]

    optFlags = [  # noqa: RUF012
        ["json", "j", "Print one JSON object per line."],
        ["control", None, "With --json: also print control events of the hub."],
        ["once", None, "Make one request, and end with its stream; so does --data."],
        ["reconnect", None, "With --data: make the request again when the stream ends."],
        ["wait", None, "Wait for a server that is not running yet."],
    ]

    readers = {  # noqa: RUF012
        "count": units.count,
        "method": _method,
        "read-timeout": units.interval,
    }

    def __init__(self) -> None:
        super().__init__()
        self["topics"] = []

    def opt_topic(self, text: str) -> None:
        """
        Subscribe to this topic; repeatable, in addition to those of the URL.
        """
        self["topics"].append(text)

    opt_t = opt_topic

    def parseArgs(self, url: str | None = None, *more: str) -> None:
        """
        See `twisted.python.usage.Options.parseArgs`.
        """
        if more:
            raise usage.UsageError(f"Pass one URL only: {more[0]!r} is too much.")
        super().parseArgs(url)

    def postOptions(self) -> None:
        """
        See `twisted.python.usage.Options.postOptions`.
        """
        super().postOptions()
        if self["once"] and self["reconnect"]:
            raise usage.UsageError("Pass either --once or --reconnect, not both.")

    @property
    def is_once(self) -> bool:
        """
        Whether to make one request only, as it may have an effect.
        """
        is_read = self["data"] is None and self["method"] in (None, "GET", "HEAD")
        return bool(self["once"]) or not (is_read or self["reconnect"])

    def url(self) -> str:
        """
        Return the URL of the stream.
        """
        topics = self["topics"]
        if self.address.completed and not topics and not self.address.topics():
            topics = ["*"]
        return self.address.with_topics(topics)

    def source(self) -> EventSource:
        """
        Make the stream.

        Raises:
            CommandFailed: An option is invalid.
        """
        data = self["data"]
        headers = {"Content-Type": ["application/json"]} if data and _is_json(data) else {}
        method = self["method"] or ("GET" if data is None else "POST")
        try:
            return EventSource(
                self.url(),
                client=self.agent(),
                headers=_merged(headers, self.headers),
                method=method,
                body=data,
                last_event_id=self["since"] or "",
                read_timeout=self["read-timeout"],
            )
        except ValueError as error:
            raise CommandFailed(Status.USAGE, f"twisted-sse tail: {error}.") from None

    def resume_command(self, last_event_id: str) -> str:
        """
        Return the command line that resumes after *last_event_id*.
        """
        words = ["twisted-sse", "tail", self.url()]
        for name, value in self.typed:
            if name in _NOT_REPEATED or name in ("--topic", "-t"):
                continue
            secret = value.partition(":")[0].strip().lower() in _SECRET_HEADERS
            if name == "--token":
                value = "TOKEN"
            elif name in ("--header", "-H") and secret:
                value = value.partition(":")[0] + ": ..."
            words += [name, value] if self.takes_value(name) else [name]
        return shlex.join([*words, "--since", last_event_id])


def _merged(defaults: dict[str, list[str]], headers: dict[str, list[str]]) -> dict[str, list[str]]:
    names = {name.lower() for name in headers}
    return {name: one for name, one in defaults.items() if name.lower() not in names} | headers


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
