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
from h2.events import Event, RequestReceived
from h2.exceptions import FrameTooLargeError, ProtocolError
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes, Settings
from hpack import Decoder, HPACKError, OversizedHeaderListError
from hyperframe.frame import Frame, GoAwayFrame, RstStreamFrame, SettingsFrame

__all__ = ["HEADER_LIST_BYTES", "ServerMachine", "lacks_body"]

#: The most bytes of a request's headers: names, values, and 32 bytes for each
#: header, as much as Twisted's HTTP/1.1 accepts.
HEADER_LIST_BYTES = 16 * 1024

_KNOWN_SETTINGS = frozenset(SettingCodes)

# The type and the flags of a frame.
_SETTINGS_ACK = b"\x04\x01"


class ServerMachine(H2Connection):
    """
    The server's end of one connection.
    """

    def __init__(self) -> None:
        super().__init__(H2Configuration(client_side=False, header_encoding=None))
        self.state_machine = _States()
        self.incoming_buffer = _Frames(self)
        self.decoder = _Fields()
        self.decoder.max_header_list_size = HEADER_LIST_BYTES

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


def lacks_body(event: RequestReceived) -> bool:
    """
    Whether a request ends with its headers although it announces a body.

    RFC 9113, 8.1.1: malformed, "if the value of a Content-Length header field does
    not equal the sum of the DATA frame payload lengths".  h2 checks DATA only.
    """
    return event.stream_ended is not None and any(
        int(value) for name, value in event.headers if name == b"content-length"
    )


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


class _Frames(FrameBuffer):
    """
    Refuses frames that h2 would wait for or accept.
    """

    def __init__(self, machine: ServerMachine) -> None:
        super().__init__(server=True)
        self._machine = machine
        self._begun = False

    def __next__(self) -> Frame:
        head = self._data[:5]
        length = int.from_bytes(head[:3], "big")
        # h2 checks a frame's length when it has all of the frame: up to 16 MiB.
        if length > self.max_frame_size:
            raise FrameTooLargeError("Received overlong frame")
        # RFC 9113: "Receipt of a SETTINGS frame with the ACK flag set and a length
        # field value other than 0 MUST be treated as a connection error [...] of
        # type FRAME_SIZE_ERROR", not of any other.
        if length and head[3:] == _SETTINGS_ACK:
            raise FrameTooLargeError("Received settings that acknowledge settings")
        frame = super().__next__()
        if not self._begun:
            self._begin(frame)
        if isinstance(frame, RstStreamFrame):
            self._check_reset(frame)
        if isinstance(frame, SettingsFrame):
            # h2 keeps unknown settings: up to 65,536 of them.
            frame.settings = {
                code: value for code, value in frame.settings.items() if code in _KNOWN_SETTINGS
            }
        return frame

    def _begin(self, frame: Frame) -> None:
        # RFC 9113: "This sequence MUST be followed by a SETTINGS frame".
        if not isinstance(frame, SettingsFrame) or "ACK" in frame.flags:
            raise ProtocolError("The preface has no SETTINGS frame")
        self._begun = True

    def _check_reset(self, frame: Frame) -> None:
        # RFC 9113: "If a RST_STREAM frame identifying an idle stream is received,
        # the recipient MUST treat this as a connection error".
        if frame.stream_id > self._machine.highest_inbound_stream_id or frame.stream_id % 2 == 0:
            raise ProtocolError("RST_STREAM on an idle stream")


class _CompressionError(ProtocolError):
    """
    A list of headers cannot be decoded.
    """

    error_code = ErrorCodes.COMPRESSION_ERROR


class _Fields(Decoder):
    """
    Reports decoding errors with the error code of the standard.

    RFC 9113: "A decoding error in a field block MUST be treated as a connection
    error [...] of type COMPRESSION_ERROR".
    """

    def decode(self, data: bytes, raw: bool = False) -> Any:
        try:
            return super().decode(data, raw)
        except OversizedHeaderListError:
            raise
        except HPACKError as error:
            raise _CompressionError(f"Error decoding header block: {error}") from error


def _settings(max_streams: int) -> Settings:
    return Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: max_streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_LIST_BYTES,
        },
    )
