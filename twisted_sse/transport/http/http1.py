"""
One HTTP/1.1 connection: RFC 9112 where Twisted is lax, and limits for requests.

Law: whatever a client sends is answered or the connection is closed, within limits
of time and size, and a refusal is a response with a sentence.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import connectionDone

from twisted_sse.transport.deadline import BodyDeadline, RequestTimeouts
from twisted_sse.transport.heads import (
    HEADER_BYTES,
    LINE_BYTES,
    content_length,
    origin_form,
    readable,
)
from twisted_sse.transport.http.closing import LINGER_BYTES, ClosingHTTPChannel
from twisted_sse.transport.refusal import Refusal
from twisted_sse.transport.socketlimit import Slot

__all__ = ["StrictHTTPChannel"]

# RFC 9110, 5.5: "field-vchar = VCHAR / obs-text", with spaces and tabs between.
_CONTROLS = bytes({*range(32), 127} - {0x09})

_TOO_LONG = f"The request line has more than {LINE_BYTES} bytes: shorten the URL."
_TOO_LARGE = f"The headers have more than {HEADER_BYTES} bytes: send fewer, or shorter ones."


class StrictHTTPChannel(ClosingHTTPChannel):
    """
    Answers an error where RFC 9112 requires it and Twisted does not.

    Attributes:
        timeouts: For each request.

        slot: The socket's, if the site's sockets are limited.
    """

    MAX_LENGTH = LINE_BYTES
    totalHeadersSize = LINE_BYTES + HEADER_BYTES

    timeouts = RequestTimeouts()
    slot: Slot | None = None

    # Whether the request is answered before its body has been received.
    _unread = False
    # The time limit of what is being received: a DelayedCall, or a `BodyDeadline`.
    _deadline: Any = None

    # Receiving

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self.refused:
            self._linger_on(len(data))
            return
        super().dataReceived(data)
        self._watch()

    def lineReceived(self, line: bytes) -> None:
        """
        See `twisted.protocols.basic.LineReceiver.lineReceived`.
        """
        if self.refused:
            return
        if self.requests:
            if self._receivedHeaderSize + len(line) > HEADER_BYTES:
                self.refuse(431, _TOO_LARGE, "headers")
                return
            super().lineReceived(line)
            return
        super().lineReceived(line)
        # Only the headers count.
        self._receivedHeaderSize = 0

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        See `twisted.protocols.basic.LineReceiver.lineLengthExceeded`.
        """
        if self.requests:
            self.refuse(431, _TOO_LARGE, "headers")
        else:
            self.refuse(414, _TOO_LONG, "request_line")

    def headerReceived(self, line: bytes) -> bool:
        """
        See `twisted.web.http.HTTPChannel.headerReceived`.

        RFC 9110, 5.5: "field values containing [...] control characters [...]
        are considered invalid".
        """
        if self.refused:
            return False
        if line.translate(None, _CONTROLS) != line:
            self.refuse(400, "A header has a control character.")
            return False
        if self._receivedHeaderCount >= self.maxHeaders:
            detail = f"The request has more than {self.maxHeaders} headers: send fewer."
            self.refuse(431, detail, "headers")
            return False
        accepted: bool = super().headerReceived(readable(line))
        return accepted

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        """
        Refuse what Twisted accepts or fails to parse.

        RFC 9112, 6.1: "A server that receives a request message with a transfer
        coding it does not understand SHOULD respond with 501"; 400 is what this
        server answers, since "identity" is no transfer coding any more.
        """
        try:
            if header == b"Content-Length":
                content_length(data)
            elif header == b"Transfer-Encoding" and data.lower() != b"chunked":
                raise Refusal(400, "The only Transfer-Encoding of a request is chunked.")
        except Refusal as error:
            self.refuse(error.status, error.detail)
            return False
        accepted: bool = super()._maybeChooseTransferDecoder(header, data)
        return accepted

    def allHeadersReceived(self) -> None:
        """
        See `twisted.web.http.HTTPChannel.allHeadersReceived`.

        RFC 9112, 3.2: "A server MUST respond with a 400 (Bad Request) status
        code to any HTTP/1.1 request message that lacks a Host header field and
        to any request message that contains more than one Host header field".
        """
        if self.refused:
            return
        request = self.requests[-1]
        headers = request.requestHeaders
        hosts = headers.getRawHeaders(b"host", [])
        if len(hosts) > 1 or (not hosts and self._version == b"HTTP/1.1"):
            self.refuse(400, "The request must have one Host header.")
            return
        try:
            self._path, host = origin_form(self._command, self._path)
        except Refusal as error:
            self.refuse(error.status, error.detail)
            return
        if host is not None:
            # RFC 9112, 3.2.2: an origin server "MUST ignore the received Host header
            # field (if any) and instead use the host information of the request-target".
            headers.setRawHeaders(b"host", [host])
        super().allHeadersReceived()
        self.forget_deadline()
        # A client that waits for 100 sends nothing; a short body is discarded, so that
        # the connection goes on.
        expects = headers.hasHeader(b"expect")
        if self._is_too_large(request) and (expects or (self.length or 0) > LINGER_BYTES):
            self._read_no_body(request)

    def _send100Continue(self) -> None:
        if not self._is_too_large(self.requests[-1]):
            super()._send100Continue()

    def rawDataReceived(self, data: bytes) -> None:
        """
        See `twisted.protocols.basic.LineReceiver.rawDataReceived`.
        """
        if self.refused:
            return
        if self._handlingRequest:
            if self._unread:
                self._linger_on(len(data))
            else:
                super().rawDataReceived(data)
            return
        request = self.requests[-1]
        if self._deadline:
            self._deadline.received(len(data))
        super().rawDataReceived(data)
        # Chunked, so nobody knows how much follows.
        endless = self.length is None and self._is_too_large(request)
        if endless and not (self._handlingRequest or self.refused):
            self._read_no_body(request)
            self.allContentReceived()

    def allContentReceived(self) -> None:
        """
        See `twisted.web.http.HTTPChannel.allContentReceived`.
        """
        if self.refused:
            return
        self.forget_deadline()
        if self.slot is not None:
            self.slot.answering()
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        """
        See `twisted.web.http.HTTPChannel.requestDone`.
        """
        if self.slot is not None:
            self.slot.waiting()
        if self._unread:
            self.requests.remove(request)
            self._linger()
            return
        super().requestDone(request)
        self._watch()

    @staticmethod
    def _is_too_large(request: Any) -> bool:
        return getattr(request, "too_large", False)

    def _read_no_body(self, request: Any) -> None:
        """
        Have *request* answered before its body has been received.
        """
        if self._command in (b"GET", b"HEAD"):
            # Its response may be a stream, during which nothing else is read.
            self.refuse(413, "The body is too large: a request to read needs none.", "body")
            return
        self._unread = True
        self.length = 0
        self.persistent = False
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])

    # Time limits

    def _watch(self) -> None:
        """
        Limit the time for what is incomplete.
        """
        if self._deadline or self.refused or self._handlingRequest or self._busyReceiving:
            return
        head, body = self.timeouts
        if not self.line_mode:
            if body is not None:
                clock = self.site.reactor
                self._deadline = BodyDeadline(clock, body, self._body_expired)
        elif (self.requests or self._buffer) and head is not None:
            self._deadline = self.callLater(head, self._head_expired)

    def forget_deadline(self) -> None:
        """
        See `ClosingHTTPChannel.forget_deadline`.
        """
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()

    def _head_expired(self) -> None:
        self._deadline = None
        self.refuse(408, "The headers of the request did not arrive in time.", "head_timeout")

    def _body_expired(self) -> None:
        self._deadline = None
        self.refuse(408, "The body of the request did not arrive in time.", "body_timeout")

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self.refused = True
        self.forget_deadline()
        super().connectionLost(reason)
