"""
``twisted-sse top``: shows what goes on in a hub, each second.

In a terminal with rich, the screen is written again each second; otherwise each second
is a line.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError

from twisted_sse.cli.admin.endpoint import Endpoint, admin_refusal
from twisted_sse.cli.admin.options import TopOptions
from twisted_sse.cli.admin.table import connection_lines, number_line, number_lines
from twisted_sse.cli.console import Console, Line, Screen, Span
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.client import EventSource, Lost, Opened
from twisted_sse.errors import (
    UnexpectedContentEncoding,
    UnexpectedContentType,
    UnexpectedStatus,
)
from twisted_sse.events.event import ServerSentEvent

__all__ = ["top"]

# The lines of the screen that are not for connections.
_OTHER_LINES = 7


async def top(options: TopOptions, out: Console, err: Console) -> int:
    """
    Show the numbers until Ctrl-C.

    Raises:
        CommandFailed: The hub does not tell them.
    """
    from twisted.internet import reactor

    clock: Any = reactor
    url = options.endpoint("stats")
    source = EventSource(url, client=options.agent(), headers=options.headers)
    screen = None if options["json"] else out.screen()
    view = _View(options, Endpoint(options, clock), out, screen)
    try:
        async with source:
            async for signal in source.signals():
                if isinstance(signal, ServerSentEvent):
                    if await view.show(signal):
                        return Status.DONE
                elif isinstance(signal, Lost | Opened):
                    view.tell(signal, err)
    except CancelledError:
        # As top does: Ctrl-C is the usual end of a command that runs forever.
        return Status.DONE
    except UnexpectedStatus as error:
        raise admin_refusal(error, options) from error
    except (UnexpectedContentEncoding, UnexpectedContentType) as error:
        sentence = f"{url} is not at the admin endpoint of a hub."
        raise CommandFailed(Status.REFUSED, sentence) from error
    finally:
        if screen is not None:
            screen.end()
    return Status.DONE


class _View:
    """
    Shows points.
    """

    def __init__(
        self, options: TopOptions, endpoint: Endpoint, out: Console, screen: Screen | None
    ) -> None:
        self._options = options
        self._endpoint = endpoint
        self._out = out
        self._screen = screen
        self._left: int | None = options["count"]
        self._was_open = False

    def tell(self, signal: Lost | Opened, err: Console) -> None:
        """
        Say that the hub is away, unless it was never there.

        Raises:
            CommandFailed: It cannot be reached.
        """
        if isinstance(signal, Opened):
            self._was_open = True
            return
        if not self._was_open:
            url = self._options.endpoint("stats")
            reason = str(signal.reason).rstrip(".")
            sentence = f"{url} cannot be reached: {reason}."
            raise CommandFailed(Status.UNREACHABLE, sentence)
        if self._screen is not None:
            lost = Span("The connection to the hub is lost; trying again.", "problem")
            self._screen.show([Line((lost,))])
        else:
            err.say("The connection to the hub is lost; trying again.")

    async def show(self, event: ServerSentEvent) -> bool:
        """
        Show one point.

        Returns:
            Whether it was the last one.
        """
        if event.event != "point":
            return False
        if self._options["json"]:
            self._out.write_json(event.data or "")
        elif self._screen is not None:
            self._screen.show([line async for line in self._lines(event.json(), self._screen)])
        else:
            self._out.write(number_line(event.json()))
        await self._out.drained()
        if self._left is not None:
            self._left -= 1
        return self._left == 0

    async def _lines(self, point: dict[str, Any], screen: Screen) -> Any:
        yield Line((Span(self._options.endpoint("").rstrip("/"), "type"),))
        for line in number_lines(point):
            yield line
        yield Line((Span(""),))
        most = max(1, screen.height - _OTHER_LINES)
        query = {"sort": self._options["sort"], "limit": most}
        page = await self._endpoint.get("connections", query)
        for line in connection_lines(page["connections"]):
            yield line
