"""
JSON Web Key Sets: documents with the keys of an issuer.

Comments that begin with "RFC 7517:" quote that RFC.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm

from twisted_sse.web.tokens.keys import TokenKey, public_key, secret_key
from twisted_sse.web.tokens.pyjwt import load_jwt
from twisted_sse.web.tokens.refusal import shown
from twisted_sse.web.tokens.strictjson import read_object

__all__ = ["MAX_DOCUMENT_SIZE", "MAX_KEYS", "parse_jwks"]

#: The most bytes of a document: about a hundred RSA keys with their certificates.
MAX_DOCUMENT_SIZE = 256 * 1024

#: The most keys of a document.  Issuers have two or three.
MAX_KEYS = 100

# RFC 7518, 6: the public members of each kind of key.  The private ones are not read.
_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


def parse_jwks(
    data: bytes, algorithms: Sequence[str] | None = None, *, secrets: bool
) -> list[TokenKey]:
    """
    Read the keys of a document; those that are of no use here are left out.

    Args:
        algorithms: Allow only these.

        secrets: Whether to read secrets, too.

    Raises:
        ValueError: There is no key to use; half a sentence.
    """
    if len(data) > MAX_DOCUMENT_SIZE:
        raise ValueError(f"it has more than {MAX_DOCUMENT_SIZE} bytes")
    try:
        document = read_object(data)
    except ValueError as error:
        raise ValueError(f"it {error}") from None
    found = document.get("keys")
    if not isinstance(found, list):
        raise ValueError("it is not a JSON Web Key Set: the member 'keys' is missing")
    if len(found) > MAX_KEYS:
        raise ValueError(f"it has {len(found)} keys, more than {MAX_KEYS}")
    faults: list[str] = []
    keys = list(_usable(found, algorithms, secrets, faults))
    if not keys:
        raise ValueError(f"it has no key to use: {faults[0] if faults else 'it is empty'}")
    return keys


def _usable(
    found: Sequence[Any], algorithms: Sequence[str] | None, secrets: bool, faults: list[str]
) -> Iterator[TokenKey]:
    # RFC 7517: "Implementations SHOULD ignore JWKs within a JWK Set that use "kty"
    # (key type) values that are not understood by them, that are missing required
    # members, or for which values are out of the supported ranges."
    for one in found:
        try:
            yield _key(one, algorithms, secrets)
        except (ValueError, UnsupportedAlgorithm) as error:
            faults.append(str(error))


def _key(jwk: Any, algorithms: Sequence[str] | None, secrets: bool) -> TokenKey:
    if not isinstance(jwk, dict):
        raise ValueError("a key is not a JSON object")
    if jwk.get("use", "sig") != "sig":
        raise ValueError(f"a key is for {shown(jwk['use'])}, not for signatures")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise ValueError("a key is not for verifying signatures")
    key_id, algorithm = jwk.get("kid"), jwk.get("alg")
    if not isinstance(key_id, str | None) or not isinstance(algorithm, str | None):
        raise ValueError("the kid or alg of a key is not a text")
    wanted = _wanted(algorithm, algorithms)
    if jwk.get("kty") == "oct" and secrets:
        return secret_key(_secret(jwk), wanted, key_id)
    return public_key(_public(jwk), wanted, key_id)


def _wanted(algorithm: str | None, algorithms: Sequence[str] | None) -> Sequence[str] | None:
    """
    The algorithms of a key that names *algorithm* itself.
    """
    if algorithm is None:
        return algorithms
    if algorithms is not None and algorithm not in algorithms:
        raise ValueError(f"a key is for {shown(algorithm)}, which is not allowed")
    return [algorithm]


def _secret(jwk: Mapping[str, Any]) -> bytes:
    text = jwk.get("k")
    if not isinstance(text, str):
        raise ValueError("a secret has no 'k'")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _public(jwk: Mapping[str, Any]) -> Any:
    kind = jwk.get("kty")
    if not isinstance(kind, str) or kind not in _MEMBERS:
        raise ValueError(f"a key is of the kind {shown(kind)}")
    values = {name: jwk.get(name) for name in _MEMBERS[kind]}
    if not all(isinstance(value, str) for value in values.values()):
        raise ValueError(f"a key of the kind {kind} lacks one of {', '.join(values)}")
    algorithms = load_jwt().algorithms
    reader = {
        "RSA": algorithms.RSAAlgorithm,
        "EC": algorithms.ECAlgorithm,
        "OKP": algorithms.OKPAlgorithm,
    }[kind]
    try:
        return reader.from_jwk({"kty": kind, **values})
    except load_jwt().PyJWTError as error:
        raise ValueError(f"a key of the kind {kind} cannot be read: {error}") from None
