"""
The end of an HTTP/1.1 connection: refusals that a client receives, and time limits.

Law: no connection that is to be closed stays open because of its client.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from twisted.internet import tcp
from twisted.web.http import HTTPChannel

from twisted_sse.transport.refusal import refusal

__all__ = ["LINGER_BYTES", "ClosingHTTPChannel"]

#: A client may still be sending when it is refused.  A socket that is closed with
#: unread bytes resets the connection, and the client may lose the response.  So this
#: many bytes are read and discarded, and the client has `_LINGER` seconds to close
#: its end.
LINGER_BYTES = 1024 * 1024
_LINGER = 5.0

# Seconds that a client may take to read the last response of its connection.
_CLOSE_TIMEOUT = 60.0


class ClosingHTTPChannel(HTTPChannel):
    """
    A channel that closes in the end, whatever its client does.

    Attributes:
        refused: Whether a refusal was written: nothing that follows is a request.
    """

    site: Any
    transport: Any
    _networkProducer: Any

    refused = False
    _lingered = 0

    def requestDone(self, request: Any) -> None:
        """
        See `twisted.web.http.HTTPChannel.requestDone`.
        """
        if not self.persistent and self._abortingCall is None:
            # A client that does not read would keep the connection open.
            self._abortingCall = self.callLater(_CLOSE_TIMEOUT, self.forceAbortClient)
        super().requestDone(request)

    def truncate(self) -> None:
        """
        Close the connection after what was written, in the middle of a response.
        """
        if self._abortingCall is None:
            self._abortingCall = self.callLater(_CLOSE_TIMEOUT, self.forceAbortClient)
        self.loseConnection()

    def timeoutConnection(self) -> None:
        """
        See `twisted.web.http.HTTPChannel.timeoutConnection`; logs nothing.
        """
        self._abortingCall = self.callLater(_LINGER, self.forceAbortClient)
        self.loseConnection()

    def forceAbortClient(self) -> None:
        """
        See `twisted.web.http.HTTPChannel.forceAbortClient`; logs nothing.
        """
        self._abortingCall = None
        self.transport.abortConnection()

    def refuse(self, status: int, detail: str, limit: str | None = None) -> None:
        """
        Answer with an error instead of a resource's answer, and close the connection.

        Args:
            limit: The limit that refuses the request, if it is one; see
                `twisted_sse.transport.refusals.LIMITS`.
        """
        if self.refused:
            return
        self.refused = True
        if limit is not None:
            self.site.refusals.count(limit)
        headers, body = refusal(status, detail)
        phrase = HTTPStatus(status).phrase.encode("ascii")
        lines = [b"HTTP/1.1 %d %b" % (status, phrase)]
        lines += [b"%b: %b" % pair for pair in headers]
        lines += [b"connection: close", b"", body]
        self.transport.write(b"\r\n".join(lines))
        self._linger()

    def forget_deadline(self) -> None:
        """
        Cancel the time limit of what is being received; a subclass has one.
        """

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(400, "The request is malformed.")

    def _linger(self) -> None:
        """
        Close the connection when the client has closed its end, or soon.
        """
        self.refused = True
        self.forget_deadline()
        self.setTimeout(None)
        if self._abortingCall is None:
            self._abortingCall = self.callLater(_LINGER, self.forceAbortClient)
        self._networkProducer.unregisterProducer()
        transport = self.transport
        if isinstance(transport, tcp.Server) and not transport.TLS:
            # All that was read may be discarded, but reading has to go on.
            transport.resumeProducing()
            transport.loseWriteConnection()
        else:
            transport.loseConnection()

    def _linger_on(self, size: int) -> None:
        self._lingered += size
        if self._lingered > LINGER_BYTES:
            self._networkProducer.pauseProducing()
