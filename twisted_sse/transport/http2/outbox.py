"""
The sending side of one HTTP/2 connection: queues, flow-control windows, and one
write to the transport per turn of the reactor.

Law: a connection buffers at most one flush beyond what the transport has accepted,
and a stream at most what it was given in one piece.  A stream that cannot send
costs nothing until its client enlarges a window.

Nothing here parses, handles requests, or ends a stream.  h2 enlarges the windows,
and this module reduces them.  Comments that begin with "RFC 9113:" quote it.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.interfaces import IDelayedCall

from twisted_sse.transport.http2.statemachine import ServerMachine

__all__ = ["Outbox", "OutgoingStream"]

# The most bytes of one frame: the size that every client must accept.  Some
# accept frames of 16 MiB, which would delay the other streams.
_FRAME_BYTES = 16 * 1024

# The approximate most bytes of one write to the transport: as much as a TLS
# transport accepts before it pauses its producer.
_FLUSH_BYTES = 64 * 1024

# RFC 9113: "Length (24), Type (8), Flags (8), Reserved (1), Stream Identifier (31)".
_FRAME_HEADER = struct.Struct(">HBBBL")
_DATA = 0


class OutgoingStream(Protocol):
    """
    A stream as the outbox sees it.  The outbox alone changes its attributes.

    Attributes:
        queue: What waits to be sent: bytes, and ``None`` for the end of the
            response.

        queued: How many bytes wait.
    """

    queue: deque[memoryview | None]
    queued: int

    def windowUpdated(self) -> None:
        """
        The queue is empty and a window may have grown: the stream may produce.
        """

    def flowControlBlocked(self) -> None:
        """
        The stream must pause until `windowUpdated`.
        """


_Stream = TypeVar("_Stream", bound=OutgoingStream)


class Outbox(Generic[_Stream]):
    """
    Sends what the streams of one connection are given, within the windows.

    Args:
        windows: Has ``outbound_flow_control_window`` for the connection, and for
            each of its ``streams``; nothing else of h2 is used.

        transport: Written to; nothing else of it is used.

        reactor: An `IReactorTime`.

        end_stream: Called with a stream's ID when its response has been sent.

    Attributes:
        streams: The open streams by stream ID, in the order `wake` is to call them.
    """

    def __init__(
        self,
        windows: ServerMachine,
        transport: Any,
        reactor: Any,
        end_stream: Callable[[int], None],
    ) -> None:
        self.streams: dict[int, _Stream] = {}
        self._windows = windows
        self._transport = transport
        self._reactor = reactor
        self._end_stream = end_stream
        # The streams that have something queued and may have room to send it.
        self._ready: dict[int, None] = {}
        self._frames: list[bytes | memoryview] = []
        self._frames_size = 0
        self._flush_call: IDelayedCall | None = None
        self._paused = False
        self._closed = False

    # From streams

    def send(self, stream_id: int, payload: bytes | memoryview) -> bool:
        """
        Send *payload* in this turn, if all of it may be sent.

        h2 would copy it into a frame and into its buffer; here all streams share
        it, and each adds only its frame header (benchmarks, http2).

        Returns:
            Whether the windows and the transport have room for all of it.
        """
        size = len(payload)
        windows = self._windows
        stream = windows.streams.get(stream_id)
        if (
            stream is None
            or self._paused
            or size > stream.outbound_flow_control_window
            or size > windows.outbound_flow_control_window
        ):
            return False
        windows.outbound_flow_control_window -= size
        stream.outbound_flow_control_window -= size
        if size <= _FRAME_BYTES:
            header = _FRAME_HEADER.pack(size >> 8, size & 255, _DATA, 0, stream_id)
            self._frames += (header, payload)
        else:
            view = memoryview(payload)
            for start in range(0, size, _FRAME_BYTES):
                part = view[start : start + _FRAME_BYTES]
                length = len(part)
                header = _FRAME_HEADER.pack(length >> 8, length & 255, _DATA, 0, stream_id)
                self._frames += (header, part)
        self._frames_size += size
        if self._frames_size >= _FLUSH_BYTES:
            self.flush()
        else:
            self._schedule()
        return True

    def enqueue(self, stream_id: int, data: bytes) -> None:
        """
        Send *data* when there is room, unless the stream has ended.
        """
        stream = self.streams.get(stream_id)
        if stream is None or not data:
            return
        stream.queue.append(memoryview(data))
        stream.queued += len(data)
        self._mark_ready(stream_id)
        if self.room(stream_id) <= 0:
            stream.flowControlBlocked()

    def end(self, stream_id: int) -> None:
        """
        End the response when all of it has been sent.
        """
        stream = self.streams.get(stream_id)
        if stream is not None:
            stream.queue.append(None)
            self._mark_ready(stream_id)

    def room(self, stream_id: int) -> int:
        """
        How many bytes a stream may be given; less than 1 if it has to wait.

        Twisted sums up the queue at each call, and does not ask the transport.
        """
        stream = self.streams.get(stream_id)
        if stream is None or self._paused:
            return 0
        return self._window(stream_id) - stream.queued

    # From the connection

    def wake(self, stream_ids: Iterable[int]) -> None:
        """
        Continue with streams whose window may have grown.
        """
        for stream_id in stream_ids:
            stream = self.streams.get(stream_id)
            if stream is None:
                continue
            if stream.queue:
                self._mark_ready(stream_id)
            else:
                stream.windowUpdated()

    def pause(self) -> None:
        """
        Stop sending: the transport is full.
        """
        self._paused = True
        for stream in list(self.streams.values()):
            stream.flowControlBlocked()

    def resume(self) -> None:
        """
        Continue with all streams: the transport has room.
        """
        self._paused = False
        self.wake(list(self.streams))

    def flush(self) -> None:
        """
        Write the frames of all streams to the transport at once: one TLS record.
        """
        if self._frames:
            frames, self._frames, self._frames_size = self._frames, [], 0
            self._transport.write(b"".join(frames))

    def remove(self, stream_id: int) -> _Stream | None:
        """
        Forget a stream and what it has queued; ``None`` if it is not open.
        """
        self._ready.pop(stream_id, None)
        return self.streams.pop(stream_id, None)

    def close(self) -> list[_Stream]:
        """
        Send nothing any more, and return the streams that were open.
        """
        self._closed = True
        if self._flush_call is not None:
            self._flush_call.cancel()
            self._flush_call = None
        self._ready.clear()
        self._frames.clear()
        streams = list(self.streams.values())
        self.streams.clear()
        return streams

    def _mark_ready(self, stream_id: int) -> None:
        # Streams take turns in the order they became ready.  Twisted obeys
        # priorities, so a stream that cannot send starves those that depend on it.
        # RFC 9113: "This prioritization scheme [is] deprecated".
        self._ready[stream_id] = None
        self._schedule()

    def _schedule(self) -> None:
        if self._flush_call is None and not self._closed:
            self._flush_call = self._reactor.callLater(0, self._send_ready)

    def _send_ready(self) -> None:
        self._flush_call = None
        while self._ready and self._frames_size < _FLUSH_BYTES and not self._paused:
            stream_id = next(iter(self._ready))
            del self._ready[stream_id]
            self._send_next(stream_id)
        self.flush()
        if self._ready and not self._paused:
            self._schedule()

    def _send_next(self, stream_id: int) -> None:
        """
        Send one frame of a stream, if there is room for one.

        A stream without room is not asked again before its window has grown;
        Twisted asks it in every turn, which takes all of the CPU.
        """
        stream = self.streams.get(stream_id)
        if stream is None or not stream.queue:
            return
        room = min(self._window(stream_id), _FRAME_BYTES)
        if room <= 0 and stream.queue[0] is not None:
            return
        part = _take(stream, room)
        if part is None:
            self._end_stream(stream_id)
            return
        self.send(stream_id, part)
        # To the end of the line: if the connection's window grows by little at a
        # time, streams that have sent nothing yet come first.
        self.streams[stream_id] = self.streams.pop(stream_id)
        if stream.queue:
            self._ready[stream_id] = None
        else:
            stream.windowUpdated()

    def _window(self, stream_id: int) -> int:
        windows = self._windows
        stream = windows.streams.get(stream_id)
        if stream is None:
            # The client has reset it, and the event that says so is still to come.
            return 0
        return min(stream.outbound_flow_control_window, windows.outbound_flow_control_window)


def _take(stream: OutgoingStream, room: int) -> memoryview | None:
    """
    Take up to *room* bytes, or the end of the response, from the queue.
    """
    first = stream.queue[0]
    if first is None or len(first) <= room:
        stream.queue.popleft()
    else:
        stream.queue[0] = first[room:]
        first = first[:room]
    stream.queued -= 0 if first is None else len(first)
    return first
