"""
h2's state machine, corrected where h2 accepts what RFC 9113 tells a server to refuse.

Law: a client's data takes no more memory than one frame and one list of headers,
and a frame that will be refused is refused at its header.

Bytes in, events out: nothing here does I/O or keeps time.  Checked against h2
4.4.1.  Comments that begin with "RFC 9113:" quote it.
"""

from __future__ import annotations

from typing import Any

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, H2Connection, H2ConnectionStateMachine
from h2.errors import ErrorCodes
from h2.events import Event
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import (
    Frame,
    GoAwayFrame,
    HeadersFrame,
)

from twisted_sse.transport.http2.fields import (
    HEADER_LIST_BYTES,
    BoundedDecoder,
    Fields,
    MalformedRequest,
    check_fields,
)
from twisted_sse.transport.http2.floods import FloodGuard
from twisted_sse.transport.http2.frames import BoundedFrames
from twisted_sse.transport.refusal import Refusal

__all__ = ["RequestRefused", "ServerMachine"]


class ServerMachine(H2Connection):
    """
    The server's end of one connection.

    Args:
        floods: Counts the frames that are received.

    Attributes:
        frames_received: How many were complete.
    """

    decoder: Any
    incoming_buffer: Any

    def __init__(self, floods: FloodGuard) -> None:
        # `check_fields` validates, because here an error would end the connection.
        super().__init__(
            H2Configuration(client_side=False, header_encoding=None, validate_inbound_headers=False)
        )
        self._floods = floods
        self.frames_received = 0
        self.state_machine = _States()
        self.incoming_buffer = BoundedFrames(lambda: self.highest_inbound_stream_id)
        self.decoder = _RequestDecoder()

    def begin(self, max_streams: int) -> None:
        """
        Queue the server's settings.

        One stream too many makes h2 end the connection and with it all streams.
        RFC 9113: it "MUST treat this as a stream error", so h2 itself gets no limit,
        and the caller has to refuse excess streams.

        Args:
            max_streams: How many streams the client may have open at once.
        """
        self.local_settings = _settings(max_streams)
        self.initiate_connection()
        self.local_settings = _settings(2**31 - 1)

    def reset(self, stream_id: int, code: ErrorCodes) -> None:
        """
        Queue RST_STREAM, unless the client has reset the stream already.
        """
        try:
            self.reset_stream(stream_id, code)
        except ProtocolError:
            return

    def acknowledge(self, size: int, stream_id: int) -> None:
        """
        Enlarge the windows of the client by *size* bytes that were received.
        """
        try:
            self.acknowledge_received_data(size, stream_id)
        except ProtocolError:
            # The stream was reset; h2 has counted the bytes nevertheless.
            return

    def goaway(self) -> bytes:
        """
        Return a GOAWAY frame that lets the open streams continue.

        h2's close_connection() would let no stream send any more.
        """
        serialized: bytes = GoAwayFrame(
            0, last_stream_id=self.highest_inbound_stream_id
        ).serialize()
        return serialized

    def clear_outbound_data_buffer(self) -> None:
        """
        Do nothing: at the client's GOAWAY h2 would discard its acknowledgments.
        """

    @property
    def is_mid_frame(self) -> bool:
        """
        Whether a frame or a list of headers has begun and is incomplete.

        The body of an open request is not meant: it has a time limit of its own.
        """
        stream_id = self.incoming_buffer.data_for
        if stream_id is not None:
            return stream_id not in self.streams
        incomplete: bool = self.incoming_buffer.is_incomplete
        return incomplete

    def _receive_frame(self, frame: Frame) -> list[Event]:
        self.frames_received += 1
        stream = self.streams.get(frame.stream_id)
        is_closed = 0 < frame.stream_id <= self.highest_inbound_stream_id and (
            stream is None or stream.closed
        )
        self._floods.count(frame, self.outbound_flow_control_window, is_closed)
        events: list[Event] = super()._receive_frame(frame)
        return events

    def _receive_headers_frame(self, frame: HeadersFrame) -> tuple[list[Frame], list[Event]]:
        """
        Replace the events of a request that is refused by `RequestRefused`.
        """
        decoder = self.decoder
        decoder.is_trailer = frame.stream_id in self.streams
        unfinished = decoder.is_trailer and "END_STREAM" not in frame.flags
        if unfinished:
            # RFC 9113, 8.1: "[...] HEADERS frame without the END_STREAM flag set
            # after receiving the HEADERS frame that opens a request [...] is
            # malformed"; h2 would end the connection.
            frame.flags.add("END_STREAM")
        frames, events = super()._receive_headers_frame(frame)
        # The stream compares the length with the body.
        self.streams[frame.stream_id]._expected_content_length = None
        problem = decoder.problem
        if unfinished:
            problem = MalformedRequest("The trailer section does not end the request")
        if problem is not None:
            refused: list[Event] = [RequestRefused(frame.stream_id, problem)]
            return frames, refused
        return frames, events


class RequestRefused(Event):
    """
    A request is malformed, or the server does not accept it.

    Attributes:
        problem: Says why.
    """

    def __init__(self, stream_id: int, problem: MalformedRequest | Refusal) -> None:
        self.stream_id = stream_id
        self.problem = problem


class _RequestDecoder(BoundedDecoder):
    """
    Decodes and validates; the fields of a refused request are replaced by none.

    Attributes:
        is_trailer: Whether the next fields are a trailer section.

        problem: What is wrong with the last fields.
    """

    is_trailer = False
    problem: MalformedRequest | Refusal | None = None

    def decode(self, data: bytes, raw: bool = False) -> Any:
        """
        See `hpack.Decoder.decode`.
        """
        fields: Fields = list(super().decode(data, raw))
        self.problem = None
        try:
            return check_fields(fields, is_trailer=self.is_trailer)
        except (MalformedRequest, Refusal) as error:
            self.problem = error
            return []


class _States(H2ConnectionStateMachine):
    """
    Continues after the client's GOAWAY, where h2 treats every frame as an error.

    RFC 9113: its sender "might gracefully shut down a connection by sending a
    GOAWAY frame, maintaining the connection in an "open" state until all
    in-progress streams complete".
    """

    def process_input(self, input_: ConnectionInputs) -> list[Event]:
        if input_ is ConnectionInputs.RECV_GOAWAY:
            return []
        return super().process_input(input_)


def _settings(max_streams: int) -> Settings:
    return Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: max_streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_LIST_BYTES,
        },
    )
