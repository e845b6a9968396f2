"""
HTTP/2 for streams that live for hours: Twisted's, repaired.

Law: a connection keeps at most one flush of bytes that are not the transport's
yet, and a stream at most what was handed to it in one piece.  Whoever cannot be
sent anything costs nothing until its client says that it can.

Twisted's `H2Connection` and `H2Stream` parse, translate and answer requests;
what is different here is how responses leave, and how connections end.  Each
difference says what it repairs.  Checked against Twisted 26.4.0 and 26.10.0;
`shortcomings` tells whether another one has what is needed here.

camelCase methods are called by Twisted.  Comments that begin with "RFC 9113:"
quote it.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Any

import h2.events as e
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IDelayedCall, ITCPTransport
from twisted.python.failure import Failure
from twisted.web import _http2

from twisted_sse.transport.http2.statemachine import ServerMachine
from twisted_sse.transport.http2.tokenbucket import TokenBucket
from twisted_sse.transport.sockets import is_closing

__all__ = ["MAX_STREAMS", "H2Connection", "H2Stream", "shortcomings"]

#: How many streams a client may have open on one connection unless told
#: otherwise.  Browsers open no more than they are allowed; with Twisted's 100,
#: the hundred-and-first tab of a site waits for ever.
MAX_STREAMS = 256

# What is written to the transport at once, about, in bytes.  As much as a TLS
# transport takes before it says that it is full.
_FLUSH_BYTES = 64 * 1024

# The most bytes of a frame: what every client has to take.  Some take frames of
# 16 MiB, which would hold up the other streams.
_FRAME_BYTES = 16 * 1024

# RFC 9113: "Length (24), Type (8), Flags (8), Reserved (1), Stream Identifier (31)".
_FRAME_HEADER = struct.Struct(">HBBBL")
_DATA = 0

# What a client may do for nothing, at once and then each second.  A closed tab
# resets all its streams in one moment; nobody needs many of the others.
# CVE-2023-44487 (resets), CVE-2019-9512 (pings), CVE-2019-9515 (settings),
# CVE-2019-9518 (empty frames).  Priorities and unknown frames are not counted:
# they make us do nothing, and browsers send some with each request.
_RESETS = (1000, 33)
_TRIFLES = (500, 50)

# What is used of Twisted beyond its public interface.
_NEEDED = {
    "H2Connection": [
        *["_requestReceived", "_requestDone", "_tryToWriteControlData", "_send100Continue"],
        *["openStreamWindow", "writeHeaders", "forceAbortClient", "timeoutConnection"],
        *["_flushBufferedControlData", "abortTimeout"],
    ],
    "H2Stream": ["receiveDataChunk", "requestComplete", "windowUpdated", "flowControlBlocked"],
}


def shortcomings(implementation: object = _http2) -> list[str]:
    """
    What this Twisted lacks of what is needed here; empty if all is well.

    Args:
        implementation: Its module for HTTP/2.
    """
    lacking = [
        f"{owner}.{name}"
        for owner, names in _NEEDED.items()
        for name in names
        if not hasattr(getattr(implementation, owner, None), name)
    ]
    # h2's, which Twisted brings: see `h2machine`.
    return lacking if hasattr(FrameBuffer(), "_data") else [*lacking, "FrameBuffer._data"]


class H2Stream(_http2.H2Stream):
    """
    One request and its response.

    Attributes:
        queue: What has been handed over and not sent: bytes, and ``None`` for
            the end of the response.

        queued: How many bytes that is.
    """

    def __init__(self, *arguments: Any) -> None:
        self.queue: deque[memoryview | None] = deque()
        self.queued = 0
        self._begun = False
        self._losing = False
        super().__init__(*arguments)

    @property
    def _answered(self) -> bool:
        # A request that is finished has no channel any more.
        return getattr(self._request, "channel", None) is None

    def receiveDataChunk(self, data: bytes, flowControlledLength: int) -> None:
        """
        Take a piece of the request, unless it was answered without it.
        """
        if self._answered:
            self._conn.openStreamWindow(self.streamID, flowControlledLength)
        else:
            super().receiveDataChunk(data, flowControlledLength)

    def requestComplete(self) -> None:
        """
        The request has come, all of it.
        """
        if not self._answered:
            super().requestComplete()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        See `IConsumer.registerProducer`.

        Twisted's lets it produce even if nothing can be sent.
        """
        super().registerProducer(producer, streaming)
        if self._conn.remainingOutboundWindow(self.streamID) <= 0:
            self.flowControlBlocked()

    def writeHeaders(self, *arguments: Any) -> None:
        """
        Begin the response.
        """
        self._begun = True
        super().writeHeaders(*arguments)

    def send(self, payload: bytes) -> int:
        """
        Have *payload* leave with this flush, if all of it may be sent now.

        Returns:
            Its length, or 0 if it cannot leave: the client's window is too
            small, or something else has to leave before.
        """
        connection: H2Connection = self._conn
        if self.queue or not connection.emit(self.streamID, payload):
            return 0
        return len(payload)

    def spill(self, rest: bytes) -> None:
        """
        Keep *rest* until the client takes it; then the producer is resumed.
        """
        self._producerProducing = False
        self._conn.writeDataToStream(self.streamID, rest)

    def advance(self, room: int) -> memoryview | None:
        """
        Take up to *room* bytes, or the end, from what is queued.
        """
        first = self.queue[0]
        if first is None or len(first) <= room:
            self.queue.popleft()
        else:
            self.queue[0] = first[room:]
            first = first[:room]
        self.queued -= 0 if first is None else len(first)
        return first

    def loseConnection(self) -> None:
        """
        See `ITransport.loseConnection`: end the response, and tell the request.

        Twisted's ends the stream, and never fires `notifyFinish`; and a stream
        that ends without headers is an error to the client.
        """
        if not self._begun:
            self.abortConnection()
            return
        self._losing = True
        super().loseConnection()

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
        The client is out of reach.  Only the first call does anything.

        Twisted's does not stop a producer: a file stays open for ever.
        """
        producer = self.producer
        if producer is not None:
            self.unregisterProducer()
            producer.stopProducing()
        # A request that is finished heard its end already.
        if not self._answered:
            self._request.connectionLost(reason)


class H2Connection(_http2.H2Connection):
    """
    One client, and all its requests.

    Attributes:
        max_streams: How many may be open at once.
    """

    max_streams = MAX_STREAMS
    transport: Any
    requestFactory: Any
    streams: dict[int, H2Stream]
    conn: ServerMachine

    def __init__(self, reactor: Any = None) -> None:
        super().__init__(reactor)
        self.conn = ServerMachine()
        self._ready: dict[int, None] = {}
        self._widened = False
        self._out: list[bytes | memoryview] = []
        self._out_size = 0
        self._due: IDelayedCall | None = None
        self._going = False
        self._resets = TokenBucket(*_RESETS, self._reactor.seconds)
        self._trifles = TokenBucket(*_TRIFLES, self._reactor.seconds)

    # Beginning

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.

        Twisted allows 100 streams, and an excess one ends the connection.
        """
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
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
        self.resetTimeout()
        for event in events:
            handle = _HANDLERS.get(type(event))
            if handle is not None:
                handle(self, event)
            if not self._stillProducing:
                return
        if self._widened:
            # Once for all that came: each looks at every stream.
            self._widened = False
            self._grown(list(self.streams))
        self._tryToWriteControlData()

    def _requestReceived(self, event: e.RequestReceived) -> None:
        if _lacks_body(event):
            self._reset(event.stream_id, ErrorCodes.PROTOCOL_ERROR)
            self._count_reset()
            return
        if self._going or len(self.streams) >= self.max_streams:
            self._reset(event.stream_id, ErrorCodes.REFUSED_STREAM)
            self._count_reset()
            return
        stream = H2Stream(
            event.stream_id, self, event.headers, self.requestFactory, self.site, self.factory
        )
        self.streams[event.stream_id] = stream

    def _requestDataReceived(self, event: e.DataReceived) -> None:
        # The last frame of a request may be empty, and often is.
        if not event.data and event.stream_ended is None:
            self._count_trifle(event)
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.receiveDataChunk(event.data, event.flow_controlled_length)
        else:
            # It was answered before it was complete; Twisted raises KeyError.
            # What came counts against the connection's window all the same.
            self._acknowledge(event.flow_controlled_length, event.stream_id)

    def _requestEnded(self, event: e.StreamEnded) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.requestComplete()

    def openStreamWindow(self, streamID: int, increment: int) -> None:
        """
        Let the client send more of a request; its stream may have ended.
        """
        self._acknowledge(increment, streamID)
        self._tryToWriteControlData()

    def _acknowledge(self, size: int, stream_id: int) -> None:
        try:
            self.conn.acknowledge_received_data(size, stream_id)
        except ProtocolError:
            # The stream was reset; h2 has counted the bytes nevertheless.
            return

    # Sending

    def writeHeaders(
        self, version: Any, code: Any, reason: Any, headers: Any, streamID: int
    ) -> None:
        """
        Begin a response, unless the client has reset the stream in the same
        breath: h2 has forgotten it then, and what it raises Twisted lets through.
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
            # As above.
            return

    def _reset(self, stream_id: int, code: ErrorCodes) -> None:
        try:
            self.conn.reset_stream(stream_id, code)
        except ProtocolError:
            # The client was faster.
            return

    def emit(self, stream_id: int, payload: bytes | memoryview) -> bool:
        """
        Put *payload* on the stream, with what else leaves in this turn.

        h2 would copy it into a frame and its buffer; here all streams share it,
        and each has only a header of its own (benchmarks, http2).

        Returns:
            Whether the windows, and the transport, have room for all of it.
        """
        size = len(payload)
        conn = self.conn
        stream = conn.streams.get(stream_id)
        if (
            stream is None
            or self._consumerBlocked is not None
            or size > stream.outbound_flow_control_window
            or size > conn.outbound_flow_control_window
        ):
            return False
        conn.outbound_flow_control_window -= size
        stream.outbound_flow_control_window -= size
        if size <= _FRAME_BYTES:
            self._out += (_FRAME_HEADER.pack(size >> 8, size & 255, _DATA, 0, stream_id), payload)
        else:
            view = memoryview(payload)
            for start in range(0, size, _FRAME_BYTES):
                part = view[start : start + _FRAME_BYTES]
                length = len(part)
                header = _FRAME_HEADER.pack(length >> 8, length & 255, _DATA, 0, stream_id)
                self._out += (header, part)
        self._out_size += size
        if self._out_size >= _FLUSH_BYTES:
            self._write_out()
        else:
            self._schedule()
        return True

    def writeDataToStream(self, streamID: int, data: bytes) -> None:
        """
        Send *data* when there is room.  If the stream has ended, nothing happens.
        """
        stream = self.streams.get(streamID)
        if stream is None or not data:
            return
        stream.queue.append(memoryview(data))
        stream.queued += len(data)
        self._enqueue(streamID)
        if self.remainingOutboundWindow(streamID) <= 0:
            stream.flowControlBlocked()

    def endRequest(self, streamID: int) -> None:
        """
        End the response when all of it has been sent.
        """
        stream = self.streams.get(streamID)
        if stream is not None:
            stream.queue.append(None)
            self._enqueue(streamID)

    def abortRequest(self, streamID: int) -> None:
        """
        End the response now.
        """
        if streamID in self.streams:
            self._reset(streamID, ErrorCodes.CANCEL)
            if self._tryToWriteControlData():
                self._requestDone(streamID)

    def remainingOutboundWindow(self, streamID: int) -> int:
        """
        How much may be handed to a stream, in bytes; less than 1 if it has to wait.

        Twisted sums up the queue at each call, and does not ask the transport.
        """
        stream = self.streams.get(streamID)
        if stream is None or self._consumerBlocked is not None:
            return 0
        return self._window(streamID) - stream.queued

    def _window(self, stream_id: int) -> int:
        stream = self.conn.streams.get(stream_id)
        if stream is None:
            # It was reset, and the event that says so is still to come.
            return 0
        return min(stream.outbound_flow_control_window, self.conn.outbound_flow_control_window)

    def _enqueue(self, stream_id: int) -> None:
        # In the order of their coming, round and round: Twisted obeys priorities,
        # by which one stream that cannot send starves those that depend on it.
        # RFC 9113: "This prioritization scheme [is] deprecated".
        self._ready[stream_id] = None
        self._schedule()

    def _schedule(self) -> None:
        if self._due is None and self._stillProducing:
            self._due = self._reactor.callLater(0, self._flush)

    def _flush(self) -> None:
        self._due = None
        while self._ready and self._out_size < _FLUSH_BYTES and self._consumerBlocked is None:
            stream_id = next(iter(self._ready))
            del self._ready[stream_id]
            self._advance(stream_id)
        self._write_out()
        if self._ready and self._consumerBlocked is None:
            self._schedule()

    def _advance(self, stream_id: int) -> None:
        """
        Send one frame of a stream, if there is room for one.

        A stream without room is not asked again before its window has grown;
        Twisted asks it in every turn, with all of a processor's time.
        """
        stream = self.streams.get(stream_id)
        if stream is None or not stream.queue:
            return
        room = min(self._window(stream_id), _FRAME_BYTES)
        if room <= 0 and stream.queue[0] is not None:
            return
        part = stream.advance(room)
        if part is None:
            self._end(stream_id)
            return
        self.emit(stream_id, part)
        # To the end of the line: if the connection's window grows by little at a
        # time, those who had nothing of it yet come first.
        self.streams[stream_id] = self.streams.pop(stream_id)
        if stream.queue:
            self._ready[stream_id] = None
        else:
            stream.windowUpdated()

    def _end(self, stream_id: int) -> None:
        self.conn.end_stream(stream_id)
        # RFC 9113, 8.1: "a server MAY request that the client abort transmission
        # of a request without error by sending a RST_STREAM with NO_ERROR".
        if not self.conn.streams[stream_id].closed:
            self._reset(stream_id, ErrorCodes.NO_ERROR)
        if self._tryToWriteControlData():
            self._requestDone(stream_id)

    def _write_out(self) -> None:
        """
        Write what leaves in this turn, all streams together: one TLS record.
        """
        if self._out:
            out, self._out, self._out_size = self._out, [], 0
            self.transport.write(b"".join(out))

    def _tryToWriteControlData(self) -> bool:
        # What a stream has sent goes before its end.
        self._write_out()
        alive: bool = super()._tryToWriteControlData()
        return alive

    def _sendPrioritisedData(self, *arguments: object) -> None:
        """
        Twisted's sending loop, which its constructor starts: there is none here.
        """

    # Back-pressure

    def pauseProducing(self) -> None:
        """
        See `IPushProducer.pauseProducing`.

        The transport is full.  Twisted's streams do not hear of it.
        """
        if self._consumerBlocked is None:
            super().pauseProducing()
            for stream in list(self.streams.values()):
                stream.flowControlBlocked()

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`.
        """
        if is_closing(self.transport):
            self.transport.abortConnection()
            return
        super().resumeProducing()
        self._grown(list(self.streams))

    def _handleWindowUpdate(self, event: e.WindowUpdated) -> None:
        if event.stream_id:
            self._grown([event.stream_id])
        else:
            self._widened = True

    def _settings_changed(self, event: e.RemoteSettingsChanged) -> None:
        """
        The client has changed the size of all windows, which may be below zero now.

        Twisted sends a negative number of bytes then, and nothing ever after.
        """
        self._count_trifle(event)
        if SettingCodes.INITIAL_WINDOW_SIZE in event.changed_settings:
            self._widened = True

    def _grown(self, stream_ids: list[int]) -> None:
        """
        These streams may have more room than before.
        """
        for stream_id in stream_ids:
            stream = self.streams.get(stream_id)
            if stream is None:
                continue
            if stream.queue:
                self._enqueue(stream_id)
            else:
                stream.windowUpdated()

    # Ends

    def shut_down(self) -> None:
        """
        Take no more requests, and close when those that are open have ended.

        Twisted's says nothing to its clients before it disappears.
        """
        if not self._going and self._stillProducing:
            self._going = True
            # h2's close_connection() would let no stream send any more.
            goaway = GoAwayFrame(0, last_stream_id=self.conn.highest_inbound_stream_id)
            self._write_out()
            self.transport.write(goaway.serialize())
            self._close_if_done()

    def timeoutConnection(self) -> None:
        """
        Nothing came for long.  A connection with a stream is not idle.

        Twisted closes it, with an error, whatever is streamed on it.
        """
        if self.streams:
            self.setTimeout(self.timeOut)
        else:
            self.conn.close_connection(ErrorCodes.NO_ERROR)
            self._terminate(Failure(ConnectionDone()))

    def connectionLost(self, reason: Any = None, _cancelTimeouts: bool = True) -> None:
        """
        See `IProtocol.connectionLost`; also called when this side gives up.
        """
        self._stillProducing = False
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._ready.clear()
        self._out.clear()
        # A request that ends may end others: Twisted's iterates over what changes.
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.connectionLost(reason)
        super().connectionLost(reason, _cancelTimeouts)

    def _requestAborted(self, event: e.StreamReset) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            self._requestDone(event.stream_id)
            stream.connectionLost(
                Failure(ConnectionLost(f"Stream reset with code {event.error_code}"))
            )
        self._count_reset()

    def _count_reset(self) -> None:
        if not self._resets.take():
            self._calm_down("Too many stream resets")

    def _count_trifle(self, event: object) -> None:
        if not self._trifles.take():
            self._calm_down("Too many frames that ask for nothing")

    def _calm_down(self, why: str) -> None:
        if self._stillProducing:
            self.conn.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self._terminate(Failure(ConnectionLost(why)))

    def _went_away(self, event: e.ConnectionTerminated) -> None:
        """
        The client said goodbye.

        RFC 9113: a receiver of GOAWAY may go on with the streams that are open.
        Those who said it with an error do not listen any more.
        """
        self._going = True
        if event.error_code != ErrorCodes.NO_ERROR:
            self._terminate(Failure(ConnectionLost("Remote peer sent GOAWAY")))
        else:
            self._close_if_done()

    def _terminate(self, reason: Failure) -> None:
        if self._tryToWriteControlData():
            self._lose()
            self.connectionLost(reason, _cancelTimeouts=False)

    def _requestDone(self, streamID: int) -> None:
        stream = self.streams.pop(streamID, None)
        self._ready.pop(streamID, None)
        if stream is not None:
            stream.done()
        if not self.streams:
            self.resetTimeout()
            self._close_if_done()

    def _close_if_done(self) -> None:
        if self._going and not self.streams and self._stillProducing:
            self._lose()

    def _lose(self) -> None:
        # What waited for the transport to have room would wait for ever now.
        while self._bufferedControlFrames:
            self.transport.write(self._bufferedControlFrames.popleft())
        # A TLS transport waits for its producer before it closes, and Twisted's
        # connection stays its producer: for 75 seconds, then it is timed out.
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        # The client has to take what is left, and say goodbye as well.
        self.setTimeout(None)
        if self._abortingCall is None:
            self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)


_HANDLERS: dict[type, Any] = {
    e.RequestReceived: H2Connection._requestReceived,
    e.DataReceived: H2Connection._requestDataReceived,
    e.StreamEnded: H2Connection._requestEnded,
    e.StreamReset: H2Connection._requestAborted,
    e.WindowUpdated: H2Connection._handleWindowUpdate,
    e.RemoteSettingsChanged: H2Connection._settings_changed,
    e.ConnectionTerminated: H2Connection._went_away,
    e.PingReceived: H2Connection._count_trifle,
}


def _lacks_body(event: e.RequestReceived) -> bool:
    # RFC 9113, 8.1.1: malformed, "if the value of a Content-Length header field does
    # not equal the sum of the DATA frame payload lengths".  h2 looks at DATA only.
    return event.stream_ended is not None and any(
        int(value) for name, value in event.headers if name == b"content-length"
    )
