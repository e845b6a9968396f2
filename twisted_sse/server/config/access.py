"""
The part of the configuration that says who may read and publish, beside those with one of
the tokens in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from twisted_sse.server.config.options.tokens import ROLES, key_option

__all__ = ["AccessConfig", "KeyConfig"]

_SOURCES = ("key", "key_file", "jwks_file", "jwks_url")


@dataclass(frozen=True, kw_only=True)
class KeyConfig:
    """
    The key of tokens, as one role has it.

    Attributes:
        role: Whose tokens it is for; empty for those of both.

        sources: What says where it is, by the argument of `JWT`.  It may be a secret.

        algorithms: Those to accept; ``None`` for all that the key is for.
    """

    role: str
    sources: dict[str, str] = field(repr=False)
    algorithms: Sequence[str] | None

    def option(self, argument: str) -> str:
        """
        The option, without its dashes, that an argument of `JWT` is from.
        """
        return key_option(argument, self.role)


@dataclass(frozen=True, kw_only=True)
class AccessConfig:
    """
    Attributes:
        jwt_key: May be a secret, as may those of the roles.

        tls_client_ca: The file with the CA certificates of clients.
    """

    jwt_key: str | None = field(repr=False)
    jwt_key_file: str | None
    jwks_file: str | None
    jwks_url: str | None
    jwt_alg: Sequence[str] | None
    jwt_publisher_key: str | None = field(repr=False)
    jwt_publisher_key_file: str | None
    jwks_publisher_file: str | None
    jwks_publisher_url: str | None
    jwt_publisher_alg: Sequence[str] | None
    jwt_subscriber_key: str | None = field(repr=False)
    jwt_subscriber_key_file: str | None
    jwks_subscriber_file: str | None
    jwks_subscriber_url: str | None
    jwt_subscriber_alg: Sequence[str] | None
    jwt_audience: Sequence[str]
    jwt_issuer: str | None
    cookies: Sequence[str]
    token_in_query: bool
    publish_origins: Sequence[str]
    tls_client_ca: str | None
    tls_client_auth: str
    tls_client_grant: str

    @property
    def keys(self) -> Sequence[KeyConfig]:
        """
        What is given about keys, by role.
        """
        return [one for one in map(self._key, ROLES) if one.sources or one.algorithms]

    def _key(self, role: str) -> KeyConfig:
        def given(argument: str) -> object:
            return getattr(self, key_option(argument, role).replace("-", "_"))

        sources = {name: str(given(name)) for name in _SOURCES if given(name) is not None}
        algorithms = given("algorithms")
        assert algorithms is None or isinstance(algorithms, Sequence)
        return KeyConfig(role=role, sources=sources, algorithms=algorithms)
