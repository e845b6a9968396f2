"""
What a `StreamClient` gets: an answer, and the stream in it as far as it has come.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from twisted_sse.events.codec import Decoder
from twisted_sse.events.control import CONTROL_EVENTS
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.media import EVENT_STREAM, media_type
from twisted_sse.testing.streams.reader import AnswerReader

__all__ = ["StreamAnswer"]


class StreamAnswer:
    """
    One answer: a stream, a page, or an error.

    Every look at it first lets everything happen that needs no time; nothing
    here ever waits.  Whatever tells of the answer, such as `status`, raises
    `AssertionError` as long as there is none.  Made by `StreamClient`.
    """

    def __init__(
        self,
        asked: str,
        answering: Deferred[IResponse],
        last_event_id: str,
        settle: Callable[[], None],
        again: Callable[[str], StreamAnswer],
    ) -> None:
        self._asked = asked
        self._last_event_id = last_event_id
        self._settle = settle
        self._again = again
        self._slow = False
        self._taken = 0
        self._response: Any = None
        self._reader: AnswerReader | None = None
        self._failure: Failure | None = None
        self._answering = answering
        answering.addCallbacks(self._begin, self._fail)

    def __repr__(self) -> str:
        if self._reader is None:
            return f"<{self._asked}: {'failed' if self._failure else 'no answer yet'}>"
        state = "ended" if self._reader.ended else "closed" if self._reader.closed else "open"
        return f"<{self._asked}: {self._response.code}, {len(self._reader.blocks)} blocks, {state}>"

    @property
    def answered(self) -> bool:
        """
        Whether the status and the headers have come.
        """
        self._look()
        return self._reader is not None

    @property
    def status(self) -> int:
        """
        Such as 200.
        """
        self._read()
        status: int = self._response.code
        return status

    @property
    def headers(self) -> Headers:
        """
        The headers of the answer.
        """
        self._read()
        headers: Headers = self._response.headers
        return headers

    def header(self, name: str) -> str | None:
        """
        The last value of the header *name*, whatever its case; ``None`` if there is none.
        """
        values = self.headers.getRawHeaders(name)
        return values[-1] if values else None

    @property
    def body(self) -> bytes:
        """
        What has come of the body; of a stream, too.
        """
        return bytes(self._read().body)

    def json(self) -> Any:
        """
        Read the body as JSON.

        Raises:
            ValueError: It is no JSON.
        """
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """
        The sentence of a problem: what is wrong, and what to do; "" if there is none.
        """
        if self.header("Content-Type") != "application/problem+json":
            return ""
        return str(self.json().get("detail", ""))

    @property
    def events(self) -> list[ServerSentEvent]:
        """
        All events that have come, in order, those of `control` left out.
        """
        return [each for each in self._dispatched() if each.event not in CONTROL_EVENTS]

    @property
    def control(self) -> list[ServerSentEvent]:
        """
        ``stream-open``, ``stream-reset`` and ``stream-error``, in order.
        """
        return [each for each in self._dispatched() if each.event in CONTROL_EVENTS]

    @property
    def comments(self) -> list[str]:
        """
        The comments, in order; a keepalive is "".  That of an event is with the event.
        """
        blocks = self._read().blocks
        return [each.comment for each in blocks if each.data is None and each.comment is not None]

    def take(self) -> list[ServerSentEvent]:
        """
        The events that have come since it was called last.
        """
        events = self.events
        news, self._taken = events[self._taken :], len(events)
        return news

    @property
    def last_event_id(self) -> str:
        """
        What a browser would send as ``Last-Event-ID`` when it comes back; "" is nothing.
        """
        self._look()
        decoder = None if self._reader is None else self._reader.decoder
        return self._last_event_id if decoder is None else decoder.last_event_id

    @property
    def reconnection_time(self) -> float | None:
        """
        After how many seconds the server wants a browser to come back, if it says so.
        """
        decoder = self._read().decoder
        milliseconds = None if decoder is None else decoder.reconnection_time
        return None if milliseconds is None else milliseconds / 1000

    @property
    def ended(self) -> bool:
        """
        Whether the server has ended the answer in good order.
        """
        self._look()
        return self._reader is not None and self._reader.ended

    @property
    def closed(self) -> bool:
        """
        Whether nothing more comes: it has ended, was cut, or `disconnect` was called.
        """
        self._look()
        return self._failure is not None or (self._reader is not None and self._reader.closed)

    def disconnect(self) -> None:
        """
        Leave, as a browser does whose tab is closed.  The server has noticed when this returns.
        """
        self._settle()
        if self._reader is None:
            self._answering.cancel()
        else:
            self._reader.leave()
        self._settle()

    def resume(self) -> StreamAnswer:
        """
        Leave and come back, as a browser does that has lost its connection: with the same
        request, and with `last_event_id`.  It does not wait for the reconnection time.

        Returns:
            The new answer.
        """
        last_event_id = self.last_event_id
        self.disconnect()
        return self._again(last_event_id)

    def slow_down(self) -> None:
        """
        Read nothing more, until `speed_up`: what is sent fills the network, and then the
        server is told to wait.
        """
        self._settle()
        self._slow = True
        self._set_slow()

    def speed_up(self) -> None:
        """
        Read on: first what has piled up.
        """
        self._slow = False
        self._set_slow()
        self._settle()

    def _set_slow(self) -> None:
        if self._reader is not None:
            self._reader.set_slow(self._slow)

    def _begin(self, response: Any) -> None:
        kind = (response.headers.getRawHeaders("Content-Type") or [""])[-1]
        is_stream = media_type(kind) == EVENT_STREAM
        # A test trusts the server that it tests: its events may be of any size.
        decoder = Decoder(None, self._last_event_id) if is_stream else None
        self._response = response
        self._reader = AnswerReader(decoder)
        response.deliverBody(self._reader)
        # Whoever delivers a body lets it flow.
        self._set_slow()

    def _fail(self, failure: Failure) -> None:
        self._failure = failure

    def _look(self) -> None:
        if self._reader is not None:
            self._reader.look()
        self._settle()

    def _read(self) -> AnswerReader:
        self._look()
        failure = self._failure
        if failure is not None:
            reason = f"{failure.value.__class__.__name__}: {failure.getErrorMessage()}"
            raise AssertionError(f"{self._asked} was not answered: {reason}")
        if self._reader is None:
            raise AssertionError(
                f"{self._asked} has not been answered yet: if it waits for time to pass, advance"
                " the clock"
            )
        return self._reader

    def _dispatched(self) -> list[ServerSentEvent]:
        return [each for each in self._read().blocks if each.data is not None]
