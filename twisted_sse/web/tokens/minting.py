"""
Makes tokens: for tests, for programs of one's own, and for ``twisted-sse token``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from twisted_sse.web.tokens.keys import TokenKey, public_key, secret_key
from twisted_sse.web.tokens.mercure1 import DETAIL_TYPE
from twisted_sse.web.tokens.pyjwt import load_jws
from twisted_sse.web.tokens.strictjson import write_json

__all__ = ["SigningKey", "mercure_0_claims", "mercure_1_claims", "sign", "signing_key"]


class SigningKey(NamedTuple):
    """
    A key that makes tokens.

    Attributes:
        material: A secret, or a private key of the cryptography package.

        verifies: The key that verifies them.
    """

    material: Any
    verifies: TokenKey


def signing_key(text: bytes, algorithms: Sequence[str] | None = None) -> SigningKey:
    """
    Make a key from a PEM private key, or else from a secret.

    Args:
        algorithms: Allow only these.

    Raises:
        ValueError: It cannot be used; half a sentence that says why.
    """
    if b"-----BEGIN " not in text:
        return SigningKey(text, secret_key(text, algorithms))
    try:
        private = load_pem_private_key(text, password=None)
    except TypeError:
        raise ValueError(
            "the key has a passphrase: decrypt it, with openssl pkey -in key.pem -out plain.pem"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the PEM text is not a private key that can be read") from None
    return SigningKey(private, public_key(private.public_key(), algorithms))


def sign(key: SigningKey, claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """
    Write a token, signed by the first algorithm that *key* is for.

    Args:
        header: What the header has beside ``alg``.
    """
    algorithm = key.verifies.algorithms[0]
    token: str = load_jws().encode(
        write_json(claims).encode("utf-8"), key.material, algorithm=algorithm, headers=dict(header)
    )
    return token


def mercure_0_claims(
    publish: Sequence[str], subscribe: Sequence[str], payload: Any = None
) -> dict[str, Any]:
    """
    The claims of Mercure 0.x that grant these topics.

    Args:
        payload: What others may be told about the subscriptions; ``None`` for nothing.
    """
    lists = {"publish": list(publish), "subscribe": list(subscribe)}
    claim: dict[str, Any] = {action: topics for action, topics in lists.items() if topics}
    return {"mercure": claim if payload is None else {**claim, "payload": payload}}


def mercure_1_claims(
    publish: Sequence[tuple[str, str]], subscribe: Sequence[tuple[str, str]], payload: Any = None
) -> dict[str, Any]:
    """
    The claims of Mercure 1.0 that grant these topics.

    Args:
        publish, subscribe: Pairs of a match type, ``exact`` or ``urlpattern``, and what
            is to be matched.

        payload: As for `mercure_0_claims`.
    """
    details: list[dict[str, Any]] = []
    for action, topics in (("publish", publish), ("subscribe", subscribe)):
        if topics:
            matches = [_match(kind, text) for kind, text in topics]
            details.append({"type": DETAIL_TYPE, "actions": [action], "topics": matches})
            if action == "subscribe" and payload is not None:
                details[-1]["payload"] = payload
    return {"authorization_details": details}


def _match(kind: str, text: str) -> dict[str, str]:
    return {"match": text} if kind == "exact" else {"match": text, "match_type": kind}
