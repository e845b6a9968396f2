"""
PyJWT, which makes and verifies signatures; it comes with an extra.

It is imported when it is needed, so that the package works without it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["load_jws", "load_jwt"]

# Older ones accept forged tokens: CVE-2026-48526.
_OLDEST = (2, 13)


@cache
def load_jwt() -> Any:
    """
    Import PyJWT.

    Raises:
        ModuleNotFoundError: It is not installed, or too old.
    """
    try:
        import jwt
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "tokens need PyJWT: pip install 'twisted-sse[jwt]'", name="jwt"
        ) from None
    version = getattr(jwt, "__version__", "0")
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < _OLDEST:
        raise ModuleNotFoundError(
            f"PyJWT {version} accepts forged tokens: pip install --upgrade 'twisted-sse[jwt]'",
            name="jwt",
        )
    return jwt


@cache
def load_jws() -> Any:
    """
    Import PyJWT, and return what makes and verifies signatures.

    Raises:
        ModuleNotFoundError: It is not installed, or too old.
    """
    return load_jwt().PyJWS(options={"enforce_minimum_key_length": True})
