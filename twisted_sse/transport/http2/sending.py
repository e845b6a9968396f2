"""
How an HTTP/2 connection sends: Twisted's, with an `Outbox` in place of its loop.

Law: what is sent leaves in the order in which it was written, and a transport that is
full stops the streams, not just their connection.

Each method says what it repairs.  camelCase methods are called by Twisted.
"""

from __future__ import annotations

from typing import Any

from h2.exceptions import ProtocolError
from twisted.web import _http2

from twisted_sse.transport.http2.outbox import Outbox
from twisted_sse.transport.http2.statemachine import ServerMachine
from twisted_sse.transport.http2.stream import H2Stream
from twisted_sse.transport.sockets import is_closing

__all__ = ["SendingConnection"]


class SendingConnection(_http2.H2Connection):
    """
    The part of `H2Connection` that sends.

    Attributes:
        outbox: Sends what the streams write.

        streams: The open streams, by their IDs.
    """

    transport: Any
    streams: dict[int, H2Stream]
    conn: ServerMachine
    outbox: Outbox[H2Stream]

    def writeHeaders(
        self, version: Any, code: Any, reason: Any, headers: Any, streamID: int
    ) -> None:
        """
        Begin a response, unless its stream has ended.

        If the data that brought the request resets it as well, h2 has forgotten the
        stream already, and Twisted's does not catch what h2 raises.
        """
        if streamID in self.streams:
            try:
                super().writeHeaders(version, code, reason, headers, streamID)
            except ProtocolError:
                return

    def _send100Continue(self, streamID: int) -> None:
        try:
            super()._send100Continue(streamID)
        except ProtocolError:
            # As in writeHeaders.
            return

    def _tryToWriteControlData(self) -> bool:
        # What a stream has sent precedes its end.
        self.outbox.flush()
        alive: bool = super()._tryToWriteControlData()
        return alive

    def _sendPrioritisedData(self, *arguments: object) -> None:
        """
        Do nothing: the outbox replaces this loop, which Twisted's constructor starts.
        """

    def pauseProducing(self) -> None:
        """
        See `IPushProducer.pauseProducing`: the transport is full.

        Twisted's does not tell its streams.
        """
        if self._consumerBlocked is None:
            super().pauseProducing()
            self.outbox.pause()

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`.
        """
        if is_closing(self.transport):
            self.transport.abortConnection()
            return
        super().resumeProducing()
        # Twisted's has written what had waited, and may have filled the transport.
        if self._consumerBlocked is None:
            self.outbox.resume()
