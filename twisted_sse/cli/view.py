"""
What `tail` shows of a stream, and the counts for its summary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from twisted_sse.cli.console import Console, Line, Span
from twisted_sse.cli.lines import as_json, as_lines
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.cli.tail_options import TailOptions
from twisted_sse.client import Control, EventSource, Lost, Opened, Signal
from twisted_sse.errors import InvalidResponse
from twisted_sse.events.event import ServerSentEvent

__all__ = ["JSONLines", "Lines", "View"]

# The request was not sent.
_UNSENT = (ConnectError, DNSLookupError)

# The response is complete, as far as its server tells.
_ENDED = (ResponseDone, PotentialDataLoss)


class JSONLines:
    """
    Prints events as JSON, one per line.
    """

    def __init__(self, out: Console, control: bool) -> None:
        self._out = out
        self._control = control

    def __call__(self, event: ServerSentEvent, control: bool) -> None:
        if control and not self._control:
            return
        self._out.write_json(as_json(event, time.time(), control=control))


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
            Whether ``--count`` is reached, or the only request has ended.

        Raises:
            CommandFailed: The server cannot be reached, or the only request has failed.
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
            return self._lost(signal)
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

    def _lost(self, lost: Lost) -> bool:
        reason = str(lost.reason).removesuffix(".")
        is_over = self._options.is_once and not isinstance(lost.reason, _UNSENT)
        if not self._openings and (is_over or not self._options["wait"]):
            sentence = _unreachable(lost.reason, can_wait=not is_over)
            raise CommandFailed(Status.UNREACHABLE, f"{self._source.url}: {sentence}")
        if is_over and isinstance(lost.reason, _ENDED):
            self._err.say("The stream has ended.")
            self.print_summary()
            return True
        if is_over:
            self.print_summary()
            raise CommandFailed(Status.UNREACHABLE, f"The stream is lost: {reason}.")
        self._note(f"The stream is lost: {reason}. Reconnecting in {lost.delay:.1f} s.")
        return False

    def _note(self, text: str) -> None:
        self._err.write(Line((Span(text, "dim"),)))


def _unreachable(reason: Exception, *, can_wait: bool) -> str:
    text = str(reason).removesuffix(".")
    if "certificate verify failed" in text:
        return "The server's certificate is not trusted; pass --cafile FILE to trust another one."
    if isinstance(reason, VerificationError):
        return f"The server's certificate is for another host ({text})."
    if isinstance(reason, InvalidResponse | SSL.Error):
        return f"{text}."
    advice = " Pass --wait to wait for it." if can_wait else ""
    return f"The server cannot be reached ({text}).{advice}"
