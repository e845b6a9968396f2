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

from twisted_sse.transport.http2.outbox import Outbox

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
    """

    def __init__(self, outbox: Outbox[H2Stream], *arguments: Any) -> None:
        self.queue: deque[memoryview | None] = deque()
        self.queued = 0
        self._outbox = outbox
        self._headers_sent = False
        self._losing = False
        super().__init__(*arguments)

    @property
    def _finished(self) -> bool:
        # twisted.web takes the channel from a request that is finished.
        return getattr(self._request, "channel", None) is None

    # The request

    def receiveDataChunk(self, data: bytes, flowControlledLength: int) -> None:
        """
        Receive a piece of the request, and ignore it if the response is finished.
        """
        if self._finished:
            self._conn.openStreamWindow(self.streamID, flowControlledLength)
        else:
            super().receiveDataChunk(data, flowControlledLength)

    def requestComplete(self) -> None:
        """
        All of the request has been received.
        """
        if not self._finished:
            super().requestComplete()

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
        if self._losing:
            self.connectionLost(Failure(ConnectionDone()))

    def connectionLost(self, reason: Failure) -> None:
        """
        The client cannot be reached any more.  Only the first call does anything.

        Twisted's does not stop a producer, so a file would stay open forever.
        """
        producer = self.producer
        if producer is not None:
            self.unregisterProducer()
            producer.stopProducing()
        # A request that is finished has been told.
        if not self._finished:
            self._request.connectionLost(reason)
