"""
The answer to a request of a `StreamClient`, and the stream in it.
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
    One answer: a stream, a page, or an error.  Made by `StreamClient`.

    Every attribute first runs everything that needs no time, and never waits.
    Attributes of the answer, such as `status`, raise `AssertionError` until it
    has arrived.
    """

    def __init__(
        self,
        request: str,
        response_deferred: Deferred[IResponse],
        last_event_id: str,
        settle: Callable[[], None],
        resend: Callable[[str], StreamAnswer],
    ) -> None:
        self._request = request
        self._last_event_id = last_event_id
        self._settle = settle
        self._resend = resend
        self._slow = False
        self._taken = 0
        self._response: Any = None
        self._reader: AnswerReader | None = None
        self._failure: Failure | None = None
        self._response_deferred = response_deferred
        response_deferred.addCallbacks(self._begin, self._fail)

    def __repr__(self) -> str:
        if self._reader is None:
            return f"<{self._request}: {'failed' if self._failure else 'no answer yet'}>"
        state = "ended" if self._reader.ended else "closed" if self._reader.closed else "open"
        return (
            f"<{self._request}: {self._response.code}, {len(self._reader.blocks)} blocks, {state}>"
        )

    @property
    def answered(self) -> bool:
        """
        Whether the status and the headers have arrived.
        """
        self._update()
        return self._reader is not None

    @property
    def status(self) -> int:
        """
        The status code, such as 200.
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
        Return the last value of the header *name*, in any case; ``None`` if it is absent.
        """
        values = self.headers.getRawHeaders(name)
        return values[-1] if values else None

    @property
    def body(self) -> bytes:
        """
        The body, or the part of a stream, that has arrived.
        """
        return bytes(self._read().body)

    def json(self) -> Any:
        """
        Read the body as JSON.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """
        The ``detail`` of a problem: what is wrong, and what to do.  "" if there is none.
        """
        if self.header("Content-Type") != "application/problem+json":
            return ""
        return str(self.json().get("detail", ""))

    @property
    def events(self) -> list[ServerSentEvent]:
        """
        All events that have arrived, in order, without those of `control`.
        """
        return [each for each in self._dispatched() if each.event not in CONTROL_EVENTS]

    @property
    def control(self) -> list[ServerSentEvent]:
        """
        The control events, such as ``stream-open`` and ``stream-reset``, in order.
        """
        return [each for each in self._dispatched() if each.event in CONTROL_EVENTS]

    @property
    def comments(self) -> list[str]:
        """
        The comments, in order, without those of events.  A keepalive is "".
        """
        blocks = self._read().blocks
        return [each.comment for each in blocks if each.data is None and each.comment is not None]

    def take(self) -> list[ServerSentEvent]:
        """
        Return the events that have arrived since the last call.
        """
        events = self.events
        news, self._taken = events[self._taken :], len(events)
        return news

    @property
    def last_event_id(self) -> str:
        """
        What a browser would send as ``Last-Event-ID`` when it reconnects; "" if nothing.
        """
        self._update()
        decoder = None if self._reader is None else self._reader.decoder
        return self._last_event_id if decoder is None else decoder.last_event_id

    @property
    def reconnection_time(self) -> float | None:
        """
        The reconnection time in seconds, or ``None`` if the server set none.
        """
        decoder = self._read().decoder
        milliseconds = None if decoder is None else decoder.reconnection_time
        return None if milliseconds is None else milliseconds / 1000

    @property
    def ended(self) -> bool:
        """
        Whether the server has completed the answer.
        """
        self._update()
        return self._reader is not None and self._reader.ended

    @property
    def closed(self) -> bool:
        """
        Whether the connection is over: the answer is complete, the connection was lost, or
        `disconnect` was called.
        """
        self._update()
        return self._failure is not None or (self._reader is not None and self._reader.closed)

    def disconnect(self) -> None:
        """
        Close the connection, as a browser does when its tab is closed.  The server has noticed
        when this returns.
        """
        self._settle()
        if self._reader is None:
            self._response_deferred.cancel()
        else:
            self._reader.leave()
        self._settle()

    def resume(self) -> StreamAnswer:
        """
        Disconnect and send the same request with `last_event_id`, as a browser reconnects.  This
        does not wait for the reconnection time.

        Returns:
            The new answer.
        """
        last_event_id = self.last_event_id
        self.disconnect()
        return self._resend(last_event_id)

    def slow_down(self) -> None:
        """
        Stop reading until `speed_up`: what is sent fills the network's buffers, and then the
        server's producer is paused.
        """
        self._settle()
        self._slow = True
        self._set_slow()

    def speed_up(self) -> None:
        """
        Read again, beginning with what was buffered.
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
        # A test trusts its own server, so events may have any size.
        decoder = Decoder(None, self._last_event_id) if is_stream else None
        self._response = response
        self._reader = AnswerReader(decoder)
        response.deliverBody(self._reader)
        # deliverBody() resumes reading.
        self._set_slow()

    def _fail(self, failure: Failure) -> None:
        self._failure = failure

    def _update(self) -> None:
        if self._reader is not None:
            self._reader.read_more()
        self._settle()

    def _read(self) -> AnswerReader:
        self._update()
        failure = self._failure
        if failure is not None:
            reason = f"{failure.value.__class__.__name__}: {failure.getErrorMessage()}"
            raise AssertionError(f"{self._request} was not answered: {reason}")
        if self._reader is None:
            raise AssertionError(
                f"{self._request} has not been answered yet: if the application waits for time to"
                " pass, advance the clock"
            )
        return self._reader

    def _dispatched(self) -> list[ServerSentEvent]:
        return [each for each in self._read().blocks if each.data is not None]
