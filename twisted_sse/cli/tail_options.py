"""
The options of ``twisted-sse tail``, and the stream that they ask for.
"""

from __future__ import annotations

import json
import shlex

from twisted.python import usage

from twisted_sse import units
from twisted_sse.cli.options import RequestOptions
from twisted_sse.cli.running import Ended, Status
from twisted_sse.client import EventSource

__all__ = ["TailOptions"]

# They are not repeated in the command line that goes on.
_ONCE = {"--since", "--count", "-n"}

# Nor are their values shown.
_SECRETS = ("authorization", "cookie", "proxy-authorization")


def _method(text: str) -> str:
    if not (text.isascii() and text.isalpha()):
        raise ValueError(f"{text!r} is no method such as GET or POST")
    return text.upper()


class TailOptions(RequestOptions):
    """
    The options of ``twisted-sse tail``.
    """

    name = "tail"
    synopsis = "URL [options]"
    longdesc = "Shows the events of a stream, and goes on with it when it is lost."

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["since", None, None, "Begin after the event with this ID; earliest: with all kept."],
        ["count", "n", None, "End after so many events."],
        ["method", "X", None, "The HTTP method [GET, or POST with --data]."],
        ["data", "d", None, "The request's body; JSON is said to be JSON."],
        ["read-timeout", None, "60", "Seconds of silence until it is asked anew, or off."],
    ]

    optFlags = [  # noqa: RUF012
        ["json", "j", "One JSON object a line."],
        ["control", None, "With --json: what the hub says of the stream, too."],
        ["wait", None, "Wait for a server that is not there yet."],
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
        Subscribe to this topic; repeatable, and added to those of the URL.
        """
        self["topics"].append(text)

    opt_t = opt_topic

    def parseArgs(self, url: str | None = None, *more: str) -> None:
        """
        See `twisted.python.usage.Options.parseArgs`.
        """
        if more:
            raise usage.UsageError(f"One URL at a time; {more[0]!r} is one more.")
        super().parseArgs(url)

    def url(self) -> str:
        """
        What is asked for.
        """
        topics = self["topics"]
        if self.address.completed and not topics and not self.address.topics():
            topics = ["*"]
        return self.address.with_topics(topics)

    def source(self) -> EventSource:
        """
        The stream.

        Raises:
            Ended: It cannot be asked for.
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
            raise Ended(Status.USAGE, f"twisted-sse tail: {error}.") from None

    def resuming(self, last_event_id: str) -> str:
        """
        The command line that goes on after *last_event_id*.
        """
        words = ["twisted-sse", "tail", self.url()]
        for name, value in self.given:
            if name in _ONCE or name in ("--topic", "-t"):
                continue
            secret = value.partition(":")[0].strip().lower() in _SECRETS
            if name == "--token":
                value = "TOKEN"
            elif name in ("--header", "-H") and secret:
                value = value.partition(":")[0] + ": ..."
            words += [name, value] if self.takes_value(name) else [name]
        return shlex.join([*words, "--since", last_event_id])


def _merged(headers: dict[str, list[str]], given: dict[str, list[str]]) -> dict[str, list[str]]:
    names = {name.lower() for name in given}
    return {name: one for name, one in headers.items() if name.lower() not in names} | given


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
