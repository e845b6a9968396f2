"""
HTTP/2 connections whose streams stay open for hours: Twisted's, repaired.

Law: what a client may have for nothing is limited, and every stream and every
connection ends in a way that its client, its requests and their producers hear of.

Twisted's `H2Connection` answers requests and times clients out; `ServerMachine`
parses, `H2Stream` holds one request, and `SendingConnection` sends.  Each method says
what it repairs.  Checked against Twisted 26.4.0 and 26.10.0; see `requirements`.

camelCase methods are called by Twisted.  Comments that begin with "RFC 9113:"
quote it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h2.events as e
from h2.errors import ErrorCodes
from h2.exceptions import DenialOfServiceError, ProtocolError
from h2.settings import SettingCodes
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ITCPTransport
from twisted.python.failure import Failure

from twisted_sse.transport.deadline import RequestTimeouts
from twisted_sse.transport.http2.floods import FloodGuard
from twisted_sse.transport.http2.outbox import Outbox
from twisted_sse.transport.http2.sending import SendingConnection
from twisted_sse.transport.http2.statemachine import RequestRefused, ServerMachine
from twisted_sse.transport.http2.stream import H2Stream
from twisted_sse.transport.refusal import Refusal, refusal
from twisted_sse.transport.socketlimit import Slot

__all__ = ["MAX_STREAMS", "H2Connection"]

#: How many streams a client may have open on one connection by default.  Browsers
#: open no more than they are allowed; with Twisted's 100, the hundred-and-first tab
#: of a site waits forever.
MAX_STREAMS = 256


class H2Connection(SendingConnection):
    """
    One client, and all its requests.

    Attributes:
        max_streams: How many streams may be open at once.

        timeouts: For each request.

        slot: The socket's, if the site's sockets are limited.
    """

    max_streams = MAX_STREAMS
    timeouts = RequestTimeouts()
    slot: Slot | None = None
    site: Any
    requestFactory: Any

    def __init__(self, reactor: Any = None) -> None:
        super().__init__(reactor)
        self._floods = FloodGuard(self._reactor.seconds)
        self.conn = ServerMachine(self._floods)
        self._all_windows_changed = False
        # Close when the last stream ends, and refuse new ones.
        self._closing = False
        # Requests whose bodies have begun, and no time limit yet.
        self._begun: list[H2Stream] = []
        # How many streams have sent their whole request.
        self._answering = 0
        # The time limit of the frame, or list of headers, that is incomplete, and how
        # many frames had been received before it.
        self._frame_deadline: Any = None
        self._frames_before = 0

    # Receiving

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.

        Twisted's allows 100 streams, and one more ends the connection.
        """
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self.outbox = Outbox(self.conn, self.transport, self._reactor, self._end_stream)
        self.streams = self.outbox.streams
        self.setTimeout(self.timeOut)
        self.conn.begin(self.max_streams)
        self._tryToWriteControlData()

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if not self._stillProducing:
            return
        try:
            events = self.conn.receive_data(data)
        except ProtocolError as error:
            self._terminate(Failure(ConnectionLost(f"HTTP/2: {error}")))
            return
        for event in events:
            handle = _HANDLERS.get(type(event))
            if handle is not None:
                handle(self, event)
            if not self._stillProducing:
                return
        if self._all_windows_changed:
            # Once for all events, since it looks at every stream.
            self._all_windows_changed = False
            self.outbox.wake(list(self.streams))
        self._tryToWriteControlData()
        self._watch()

    def _watch(self) -> None:
        """
        Limit the time for what is incomplete.
        """
        head, body = self.timeouts
        if self._begun:
            begun, self._begun = self._begun, []
            for stream in begun:
                if body is not None:
                    stream.limit_time(self._reactor, body)
        deadline, frames = self._frame_deadline, self.conn.frames_received
        if deadline is not None and (self._frames_before != frames or not self.conn.is_mid_frame):
            deadline.cancel()
            self._frame_deadline = None
        if self._frame_deadline is None and head is not None and self.conn.is_mid_frame:
            self._frames_before = frames
            self._frame_deadline = self.callLater(head, self._frame_expired)

    def _frame_expired(self) -> None:
        self._frame_deadline = None
        self.site.refusals.count("head_timeout")
        self.conn.close_connection(ErrorCodes.NO_ERROR)
        self._terminate(Failure(ConnectionLost("A frame did not arrive in time")))

    def _requestReceived(self, event: e.RequestReceived) -> None:
        is_full = len(self.streams) >= self.max_streams
        if is_full:
            self.site.refusals.count("streams")
        if self._closing or is_full:
            self.conn.reset(event.stream_id, ErrorCodes.REFUSED_STREAM)
            self._count_reset()
            return
        stream = self.streams[event.stream_id] = H2Stream(
            self.outbox,
            *(event.stream_id, self, event.headers, self.requestFactory, self.site, self.factory),
        )
        if event.stream_ended is None:
            stream.begin_body()
            self._begun.append(stream)

    def _request_refused(self, event: RequestRefused) -> None:
        problem = event.problem
        if isinstance(problem, Refusal) and event.stream_id not in self.streams:
            self.refuse(event.stream_id, problem)
        else:
            self._break_stream(event.stream_id, str(problem))
        self._count(self._floods.count_refused)

    def refuse(self, stream_id: int, problem: Refusal) -> None:
        """
        Answer with an error instead of a resource's answer, and end the stream.
        """
        if problem.limit is not None:
            self.site.refusals.count(problem.limit)
        headers, body = refusal(problem.status, problem.detail)
        try:
            self.conn.send_headers(stream_id, [(b":status", b"%d" % problem.status), *headers])
            self.conn.send_data(stream_id, body, end_stream=True)
        except ProtocolError:
            # The stream has ended, or the client's window is too small for the body.
            self.conn.reset(stream_id, ErrorCodes.CANCEL)
        stream = self.conn.streams.get(stream_id)
        if stream is not None and not stream.closed:
            self.conn.reset(stream_id, ErrorCodes.NO_ERROR)
        self._forget(stream_id, problem.detail)

    def _break_stream(self, stream_id: int, reason: str) -> None:
        self.conn.reset(stream_id, ErrorCodes.PROTOCOL_ERROR)
        self._forget(stream_id, reason)

    def _forget(self, stream_id: int, reason: str) -> None:
        stream = self.streams.get(stream_id)
        if stream is not None:
            self._requestDone(stream_id)
            stream.connectionLost(Failure(ConnectionLost(reason)))
        self._tryToWriteControlData()

    def _requestDataReceived(self, event: e.DataReceived) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None and stream.count(len(event.data)):
            stream.receiveDataChunk(event.data, event.flow_controlled_length)
            return
        if stream is not None:
            self._break_stream(event.stream_id, "The body is longer than its length")
            self._count_reset()
        # It was answered before it was complete; Twisted raises KeyError.
        # What came still counts against the connection's window.
        self.conn.acknowledge(event.flow_controlled_length, event.stream_id)

    def _requestEnded(self, event: e.StreamEnded) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is None:
            return
        if stream.lacks_bytes:
            self._break_stream(event.stream_id, "The body is shorter than its length")
            self._count_reset()
            return
        stream.requestComplete()

    def answering(self) -> None:
        """
        A stream has sent its whole request.
        """
        self._answering += 1
        if self.slot is not None:
            self.slot.answering()

    def openStreamWindow(self, streamID: int, increment: int) -> None:
        """
        Let the client send more of a request, whose stream may have ended.
        """
        self.conn.acknowledge(increment, streamID)
        self._tryToWriteControlData()

    def _handleWindowUpdate(self, event: e.WindowUpdated) -> None:
        if event.stream_id:
            self.outbox.wake([event.stream_id])
        else:
            self._all_windows_changed = True

    def _settings_changed(self, event: e.RemoteSettingsChanged) -> None:
        """
        Handle new settings, which may make every window negative.

        Twisted sends a negative number of bytes then, and nothing ever after.
        """
        if SettingCodes.INITIAL_WINDOW_SIZE in event.changed_settings:
            self._all_windows_changed = True

    # The end of a stream

    def abortRequest(self, streamID: int) -> None:
        """
        End the response now.
        """
        if streamID in self.streams:
            self.conn.reset(streamID, ErrorCodes.CANCEL)
            if self._tryToWriteControlData():
                self._requestDone(streamID)

    def _end_stream(self, stream_id: int) -> None:
        if self.streams[stream_id].is_truncated:
            self.conn.reset(stream_id, ErrorCodes.INTERNAL_ERROR)
        else:
            self.conn.end_stream(stream_id)
            # RFC 9113, 8.1: "a server MAY request that the client abort transmission
            # of a request without error by sending a RST_STREAM with NO_ERROR".
            if not self.conn.streams[stream_id].closed:
                self.conn.reset(stream_id, ErrorCodes.NO_ERROR)
        if self._tryToWriteControlData():
            self._requestDone(stream_id)

    def _requestAborted(self, event: e.StreamReset) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            self._requestDone(event.stream_id)
            stream.connectionLost(
                Failure(ConnectionLost(f"Stream reset with code {event.error_code}"))
            )
        if not event.remote_reset:
            self._count_reset()

    def _requestDone(self, streamID: int) -> None:
        stream = self.outbox.remove(streamID)
        if stream is not None:
            stream.done()
            self._answering -= stream.is_answering
        if not self._answering and self.slot is not None:
            self.slot.waiting()
        if not self.streams:
            self.resetTimeout()
            self._close_if_done()

    # The end of the connection

    def shut_down(self) -> None:
        """
        Refuse new requests, and close when the open streams have ended.

        Twisted's does not tell its clients.
        """
        if not self._closing and self._stillProducing:
            self._closing = True
            self.outbox.flush()
            self.transport.write(self.conn.goaway())
            self._close_if_done()

    def timeoutConnection(self) -> None:
        """
        Close the connection after a silence, unless it has a stream.

        Twisted's closes it with an error, whatever its streams are sending.
        """
        if self.streams:
            self.setTimeout(self.timeOut)
        else:
            self.conn.close_connection(ErrorCodes.NO_ERROR)
            self._terminate(Failure(ConnectionDone()))

    def connectionLost(self, reason: Any = None, _cancelTimeouts: bool = True) -> None:
        """
        See `IProtocol.connectionLost`; also called when this side gives up.

        A request that ends may end others; Twisted's iterates over what changes.
        """
        self._stillProducing = False
        if self._frame_deadline is not None:
            self._frame_deadline.cancel()
            self._frame_deadline = None
        for stream in self.outbox.close():
            stream.connectionLost(reason)
        super().connectionLost(reason, _cancelTimeouts)

    def _goaway_received(self, event: e.ConnectionTerminated) -> None:
        """
        RFC 9113: a receiver of GOAWAY may go on with the streams that are open.

        A client that sends it with an error does not listen any more.
        """
        self._closing = True
        if event.error_code != ErrorCodes.NO_ERROR:
            self._terminate(Failure(ConnectionLost("Remote peer sent GOAWAY")))
        else:
            self._close_if_done()

    def forceAbortClient(self) -> None:
        """
        See `twisted.web.http.HTTPChannel.forceAbortClient`; logs nothing.
        """
        self._abortingCall = None
        self.transport.abortConnection()

    def _count_reset(self) -> None:
        self._count(self._floods.count_reset)

    def _count(self, count: Callable[[], None]) -> None:
        try:
            count()
        except DenialOfServiceError as error:
            self._stop_flood(str(error))

    def _stop_flood(self, reason: str) -> None:
        if self._stillProducing:
            self.conn.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self._terminate(Failure(ConnectionLost(reason)))

    def _terminate(self, reason: Failure) -> None:
        if self._tryToWriteControlData():
            self._close_transport()
            self.connectionLost(reason, _cancelTimeouts=False)

    def _close_if_done(self) -> None:
        if self._closing and not self.streams and self._stillProducing:
            self._close_transport()

    def _close_transport(self) -> None:
        # What waits for room in the transport would wait forever.
        while self._bufferedControlFrames:
            self.transport.write(self._bufferedControlFrames.popleft())
        # The client has to receive what is left, and close its end as well.
        self.setTimeout(None)
        if self._abortingCall is None:
            self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)
        # A TLS transport waits for its producer before it closes, and Twisted's
        # connection stays its producer until it is timed out: for 75 seconds.
        self.transport.unregisterProducer()
        self.transport.loseConnection()


_HANDLERS: dict[type, Any] = {
    e.RequestReceived: H2Connection._requestReceived,
    e.DataReceived: H2Connection._requestDataReceived,
    e.StreamEnded: H2Connection._requestEnded,
    e.StreamReset: H2Connection._requestAborted,
    e.WindowUpdated: H2Connection._handleWindowUpdate,
    e.RemoteSettingsChanged: H2Connection._settings_changed,
    e.ConnectionTerminated: H2Connection._goaway_received,
    RequestRefused: H2Connection._request_refused,
}
