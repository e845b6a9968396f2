"""
Explains a token: what it grants, until when, and why it would be refused.

Without a key its signature is not verified, so anybody may have written what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted_sse.topics import Selection
from twisted_sse.web.tokens import claims as standard
from twisted_sse.web.tokens.claims import Granted
from twisted_sse.web.tokens.compact import Token, parse_token
from twisted_sse.web.tokens.keyset import KeySet
from twisted_sse.web.tokens.mercure0 import read_mercure_claim
from twisted_sse.web.tokens.mercure1 import read_authorization_details
from twisted_sse.web.tokens.refusal import TokenRefused
from twisted_sse.web.tokens.verification import MERCURE_1, Rules, check_signature, protocol_of

__all__ = ["Explanation", "explain_token"]


@dataclass(kw_only=True)
class Explanation:
    """
    What is known about a token.

    Attributes:
        protocol: One of `PROTOCOLS`; empty if it is no token at all.

        algorithm: The algorithm by which it says that it is signed.

        key_id: The name of the key by which it says that it is signed.

        claims: All that it says.

        user: The user.

        publish: The topics that it may publish to.

        subscribe: The topics whose private events it may read.

        payloads: What others may be told about its subscriptions, each with the topics
            that it is for.

        expires: In seconds since 1970; ``None`` for never.

        verified: Whether its signature is right; ``None`` without a key.

        refusals: Why it would be refused, each as half a sentence.
    """

    protocol: str = ""
    algorithm: str = ""
    key_id: str | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    user: str | None = None
    publish: list[str] = field(default_factory=list)
    subscribe: list[str] = field(default_factory=list)
    payloads: list[tuple[list[str], Any]] = field(default_factory=list)
    expires: float | None = None
    verified: bool | None = None
    refusals: list[str] = field(default_factory=list)


def explain_token(data: bytes, rules: Rules, now: float, keys: KeySet | None = None) -> Explanation:
    """
    Explain a token.

    Args:
        rules: Those of the hub.  Its audience and its issuer are compared only if they
            are known.

        now: The date, in seconds since 1970.

        keys: Verify its signature.
    """
    found = Explanation()
    try:
        token = parse_token(data)
        found.protocol, found.algorithm = protocol_of(token), token.algorithm
        found.key_id = token.key_id
        if keys is not None:
            found.verified = _check(found, lambda: check_signature(token, keys.candidates(token)))
        elif token.algorithm == "none":
            found.refusals.append("it is not signed")
        found.claims = token.claims()
    except TokenRefused as error:
        found.refusals.append(error.reason)
    else:
        _explain_claims(found, token, rules, now)
    return found


def _explain_claims(found: Explanation, token: Token, rules: Rules, now: float) -> None:
    claims = found.claims
    _check(found, lambda: standard.check_time(claims, now, rules.leeway))
    if rules.issuer is not None:
        issuer = rules.issuer
        _check(found, lambda: standard.check_issuer(claims, issuer))
    if rules.audience:
        _check(found, lambda: standard.check_audience(claims, rules.audience))
    if found.protocol == MERCURE_1:
        for name in ("iss", "aud", "exp"):
            if claims.get(name) is None:
                found.refusals.append(f"it has no {name}, which a token of Mercure 1.0 needs")
    try:
        found.user, found.expires = standard.subject(claims), standard.expiry(claims)
        granted = _granted(found, rules)
    except TokenRefused as error:
        if error.reason not in found.refusals:
            found.refusals.append(error.reason)
        return
    found.publish, found.subscribe = _texts(granted.publish), _texts(granted.subscribe)
    found.payloads = [(_texts(topics), value) for topics, value in granted.payloads]


def _granted(found: Explanation, rules: Rules) -> Granted:
    if found.protocol == MERCURE_1:
        return read_authorization_details(found.claims, rules.hub_url)
    return read_mercure_claim(found.claims)


def _check(found: Explanation, check: Callable[[], object]) -> bool:
    try:
        check()
    except TokenRefused as error:
        found.refusals.append(error.reason)
        return False
    return True


def _texts(selection: Selection | tuple[()]) -> list[str]:
    if not isinstance(selection, Selection):
        return []
    if selection.everything:
        return ["*"]
    return [*sorted(selection.exact), *(pattern.text for pattern in selection.patterns)]
