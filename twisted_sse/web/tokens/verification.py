"""
Verifies tokens, and turns their claims into grants.

The order: size and form, signature, dates, issuer and audience, and what is granted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.web.tokens import claims as standard
from twisted_sse.web.tokens.compact import Token, parse_token
from twisted_sse.web.tokens.keys import TokenKey
from twisted_sse.web.tokens.mercure0 import read_mercure_claim
from twisted_sse.web.tokens.mercure1 import read_authorization_details
from twisted_sse.web.tokens.pyjwt import load_jws, load_jwt
from twisted_sse.web.tokens.refusal import TokenRefused, listed, shown
from twisted_sse.web.tokens.sources import KeySource

__all__ = [
    "MERCURE_0",
    "MERCURE_1",
    "PROTOCOLS",
    "Rules",
    "Verifier",
    "check_signature",
    "grant_of",
    "protocol_of",
]

#: The protocol of tokens with the claim ``mercure``.
MERCURE_0: Final = "mercure-0.x"
#: The protocol of tokens with the type ``at+jwt``.
MERCURE_1: Final = "mercure-1.0"

#: The protocols whose tokens are understood.
PROTOCOLS: Final = (MERCURE_0, MERCURE_1)

# RFC 9068, 2.1: "MUST include this media type in the "typ" header parameter", with or
# without "application/"; RFC 2045: media types are case-insensitive.
_ACCESS_TOKEN = ("at+jwt", "application/at+jwt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    Which tokens are accepted.

    Attributes:
        audience: The names of this hub; if empty, those in a token do not matter, and
            tokens of Mercure 1.0 are refused.

        issuer: The issuer; ``None`` as an empty *audience*.

        protocols: Those of `PROTOCOLS` that are accepted.

        leeway: By how many seconds the issuer's clock may be ahead.

        hub_url: The URL of the hub, which relative URL patterns belong to.
    """

    audience: Collection[str] = ()
    issuer: str | None = None
    protocols: Collection[str] = PROTOCOLS
    leeway: float = 10.0
    hub_url: str = ""


class Verifier:
    """
    Verifies tokens.

    Args:
        keys: Verify their signatures.

        now: Returns the date, in seconds since 1970.
    """

    def __init__(self, keys: KeySource, rules: Rules, now: Callable[[], float]) -> None:
        self._keys = keys
        self._rules = rules
        self._now = now

    def verify(self, data: bytes) -> Grant | Deferred[Grant]:
        """
        Verify a token, and return what it grants.

        Args:
            data: Sent by the client, so trust nothing about it.

        Returns:
            The grant; a `Deferred` only if a key has to be fetched.

        Raises:
            TokenRefused, Problem: See `KeySource.find` and `grant_of`; also as failures
                of the `Deferred`.
        """
        token = parse_token(data)
        # Before a key is looked for: what the key cannot change.
        _check_protocol(token, self._rules)
        found = self._keys.find(token)
        if isinstance(found, Deferred):
            return found.addCallback(lambda keys: self._finish(token, keys))
        return self._finish(token, found)

    def _finish(self, token: Token, keys: Sequence[TokenKey]) -> Grant:
        key = check_signature(token, keys)
        return grant_of(token, self._rules, self._now(), key)


def grant_of(token: Token, rules: Rules, now: float, key: TokenKey | None = None) -> Grant:
    """
    Check the claims of *token*, and return what they grant.

    Args:
        now: The date, in seconds since 1970.

        key: The key that has verified it.

    Raises:
        TokenRefused: It is not accepted.
    """
    claims = token.claims()
    protocol = protocol_of(token)
    standard.check_time(claims, now, rules.leeway)
    _check_parties(claims, protocol, rules)
    if protocol == MERCURE_1:
        if standard.expiry(claims) is None:
            raise TokenRefused("it has no exp, which a token of Mercure 1.0 needs")
        granted = read_authorization_details(claims, rules.hub_url)
    else:
        granted = read_mercure_claim(claims)
    return Grant(
        standard.subject(claims),
        subscribe=granted.subscribe,
        publish=granted.publish,
        public=True,
        expires=standard.expiry(claims),
        payloads=granted.payloads,
        authority=None if key is None else key.authority,
    )


def protocol_of(token: Token) -> str:
    """
    The protocol that *token* belongs to, one of `PROTOCOLS`.
    """
    return MERCURE_1 if token.header.get("typ", "").lower() in _ACCESS_TOKEN else MERCURE_0


def _check_protocol(token: Token, rules: Rules) -> None:
    protocol = protocol_of(token)
    if protocol not in rules.protocols:
        raise TokenRefused(
            f"typ is {shown(token.header.get('typ'))}, a token of {protocol}, and only"
            f" {listed(rules.protocols)} is accepted"
        )


def _check_parties(claims: Any, protocol: str, rules: Rules) -> None:
    if protocol == MERCURE_1 and (rules.issuer is None or not rules.audience):
        missing = "issuer" if rules.issuer is None else "audience"
        raise TokenRefused(
            f"a token of Mercure 1.0 needs an {missing}, and this hub has none configured"
        )
    if rules.issuer is not None:
        standard.check_issuer(claims, rules.issuer)
    if rules.audience:
        standard.check_audience(claims, rules.audience)


def check_signature(token: Token, keys: Sequence[TokenKey]) -> TokenKey:
    """
    Return the first of *keys* that *token* is signed with.

    Args:
        keys: Those of `KeySet.candidates`, which are for the algorithm of *token*.

    Raises:
        TokenRefused: It is signed with none of them.
    """
    jws, error = load_jws(), load_jwt().PyJWTError
    for key in keys:
        try:
            jws.decode_complete(token.text, key.material, algorithms=list(key.algorithms))
        except error:
            continue
        return key
    name = "" if token.key_id is None else f" {shown(token.key_id)}"
    raise TokenRefused(f"its signature is not of the key{name}")
