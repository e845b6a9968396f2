"""
A stream as it is shown, and what is counted of it for the summary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TextIO

from twisted_sse.cli.lines import as_json, as_lines
from twisted_sse.cli.running import Ended, Status
from twisted_sse.cli.tail_options import TailOptions
from twisted_sse.cli.terminal import Console, Line, Span
from twisted_sse.client import Control, EventSource, Lost, Opened, Signal
from twisted_sse.events.event import ServerSentEvent

__all__ = ["JSONLines", "Lines", "View"]


class JSONLines:
    """
    Shows events as JSON, one a line.
    """

    def __init__(self, stdout: TextIO, control: bool) -> None:
        self._stdout = stdout
        self._control = control

    def __call__(self, event: ServerSentEvent, control: bool) -> None:
        if control and not self._control:
            return
        self._stdout.write(as_json(event, time.time(), control=control) + "\n")
        # Who reads a pipe sees each at once.
        self._stdout.flush()


class Lines:
    """
    Shows events to people.
    """

    def __init__(self, out: Console) -> None:
        self._out = out

    def __call__(self, event: ServerSentEvent, control: bool) -> None:
        if control and self._out.width is None:
            return
        for line in as_lines(event, time.time(), self._out.width, control=control):
            self._out.write(line)


class View:
    """
    What was seen of a stream.

    Args:
        show: Shows an event; the second argument says whether it is the hub's.
    """

    def __init__(
        self,
        options: TailOptions,
        source: EventSource,
        show: Callable[[ServerSentEvent, bool], None],
        err: Console,
    ) -> None:
        self._options = options
        self._source = source
        self._show = show
        self._err = err
        self._begun = time.monotonic()
        self._events = self._bytes = self._openings = 0

    def take(self, signal: Signal) -> bool:
        """
        Show *signal*.

        Returns:
            Whether that was enough.

        Raises:
            Ended: Nobody is there.
        """
        if isinstance(signal, ServerSentEvent):
            self._show(signal, False)
            self._events += 1
            self._bytes += len((signal.data or "").encode("utf-8"))
            return bool(self._events == self._options["count"])
        if isinstance(signal, Control):
            self._show(signal.event, True)
        elif isinstance(signal, Opened):
            if self._openings:
                self._note("The stream is back.")
            self._openings += 1
        elif isinstance(signal, Lost):
            self._lose(signal)
        return False

    def sum_up(self) -> None:
        """
        Say what was seen, and how to go on.
        """
        self._err.say(", ".join(self._summary()) + ".")
        last_event_id = self._source.last_event_id
        if last_event_id and last_event_id != self._options["since"]:
            self._err.say(f"To go on from here: {self._options.resuming(last_event_id)}")

    def _summary(self) -> Iterator[str]:
        yield "1 event" if self._events == 1 else f"{self._events} events"
        yield f"{self._bytes} bytes of data"
        yield f"{time.monotonic() - self._begun:.1f} seconds"
        reconnections = max(0, self._openings - 1)
        yield "1 reconnection" if reconnections == 1 else f"{reconnections} reconnections"
        if self._source.last_event_id:
            yield f"last event ID {self._source.last_event_id}"

    def _lose(self, lost: Lost) -> None:
        reason = str(lost.reason).removesuffix(".") or type(lost.reason).__name__
        if not (self._openings or self._options["wait"]):
            raise Ended(Status.UNREACHABLE, f"{self._source.url}: {_unreachable(reason)}")
        self._note(f"The stream is lost: {reason}. Asking again in {lost.delay:.1f} s.")

    def _note(self, text: str) -> None:
        self._err.write(Line((Span(text, "dim"),)))


def _unreachable(reason: str) -> str:
    if "certificate verify failed" in reason:
        return "The server's certificate is not trusted; --cafile FILE trusts those in a file."
    return f"Nobody is there ({reason}); --wait waits until somebody is."
