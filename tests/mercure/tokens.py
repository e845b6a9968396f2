"""
The tokens of the cases, in both versions of the protocol.

They are signed here by HMAC with SHA-256, so the suite needs no library for tokens.
"""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

__all__ = ["NEW", "OLD", "Keys", "Token"]

OLD, NEW = "mercure-0.x", "mercure-1.0"

_DETAIL = "https://mercure.rocks/authorization-detail"

# A selector: an exact topic, or a type and a text.
Selector = str | tuple[str, str]


@dataclass(frozen=True)
class Token:
    """
    What a token is to grant.

    Attributes:
        publish, subscribe: Selectors; ``None`` leaves the action out.

        payload: What others may be told.

        claims: Claims that replace the usual ones; one that is ``None`` is left out.

        header: Members of the header that replace the usual ones.

        key: ``publisher``, ``subscriber``, or another that the hub does not know.

        text: Is the token itself, whatever the rest says.
    """

    publish: tuple[Selector, ...] | None = None
    subscribe: tuple[Selector, ...] | None = None
    payload: Any = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, Any] = field(default_factory=dict)
    key: str = "publisher"
    text: str | None = None


@dataclass(frozen=True)
class Keys:
    """
    The keys of a hub, and what its tokens of version 1.0 must say.

    Attributes:
        publisher, subscriber: The secrets.

        issuer: The claim ``iss``.

        audience: The claim ``aud``.
    """

    publisher: str
    subscriber: str
    issuer: str
    audience: str

    def sign(self, token: Token, version: str) -> str:
        """
        Write *token* in *version*.
        """
        if token.text is not None:
            return token.text
        claims = self._new(token) if version == NEW else self._old(token)
        claims = {key: one for key, one in {**claims, **token.claims}.items() if one is not None}
        usual = {"alg": "HS256", "typ": "at+jwt" if version == NEW else "JWT"}
        header = {key: one for key, one in {**usual, **token.header}.items() if one is not None}
        known = {"publisher": self.publisher, "subscriber": self.subscriber}
        key = known.get(token.key, "another key, which has at least 256 bits")
        body = ".".join(map(_encoded, (_json(header), _json(claims))))
        if header.get("alg") == "none":
            return f"{body}."
        return f"{body}.{_encoded(hmac.digest(key.encode(), body.encode(), sha256))}"

    def _new(self, token: Token) -> dict[str, Any]:
        details = []
        for action, selectors in (("publish", token.publish), ("subscribe", token.subscribe)):
            if selectors is not None:
                detail: dict[str, Any] = {
                    "type": _DETAIL,
                    "actions": [action],
                    "topics": list(map(_topic, selectors)),
                }
                if action == "subscribe" and token.payload is not None:
                    detail["payload"] = token.payload
                details.append(detail)
        return {
            "iss": self.issuer,
            "aud": self.audience,
            "exp": int(time.time()) + 3600,
            "sub": "conformance",
            "client_id": "conformance",
            "iat": int(time.time()),
            "jti": "1",
            "authorization_details": details,
        }

    def _old(self, token: Token) -> dict[str, Any]:
        claim: dict[str, Any] = {}
        for action, selectors in (("publish", token.publish), ("subscribe", token.subscribe)):
            if selectors is not None:
                claim[action] = [one if isinstance(one, str) else one[1] for one in selectors]
        if token.payload is not None:
            claim["payload"] = token.payload
        # A hub may want to know the parties of these tokens, too.
        return {"mercure": claim, "iss": self.issuer, "aud": self.audience}


def _topic(selector: Selector) -> dict[str, str]:
    if isinstance(selector, str):
        return {"match": selector}
    return {"match": selector[1], "match_type": selector[0]}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
