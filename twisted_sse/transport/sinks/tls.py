"""
Encrypts, and writes to the socket directly.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from typing import Final

from OpenSSL import SSL
from twisted.internet import tcp
from twisted.python.failure import Failure
from twisted.web.server import Request

from twisted_sse.transport.sink import Stream
from twisted_sse.transport.sinks.direct import DirectSink
from twisted_sse.transport.tls.protocol import TLSProtocol

__all__ = ["TLSSink"]

# RFC 8446, 5.1: "The length MUST NOT exceed 2^14 bytes."
_RECORD_BYTES: Final = 2**14

# More than an encrypted record has.
_ENCRYPTED_BYTES: Final = 2**15


class TLSSink(DirectSink):
    """
    Writes to the socket of a TLS connection over TCP, bypassing all buffers.

    A record that the socket does not take whole is finished by the transport, and the
    stream is blocked meanwhile: what is encrypted must be sent.
    Measured: 18 microseconds of CPU for each delivered event instead of 35 by
    ``Request.write``.
    """

    __slots__ = ("_encryption",)

    def __init__(self, request: Request, transport: TLSProtocol) -> None:
        super().__init__(request, transport)
        self._encryption: SSL.Connection = transport.getHandle()

    @property
    def _server(self) -> tcp.Server:
        server: tcp.Server = self._transport.transport
        return server

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`.
        """
        super().open(stream)
        self._transport.on_received = self._received

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.
        """
        encryption, server = self._encryption, self._server
        taken, size = 0, len(payload)
        while taken < size:
            try:
                taken += encryption.send(payload[taken : taken + _RECORD_BYTES])
                record = encryption.bio_read(_ENCRYPTED_BYTES)
            except SSL.Error as error:
                # The connection is being closed: the transport tells what is lost.
                raise OSError("TLS does not take data any more") from error
            try:
                sent = server.socket.send(record)
            except OSError:
                sent = 0
            if sent < len(record):
                server.write(record[sent:])
                if taken == size and self._stream is not None:
                    self._stream.block()
                break
        return taken

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """
        self._transport.on_received = None
        super().finish()

    def truncate(self) -> None:
        """
        See `Sink.truncate`.
        """
        self._transport.on_received = None
        super().truncate()

    def resumeProducing(self) -> None:
        """
        See `IPullProducer.resumeProducing`: the transport's buffer is empty.
        """
        if self._stream is not None and self._server.disconnecting:
            # The client has closed TLS, and the transport waits for its producer.
            self.abort()
        else:
            super().resumeProducing()

    def connectionLost(self, reason: Failure) -> None:
        """
        Called by the channel, as for its requests, when the transport is lost.
        """
        self._transport.on_received = None
        super().connectionLost(reason)

    def _received(self) -> None:
        """
        Wait until the transport has written what OpenSSL may have answered.
        """
        if self._stream is not None:
            self._stream.block()
            self._server.startWriting()
