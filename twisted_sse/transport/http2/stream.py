"""
One request over HTTP/2 and its response.

Twisted's `H2Stream` translates the request; here a response goes to the outbox, and
every end of a stream reaches its request and its producer.  Each method says what
it repairs.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.python.failure import Failure
from twisted.web import _http2

from twisted_sse.transport.deadline import BodyDeadline
from twisted_sse.transport.http2.outbox import Outbox
from twisted_sse.transport.refusal import Refusal

__all__ = ["H2Stream"]


class H2Stream(_http2.H2Stream):
    """
    One request and its response.

    Args:
        outbox: Sends the response.

        arguments: Those of Twisted's `H2Stream`.

    Attributes:
        queue: See `OutgoingStream`.

        queued: See `OutgoingStream`.

        is_answering: Whether the whole request was received.

        is_truncated: Whether the end of the response is to be a reset.
    """

    def __init__(self, outbox: Outbox[H2Stream], *arguments: Any) -> None:
        self.queue: deque[memoryview | None] = deque()
        self.queued = 0
        self._outbox = outbox
        self._headers_sent = False
        self._losing = False
        self._deadline: BodyDeadline | None = None
        self.is_answering = False
        self.is_truncated = False
        super().__init__(*arguments)
        lengths = self._request.requestHeaders.getRawHeaders(b"content-length")
        # How many bytes of the body are to come; `None` if the request does not say.
        self._left = None if lengths is None else int(lengths[0])

    @property
    def _finished(self) -> bool:
        # twisted.web takes the channel from a request that is finished.
        return getattr(self._request, "channel", None) is None

    # The request

    @property
    def lacks_bytes(self) -> bool:
        """
        Whether the body is shorter than its length.

        RFC 9113, 8.1.1: malformed, "if the value of a Content-Length header field
        does not equal the sum of the DATA frame payload lengths".
        """
        return bool(self._left)

    def count(self, size: int) -> bool:
        """
        Count *size* bytes of the body, and return whether it is as long as it may be.
        """
        if self._deadline is not None:
            self._deadline.received(size)
        if self._left is None:
            return True
        self._left -= size
        return self._left >= 0

    def begin_body(self) -> None:
        """
        A body is to come.
        """
        if self._is_too_large:
            self._answer()

    def _send100Continue(self) -> None:
        if not self._is_too_large:
            super()._send100Continue()

    def limit_time(self, clock: Any, timeout: float) -> None:
        """
        Refuse the request if its body does not arrive within *timeout*.
        """
        if not self.is_answering and not self._finished:
            self._deadline = BodyDeadline(clock, timeout, self._expired)

    def _expired(self) -> None:
        self._deadline = None
        detail = "The body of the request did not arrive in time."
        if self._headers_sent:
            self.abortConnection()
        else:
            self._conn.refuse(self.streamID, Refusal(408, detail, "body_timeout"))

    @property
    def _is_too_large(self) -> bool:
        return getattr(self._request, "too_large", False)

    def _answer(self) -> None:
        """
        Have the request answered, whether its body is complete or not.
        """
        if not self.is_answering:
            self.is_answering = True
            self._forget_deadline()
            self._conn.answering()
            super().requestComplete()

    def _forget_deadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()

    def receiveDataChunk(self, data: bytes, flowControlledLength: int) -> None:
        """
        Receive a piece of the request, and ignore it if the response is finished.
        """
        if self._finished or self.is_answering:
            self._conn.openStreamWindow(self.streamID, flowControlledLength)
        else:
            super().receiveDataChunk(data, flowControlledLength)
            if self._is_too_large:
                self._answer()

    def requestComplete(self) -> None:
        """
        All of the request has been received.
        """
        if not self._finished:
            self._answer()

    # The response

    def writeHeaders(self, *arguments: Any) -> None:
        """
        Begin the response.
        """
        self._headers_sent = True
        super().writeHeaders(*arguments)

    def send(self, payload: bytes) -> int:
        """
        Send *payload* in this turn of the reactor, if all of it may be sent.

        Returns:
            Its length, or 0 if the client's window is too small or something else
            has to be sent before.
        """
        if self.queue or not self._outbox.send(self.streamID, payload):
            return 0
        return len(payload)

    def spill(self, rest: bytes) -> None:
        """
        Queue *rest* and resume the producer when all of it has been sent.
        """
        self._producerProducing = False
        self._outbox.enqueue(self.streamID, rest)

    def write(self, data: bytes) -> None:
        """
        See `ITransport.write`.
        """
        self._outbox.enqueue(self.streamID, data)

    def requestDone(self, request: Any) -> None:
        """
        End the response: the request is finished.
        """
        self._outbox.end(self.streamID)

    # The producer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        See `IConsumer.registerProducer`.

        Twisted's lets it produce even if nothing can be sent.
        """
        super().registerProducer(producer, streaming)
        if self._outbox.room(self.streamID) <= 0:
            self.flowControlBlocked()

    def windowUpdated(self) -> None:
        """
        Resume the producer if there is room.
        """
        if self.producer and not self._producerProducing and self._outbox.room(self.streamID) > 0:
            self._producerProducing = True
            self.producer.resumeProducing()

    # The end

    def loseConnection(self) -> None:
        """
        See `ITransport.loseConnection`: end the response, and tell the request.

        Twisted's ends the stream and never fires `notifyFinish`.  Without headers
        the stream is reset, since such an end is an error to the client.
        """
        if not self._headers_sent:
            self.abortConnection()
            return
        self._losing = True
        self._outbox.end(self.streamID)

    def truncate(self) -> None:
        """
        Reset the stream when everything has been sent, and tell the request.
        """
        self.is_truncated = True
        self.loseConnection()

    def abortConnection(self) -> None:
        """
        Reset the stream, and tell the request, which Twisted's does not.
        """
        super().abortConnection()
        self.connectionLost(Failure(ConnectionAborted()))

    def done(self) -> None:
        """
        The response has been sent.
        """
        self._forget_deadline()
        if self._losing:
            self.connectionLost(Failure(ConnectionDone()))

    def connectionLost(self, reason: Failure) -> None:
        """
        The client cannot be reached any more.  Only the first call does anything.

        Twisted's does not stop a producer, so a file would stay open forever.
        """
        self._forget_deadline()
        producer = self.producer
        if producer is not None:
            self.unregisterProducer()
            producer.stopProducing()
        # A request that is finished has been told.
        if not self._finished:
            self._request.connectionLost(reason)
