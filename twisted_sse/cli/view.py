"""
What `tail` shows of a stream, and the counts for its summary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TextIO

from twisted_sse.cli.lines import as_json, as_lines
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.cli.tail_options import TailOptions
from twisted_sse.cli.terminal import Console, Line, Span
from twisted_sse.client import Control, EventSource, Lost, Opened, Signal
from twisted_sse.events.event import ServerSentEvent

__all__ = ["JSONLines", "Lines", "View"]


class JSONLines:
    """
    Prints events as JSON, one per line.
    """

    def __init__(self, stdout: TextIO, control: bool) -> None:
        self._stdout = stdout
        self._control = control

    def __call__(self, event: ServerSentEvent, control: bool) -> None:
        if control and not self._control:
            return
        self._stdout.write(as_json(event, time.time(), control=control) + "\n")
        # So that the reader of a pipe gets each event at once.
        self._stdout.flush()


class Lines:
    """
    Prints events for people.
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
    Shows the signals of a stream, and counts them.

    Args:
        print_event: Prints an event; the second argument tells whether it is a
            control event.
    """

    def __init__(
        self,
        options: TailOptions,
        source: EventSource,
        print_event: Callable[[ServerSentEvent, bool], None],
        err: Console,
    ) -> None:
        self._options = options
        self._source = source
        self._print_event = print_event
        self._err = err
        self._started = time.monotonic()
        self._events = self._bytes = self._openings = 0

    def show(self, signal: Signal) -> bool:
        """
        Show *signal*.

        Returns:
            Whether ``--count`` is reached.

        Raises:
            CommandFailed: The server cannot be reached.
        """
        if isinstance(signal, ServerSentEvent):
            self._print_event(signal, False)
            self._events += 1
            self._bytes += len((signal.data or "").encode("utf-8"))
            return bool(self._events == self._options["count"])
        if isinstance(signal, Control):
            self._print_event(signal.event, True)
        elif isinstance(signal, Opened):
            if self._openings:
                self._note("The stream is back.")
            self._openings += 1
        elif isinstance(signal, Lost):
            self._lost(signal)
        return False

    def print_summary(self) -> None:
        """
        Print the counts, and the command line that resumes.
        """
        self._err.say(", ".join(self._summary()) + ".")
        last_event_id = self._source.last_event_id
        if last_event_id and last_event_id != self._options["since"]:
            self._err.say(f"To go on from here: {self._options.resume_command(last_event_id)}")

    def _summary(self) -> Iterator[str]:
        yield "1 event" if self._events == 1 else f"{self._events} events"
        yield f"{self._bytes} bytes of data"
        yield f"{time.monotonic() - self._started:.1f} seconds"
        reconnections = max(0, self._openings - 1)
        yield "1 reconnection" if reconnections == 1 else f"{reconnections} reconnections"
        if self._source.last_event_id:
            yield f"last event ID {self._source.last_event_id}"

    def _lost(self, lost: Lost) -> None:
        reason = str(lost.reason).removesuffix(".") or type(lost.reason).__name__
        if not (self._openings or self._options["wait"]):
            raise CommandFailed(Status.UNREACHABLE, f"{self._source.url}: {_unreachable(reason)}")
        self._note(f"The stream is lost: {reason}. Reconnecting in {lost.delay:.1f} s.")

    def _note(self, text: str) -> None:
        self._err.write(Line((Span(text, "dim"),)))


def _unreachable(reason: str) -> str:
    if "certificate verify failed" in reason:
        return "The server's certificate is not trusted; pass --cafile FILE to trust another one."
    return f"The server cannot be reached ({reason}). Pass --wait to wait for it."
