"""
The claims of a token that every token may have: when, by whom, for whom, about whom.

Comments that begin with "RFC 7519:" quote JSON Web Token.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from twisted_sse.topics import Selection
from twisted_sse.web.tokens.refusal import TokenRefused, listed, shown

__all__ = ["Granted", "check_audience", "check_issuer", "check_time", "expiry", "subject"]

# Any date beyond is not one, and may not fit into a float.  In seconds since 1970.
_LATEST = 1 << 50


class Granted(NamedTuple):
    """
    What a token grants.

    Attributes:
        subscribe: The topics that it may read.

        publish: The topics that it may publish to.

        payloads: As for `Grant`.
    """

    subscribe: Selection | tuple[()]
    publish: Selection | tuple[()]
    payloads: tuple[tuple[Selection | tuple[()], Any], ...]


def expiry(claims: Mapping[str, Any]) -> float | None:
    """
    When a token expires, in seconds since 1970; ``None`` if it never does.

    Raises:
        TokenRefused: ``exp`` is not a date.
    """
    return _date(claims, "exp")


def check_time(claims: Mapping[str, Any], now: float, leeway: float) -> None:
    """
    Refuse a token that has expired, or is not valid yet.

    Args:
        leeway: By how many seconds the issuer's clock may be ahead.  A token ends at its
            ``exp`` exactly, as its stream does.

    Raises:
        TokenRefused: It is not valid now.
    """
    expires, begins = expiry(claims), _date(claims, "nbf")
    # RFC 7519: "on or after which the JWT MUST NOT be accepted".
    if expires is not None and expires <= now:
        raise TokenRefused(f"it expired {now - expires:.0f} s ago")
    if begins is not None and begins - leeway > now:
        raise TokenRefused(f"it is not valid for another {begins - now:.0f} s (nbf)")


def check_issuer(claims: Mapping[str, Any], issuer: str) -> None:
    """
    Refuse a token of another issuer.

    Raises:
        TokenRefused: ``iss`` is another, or missing.
    """
    # RFC 7519: "The "iss" value is a case-sensitive string".
    found = claims.get("iss")
    if found != issuer:
        raise TokenRefused(
            f"it has no iss, and this hub trusts {issuer!r}"
            if found is None
            else f"iss is {shown(found)}, this hub trusts {issuer!r}"
        )


def check_audience(claims: Mapping[str, Any], audience: Collection[str]) -> None:
    """
    Refuse a token that is for others.

    Args:
        audience: The names of this hub.

    Raises:
        TokenRefused: ``aud`` has others only, or is missing.
    """
    found = claims.get("aud")
    names = listed(repr(one) for one in audience)
    if found is None:
        raise TokenRefused(f"it has no aud, this hub is {names}")
    # RFC 7519: "In the general case, the "aud" value is an array of case-sensitive
    # strings", and in the special case a single one.
    several = [found] if isinstance(found, str) else found
    if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
        raise TokenRefused(f"aud is {shown(found)}, neither a text nor a list of texts")
    if not set(several) & set(audience):
        raise TokenRefused(f"aud is {shown(found)}, this hub is {names}")


def subject(claims: Mapping[str, Any]) -> str | None:
    """
    The user that a token is about.

    Raises:
        TokenRefused: ``sub`` is not a text that can be written.
    """
    found = claims.get("sub")
    if found is None:
        return None
    if not isinstance(found, str) or not found:
        raise TokenRefused(f"sub is {shown(found)}, not a name")
    try:
        found.encode("utf-8")
    except UnicodeEncodeError:
        raise TokenRefused(f"sub is {shown(found)}, which has a lone surrogate") from None
    return found


def _date(claims: Mapping[str, Any], name: str) -> float | None:
    found = claims.get(name)
    if found is None:
        return None
    # bool is an int for Python.
    if isinstance(found, bool) or not isinstance(found, int | float) or abs(found) > _LATEST:
        raise TokenRefused(f"{name} is {shown(found)}, not a date in seconds since 1970")
    return float(found)
