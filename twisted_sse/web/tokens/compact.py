"""
The compact form of a token: three parts in base64url with points between them.

Comments that begin with "RFC 7515:" quote JSON Web Signature.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

from twisted_sse.web.tokens.refusal import TokenRefused, shown
from twisted_sse.web.tokens.strictjson import read_object

__all__ = ["MAX_TOKEN_SIZE", "Token", "parse_token"]

#: The most bytes of a token.  Browsers keep cookies of at most 4 KiB, and servers take
#: headers of about 8 KiB.
MAX_TOKEN_SIZE = 8 * 1024

# RFC 7515: "BASE64URL(UTF8(JWS Protected Header)) || '.' || BASE64URL(JWS Payload) ||
# '.' || BASE64URL(JWS Signature)", "with all trailing '=' characters omitted".  The
# signature is empty if the algorithm is "none".
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)", re.ASCII)


class Token(NamedTuple):
    """
    A token, whose signature may not be verified yet.

    Attributes:
        text: The token itself.  It is a secret.

        header: Says how the token is signed; trust nothing about it.

        payload: The claims, as JSON.
    """

    text: str
    header: dict[str, Any]
    payload: bytes

    @property
    def algorithm(self) -> str:
        """
        The algorithm by which it says that it is signed.
        """
        algorithm: str = self.header["alg"]
        return algorithm

    @property
    def key_id(self) -> str | None:
        """
        The name of the key by which it says that it is signed.
        """
        return self.header.get("kid")

    def claims(self) -> dict[str, Any]:
        """
        Read the claims.

        Raises:
            TokenRefused: They are not a JSON object.
        """
        try:
            return read_object(self.payload)
        except ValueError as error:
            raise TokenRefused(f"its payload {error}") from None


def parse_token(data: bytes) -> Token:
    """
    Parse a token without verifying it.

    Args:
        data: Sent by the client, so trust nothing about it.

    Raises:
        TokenRefused: It is no token, is too large, or has a header that is not understood.
    """
    if len(data) > MAX_TOKEN_SIZE:
        raise TokenRefused(f"it has {len(data)} bytes, more than {MAX_TOKEN_SIZE}")
    text = data.decode("latin-1")
    found = _COMPACT.fullmatch(text)
    if found is None:
        raise TokenRefused("it is not a JWT: three parts in base64url with points between them")
    header, payload = (_decode(part) for part in found.groups()[:2])
    return Token(text, _read_header(header), payload)


def _decode(part: str) -> bytes:
    try:
        data = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise TokenRefused("one of its parts is not base64url") from None
    # Bits beyond the last byte would be ignored, so one token would have several texts.
    if urlsafe_b64encode(data).rstrip(b"=").decode("ascii") != part:
        raise TokenRefused("one of its parts is not base64url")
    return data


def _read_header(data: bytes) -> dict[str, Any]:
    try:
        header = read_object(data)
    except ValueError as error:
        raise TokenRefused(f"its header {error}") from None
    if not isinstance(header.get("alg"), str):
        raise TokenRefused("its header names no algorithm (alg)")
    for name in ("kid", "typ"):
        if not isinstance(header.get(name, ""), str):
            raise TokenRefused(f"{name} in its header is {shown(header[name])}, not a text")
    # RFC 7515: "If any of the listed extension Header Parameters are not understood and
    # supported by the recipient, then the JWS is invalid."  None is supported here.
    for name in ("crit", "b64"):
        if name in header:
            raise TokenRefused(f"its header has {name}, which is not supported")
    return header
