"""
h2's state machine, held to RFC 9113 where h2 lets things pass that a server cannot.

Law: what a client sends takes no more memory than one frame and one list of
headers, and no frame is waited for that will be refused.

Bytes in, events out: nothing here does I/O or keeps time.  Checked against h2
4.4.1.  Comments that begin with "RFC 9113:" quote it.
"""

from __future__ import annotations

from typing import Any

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, H2Connection, H2ConnectionStateMachine
from h2.errors import ErrorCodes
from h2.events import Event
from h2.exceptions import FrameTooLargeError, ProtocolError
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes, Settings
from hpack import Decoder, HPACKError, OversizedHeaderListError
from hyperframe.frame import Frame, RstStreamFrame, SettingsFrame

__all__ = ["HEADER_LIST_BYTES", "ServerMachine"]

#: The most bytes of a request's headers, names, values and 32 bytes for each
#: together: the same as Twisted's HTTP/1.1 takes.
HEADER_LIST_BYTES = 16 * 1024

_KNOWN_SETTINGS = frozenset(SettingCodes)

# The type and the flags of a frame.
_SETTINGS_ACK = b"\x04\x01"


class ServerMachine(H2Connection):
    """
    The server's side of one connection.
    """

    def __init__(self) -> None:
        super().__init__(H2Configuration(client_side=False, header_encoding=None))
        self.state_machine = _States()
        self.incoming_buffer = _Frames(self)
        self.decoder = _Fields()
        self.decoder.max_header_list_size = HEADER_LIST_BYTES

    def begin(self, max_streams: int) -> None:
        """
        Have our settings sent: so many streams at once.

        h2 ends the connection at one stream too many, with all others.  RFC
        9113: it "MUST treat this as a stream error", so h2 itself is told of no
        limit, and whoever serves the streams has to refuse what is too much.
        """
        self.local_settings = _settings(max_streams)
        self.initiate_connection()
        self.local_settings = _settings(2**31 - 1)

    def clear_outbound_data_buffer(self) -> None:
        """
        Do not: h2 forgets what it has to acknowledge when the client says goodbye.
        """


class _States(H2ConnectionStateMachine):
    """
    Goes on after the client's GOAWAY, where h2 takes everything for an error.

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
    Refuses frames that h2 waits for, or lets pass.
    """

    def __init__(self, machine: ServerMachine) -> None:
        super().__init__(server=True)
        self._machine = machine
        self._begun = False

    def __next__(self) -> Frame:
        head = self._data[:5]
        length = int.from_bytes(head[:3], "big")
        # h2 looks at a frame's length when it has all of it: up to 16 MiB.
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
            # h2 remembers settings that nobody knows: 65,536 of them.
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
    Says what is wrong with the code of the standard.

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
