"""
The options of ``twistd sse`` that say who may read and publish: tokens, cookies, and
client certificates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from twisted.python import usage

from twisted_sse import units

__all__ = ["AccessConfig", "AccessOptions", "KeyConfig", "Role", "read_access"]

#: Whose tokens a key is for; empty for both.
Role = Literal["", "publisher", "subscriber"]

ClientAuth = Literal["required", "optional"]

ClientGrant = Literal["publish", "subscribe", "both"]

# The five options about keys, by the attribute of `KeyConfig`.  The name of a role
# stands after the first word, as in --jwt-publisher-key.
_KEY_OPTIONS = {
    "key": ("jwt", "key", "a secret; other users see it in the list of processes"),
    "key_file": ("jwt", "key-file", "a file with a PEM public key, or with a secret"),
    "jwks_file": ("jwks", "file", "a file with a JSON Web Key Set"),
    "jwks_url": ("jwks", "url", "the URL of a JSON Web Key Set"),
    "algorithms": ("jwt", "alg", "the algorithms to accept, such as RS256,ES256"),
}

_WHOSE = {"": "Tokens", "publisher": "Publishers' tokens", "subscriber": "Subscribers' tokens"}


@dataclass(frozen=True, kw_only=True)
class KeyConfig:
    """
    The key of tokens, as one role has it.

    Attributes:
        algorithms: Those to accept; ``None`` for all that the key is for.
    """

    role: Role = ""
    key: str | None = field(default=None, repr=False)
    key_file: str | None = None
    jwks_file: str | None = None
    jwks_url: str | None = None
    algorithms: Sequence[str] | None = None

    @property
    def sources(self) -> dict[str, str]:
        """
        What says where the keys are, by the name of the attribute.
        """
        names = ("key", "key_file", "jwks_file", "jwks_url")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def option(self, name: str) -> str:
        """
        The option, without its dashes, that attribute *name* is from.
        """
        return _option(name, self.role)


@dataclass(frozen=True, kw_only=True)
class AccessConfig:
    """
    Who may read and publish, beside those with one of the tokens in a file.

    Attributes:
        keys: By role.

        client_ca: The file with the CA certificates of clients.

        client_auth: Whether clients without a certificate are refused.

        client_grant: What clients with a certificate may do.
    """

    keys: Sequence[KeyConfig] = ()
    audience: Sequence[str] = ()
    issuer: str | None = None
    cookies: Sequence[str] | None = None
    token_in_query: bool = False
    publish_origins: Sequence[str] = ()
    client_ca: str | None = None
    client_auth: ClientAuth = "required"
    client_grant: ClientGrant = "both"


def _option(name: str, role: str) -> str:
    first, rest, _ = _KEY_OPTIONS[name]
    return "-".join(filter(None, [first, role, rest]))


def _choice(choices: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
        return text

    return read


def _parameters() -> list[list[str | None]]:
    return [
        [_option(name, role), None, None, f"{whose}: {what}."]
        for role, whose in _WHOSE.items()
        for name, (_, _, what) in _KEY_OPTIONS.items()
    ]


# The functions that read the values of options, and the attributes that get them.
_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "jwt-issuer": ("issuer", str),
    "token-in-query": ("token_in_query", units.yes_or_no),
    "tls-client-ca": ("client_ca", str),
    "tls-client-auth": ("client_auth", _choice(get_args(ClientAuth))),
    "tls-client-grant": ("client_grant", _choice(get_args(ClientGrant))),
}

# Options that may be repeated, and the attributes that get their values.
_REPEATED = {
    "jwt-audience": "audience",
    "cookie": "cookies",
    "publish-origin": "publish_origins",
}

# Options that mean nothing without a key.
_FOR_TOKENS = ("jwt-audience", "jwt-issuer", "cookie", "token-in-query")


class AccessOptions(usage.Options):
    """
    Adds the options about access.
    """

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        *_parameters(),
        ["jwt-issuer", None, None, "Tokens: what iss must be."],
        ["token-in-query", None, None, "Whether the URL may have the token, yes or no [no]."],
        ["tls-client-ca", None, None, "A PEM file: ask clients for certificates of these CAs."],
        ["tls-client-auth", None, None, "Whether they need one, required or optional [required]."],
        [
            "tls-client-grant",
            None,
            None,
            "What they may do with it: publish, subscribe or both [both].",
        ],
    ]

    def __init__(self) -> None:
        super().__init__()
        for option in _REPEATED:
            self[option] = []

    def opt_jwt_audience(self, text: str) -> None:
        """
        Tokens: a name of this hub, one of which aud must have; repeatable.
        """
        self["jwt-audience"].append(text)

    def opt_cookie(self, text: str) -> None:
        """
        The name of a cookie that may have the token; repeatable [those of Mercure].
        """
        self["cookie"].append(text)

    def opt_publish_origin(self, text: str) -> None:
        """
        An origin whose pages may publish with their visitor's cookie; repeatable.
        """
        self["publish-origin"].append(text)


def read_access(options: usage.Options) -> AccessConfig:
    """
    Read the options about access.

    Raises:
        usage.UsageError: One of them is invalid.
    """
    values: dict[str, Any] = {name: options[option] for option, name in _REPEATED.items()}
    values["cookies"] = values["cookies"] or None
    for option, (name, read) in _READERS.items():
        if options[option] is not None:
            values[name] = _read(option, read, options[option])
    keys = [_key_config(options, role) for role in get_args(Role)]
    values["keys"] = [one for one in keys if one.sources]
    for option in _FOR_TOKENS:
        if options[option] and not values["keys"]:
            raise usage.UsageError(
                f"--{option}: it is for tokens with a key: add --jwt-key-file, or leave it out."
            )
    return AccessConfig(**values)


def _key_config(options: usage.Options, role: Role) -> KeyConfig:
    given = {name: options[_option(name, role)] for name in _KEY_OPTIONS}
    if given["algorithms"] is not None:
        given["algorithms"] = [one.strip() for one in given["algorithms"].split(",")]
    config = KeyConfig(role=role, **given)
    sources = list(config.sources)
    if len(sources) > 1:
        first, second = (_option(name, role) for name in sources[:2])
        raise usage.UsageError(f"--{second}: there is --{first} already; give one of them.")
    if config.algorithms is not None and not sources:
        raise usage.UsageError(
            f"--{_option('algorithms', role)}: it needs a key, such as"
            f" --{_option('key_file', role)}."
        )
    return config


def _read(option: str, read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise usage.UsageError(f"--{option}: {error}.") from None
