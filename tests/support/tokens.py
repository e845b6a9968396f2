"""
Keys and tokens, made without the code that is tested.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = [
    "DETAIL",
    "SECRET",
    "SIGNERS",
    "access_token",
    "compact",
    "detail",
    "jwk",
    "jwks",
    "pem",
    "signed",
    "signer",
]

#: A secret for HS256; the example of the Mercure documentation.
SECRET = b"!ChangeThisMercureHubJWTSecretKey!"

#: The type of the details of Mercure 1.0.
DETAIL = "https://mercure.rocks/authorization-detail"

#: One key of each kind by its algorithm.
SIGNERS = ("RS256", "PS256", "ES256", "EdDSA")


@cache
def signer(algorithm: str, name: str = "") -> Any:
    """
    A private key for *algorithm*; the same one for the same *name*.
    """
    if algorithm in ("RS256", "PS256"):
        return rsa.generate_private_key(65537, 2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> bytes:
    """
    The public key of a private one, as PEM.
    """
    data: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return data


def compact(header: Any, claims: Any, signature: bytes = b"") -> str:
    """
    Write a token with a signature that may be wrong.
    """
    return f"{_signed_part(header, claims)}.{_base64(signature)}"


def signed(
    claims: Any,
    *,
    key: Any = SECRET,
    algorithm: str = "HS256",
    header: Mapping[str, Any] | None = None,
) -> str:
    """
    Write a token, and sign it as RFC 7518 says.
    """
    part = _signed_part({"typ": "JWT", "alg": algorithm, **(header or {})}, claims)
    return f"{part}.{_base64(_sign(part.encode(), key, algorithm))}"


def access_token(*details: Any, key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """
    Write and sign a token of Mercure 1.0, for the hub ``https://hub.example/``.
    """
    full = {
        "iss": "https://issuer.example",
        "aud": "https://hub.example/",
        "exp": 1000,
        "authorization_details": list(details),
        **claims,
    }
    full = {name: value for name, value in full.items() if value is not None}
    return signed(full, key=key, algorithm=algorithm, header={"typ": "at+jwt"})


def detail(*topics: Any, actions: Any = ("subscribe",), **members: Any) -> dict[str, Any]:
    """
    A detail of Mercure 1.0; a str is the exact name of a topic.
    """
    written = [{"match": one} if isinstance(one, str) else one for one in topics]
    return {"type": DETAIL, "actions": list(actions), "topics": written, **members}


def jwk(key: Any, key_id: str | None = None, **members: Any) -> dict[str, Any]:
    """
    The public key of a private one, as a JSON Web Key.
    """
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        found = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    elif isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        found = {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}
    else:
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        found = {"kty": "OKP", "crv": "Ed25519", "x": _base64(raw)}
    return {**found, **({} if key_id is None else {"kid": key_id}), **members}


def jwks(*keys: Any) -> bytes:
    """
    Write a JSON Web Key Set.
    """
    return json.dumps({"keys": list(keys)}).encode()


def _sign(data: bytes, key: Any, algorithm: str) -> bytes:
    if algorithm == "HS256":
        return hmac.digest(key, data, "sha256")
    if algorithm == "RS256":
        return bytes(key.sign(data, padding.PKCS1v15(), SHA256()))
    if algorithm == "PS256":
        salted = padding.PSS(padding.MGF1(SHA256()), sha256().digest_size)
        return bytes(key.sign(data, salted, SHA256()))
    if algorithm == "ES256":
        # RFC 7518, 3.4: the two numbers, 32 bytes each, and not their DER.
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return bytes(key.sign(data))


def _signed_part(header: Any, claims: Any) -> str:
    return f"{_base64(_written(header))}.{_base64(_written(claims))}"


def _written(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def _number(value: int, size: int | None = None) -> str:
    return _base64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
