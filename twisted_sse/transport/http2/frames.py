"""
Splits what a client sends into frames, and refuses what h2 would wait for or accept.

Law: a client's data takes no more memory than one frame and one list of headers,
and a frame that will be refused is refused at its header.

Comments that begin with "RFC 9113:" quote it.
"""

from __future__ import annotations

from collections.abc import Callable

from h2.exceptions import DenialOfServiceError, FrameTooLargeError, ProtocolError
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame, Frame, RstStreamFrame, SettingsFrame

from twisted_sse.transport.http2.fields import HEADER_LIST_BYTES

__all__ = ["BoundedFrames"]

_KNOWN_SETTINGS = frozenset(SettingCodes)

# The type and the flags of a frame.
_SETTINGS_ACK = b"\x04\x01"


class BoundedFrames(FrameBuffer):
    """
    Refuses frames that h2 would wait for or accept.
    """

    def __init__(self, highest_stream: Callable[[], int]) -> None:
        super().__init__(server=True)
        self._highest_stream = highest_stream
        self._begun = False

    @property
    def is_incomplete(self) -> bool:
        """
        Whether the preface, the last frame, or the last list of headers, is incomplete.
        """
        return bool(self._data or self._headers_buffer or not self._begun)

    @property
    def data_for(self) -> int | None:
        """
        The stream of the DATA frame that is incomplete, if the last frame is one.
        """
        head = self._data[:9]
        if len(head) < 9 or head[3] != DataFrame.type:
            return None
        return int.from_bytes(head[5:], "big")

    def __next__(self) -> Frame:
        # h2 would wait for 64 frames.
        if sum(len(one.data) for one in self._headers_buffer) > HEADER_LIST_BYTES:
            raise DenialOfServiceError("Too many bytes of headers")
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
        if frame.stream_id > self._highest_stream() or frame.stream_id % 2 == 0:
            raise ProtocolError("RST_STREAM on an idle stream")
