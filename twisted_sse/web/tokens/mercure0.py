"""
What a token of Mercure 0.x grants: the claim ``mercure``.

Comments that begin with "Mercure 0.x:" follow draft-dunglas-mercure-07.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted_sse.topics import Selection
from twisted_sse.web.tokens.claims import Granted
from twisted_sse.web.tokens.refusal import TokenRefused, shown
from twisted_sse.web.tokens.selectors import selection_of, selector

__all__ = ["read_mercure_claim"]

# Mercure 0.x: the claim may also be namespaced, for issuers that allow nothing else.
_NAMES = ("mercure", "https://mercure.rocks/")


def read_mercure_claim(claims: Mapping[str, Any]) -> Granted:
    """
    Read what a token grants.  Without the claim it grants nothing.

    Raises:
        TokenRefused: The claim is malformed; no part of it is accepted then.
    """
    found = [name for name in _NAMES if name in claims]
    if len(found) > 1:
        raise TokenRefused(f"it has both {found[0]} and {found[1]}")
    if not found:
        return Granted((), (), ())
    name, claim = found[0], claims[found[0]]
    if not isinstance(claim, Mapping):
        raise TokenRefused(f"{name} is {shown(claim)}, not an object")
    # Mercure 0.x: one payload for all subscriptions.
    everything = Selection.of("*")
    return Granted(
        _topics(claim, name, "subscribe"),
        _topics(claim, name, "publish"),
        ((everything, claim["payload"]),) if "payload" in claim else (),
    )


def _topics(claim: Mapping[str, Any], name: str, action: str) -> Selection | tuple[()]:
    where = f"{name}.{action}"
    texts = claim.get(action)
    # Some issuers write null for an empty list.
    if texts is None:
        return ()
    if not isinstance(texts, list):
        raise TokenRefused(f"{where} is {shown(texts)}, not a list")
    return selection_of([selector(text, where) for text in texts], where)
