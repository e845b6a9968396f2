"""
The header fields of HTTP/2 requests: decoded within limits, and validated.

A request that is malformed is a stream error, so that the other requests of the
connection go on.  h2 validates while it parses, where an error ends the connection.
Comments that begin with "RFC 9113:" quote it.
"""

from __future__ import annotations

import re
from typing import Any

from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.utilities import HeaderValidationFlags, validate_headers
from hpack import Decoder, HPACKError, OversizedHeaderListError

from twisted_sse.transport.heads import (
    HEADER_BYTES,
    LINE_BYTES,
    content_length,
    readable,
)
from twisted_sse.transport.refusal import Refusal

__all__ = ["HEADER_LIST_BYTES", "BoundedDecoder", "Fields", "MalformedRequest", "check_fields"]

Fields = list[tuple[bytes, bytes]]

#: The most bytes of a request's headers that clients are told: names, values, and 32
#: bytes for each header, as much as HTTP/1.1 accepts.
HEADER_LIST_BYTES = LINE_BYTES + HEADER_BYTES

# The most that are decoded, to answer a larger list with 414 or 431.
_DECODED_BYTES = 2 * HEADER_LIST_BYTES

# RFC 9113, 10.5.1: what each field counts besides its bytes.
_FIELD_BYTES = 32

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PATH = re.compile(rb"/[!-~]*")

# RFC 9110, 5.5: control characters make a field value invalid.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_REQUEST = HeaderValidationFlags(
    is_client=False, is_trailer=False, is_response_header=False, is_push_promise=False
)
_TRAILERS = _REQUEST._replace(is_trailer=True)


class MalformedRequest(Exception):
    """
    RFC 9113, 8.1.1: "Malformed requests [...] MUST be treated as a stream error".
    """


class CompressionError(ProtocolError):
    """
    A list of headers cannot be decoded.
    """

    error_code = ErrorCodes.COMPRESSION_ERROR


class BoundedDecoder(Decoder):
    """
    Reports decoding errors with the error code of the standard.

    RFC 9113: "A decoding error in a field block MUST be treated as a connection
    error [...] of type COMPRESSION_ERROR".
    """

    def __init__(self) -> None:
        super().__init__()
        self.max_header_list_size = _DECODED_BYTES

    def decode(self, data: bytes, raw: bool = False) -> Any:
        """
        See `hpack.Decoder.decode`.
        """
        try:
            return super().decode(data, raw)
        except OversizedHeaderListError:
            raise
        except HPACKError as error:
            raise CompressionError(f"Error decoding header block: {error}") from error


def check_fields(fields: Fields, *, is_trailer: bool) -> Fields:
    """
    Validate the fields of a request, or of its trailer section.

    Returns:
        The fields, with values that are UTF-8.

    Raises:
        MalformedRequest: They break a rule of RFC 9113.

        Refusal: They are well-formed, and this server does not accept them.
    """
    try:
        checked = list(validate_headers(fields, _TRAILERS if is_trailer else _REQUEST))
    except ProtocolError as error:
        raise MalformedRequest(str(error)) from None
    for name, value in checked:
        if not _TOKEN.fullmatch(name.removeprefix(b":")):
            raise MalformedRequest("A name is no token")
        if _CONTROL.search(value):
            raise MalformedRequest("A value has a control character")
    if not is_trailer:
        _check_request(checked)
    return [(name, readable(value)) for name, value in checked]


def _check_request(fields: Fields) -> None:
    pseudo = dict(one for one in fields if one[0][:1] == b":")
    path, method = pseudo.get(b":path", b""), pseudo[b":method"]
    if not _TOKEN.fullmatch(method):
        raise MalformedRequest("The method is no token")
    # RFC 9113, 8.3.1: ":authority MUST NOT include the deprecated userinfo subcomponent".
    if b"@" in pseudo.get(b":authority", b""):
        raise MalformedRequest("The authority has user information")
    lengths = [value for name, value in fields if name == b"content-length"]
    if len(lengths) > 1:
        raise MalformedRequest("There is more than one length")
    try:
        for value in lengths:
            content_length(value)
    except Refusal as error:
        raise MalformedRequest(error.detail) from None
    _check_size(fields, path)
    if method == b"CONNECT":
        raise Refusal(405, "This server is not a proxy: CONNECT is not supported.")
    if not _PATH.fullmatch(path) and (method, path) != (b"OPTIONS", b"*"):
        raise MalformedRequest("The path is invalid")


def _check_size(fields: Fields, path: bytes) -> None:
    if len(path) > LINE_BYTES:
        detail = f"The path has more than {LINE_BYTES} bytes: shorten the URL."
        raise Refusal(414, detail, "request_line")
    size = sum(len(name) + len(value) + _FIELD_BYTES for name, value in fields)
    if size - len(path) > HEADER_BYTES:
        detail = f"The headers have more than {HEADER_BYTES} bytes: send fewer, or shorter ones."
        raise Refusal(431, detail, "headers")
