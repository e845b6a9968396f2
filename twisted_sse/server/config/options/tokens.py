"""
The options about JSON Web Tokens, cookies and client certificates.
"""

from collections.abc import Callable, Iterator, Sequence

from twisted_sse.server.config.kinds import TEXT, YES_OR_NO, Kind
from twisted_sse.server.config.option import Option
from twisted_sse.web.tokens.keys import ALGORITHMS, check_algorithms

__all__ = ["ROLES", "TOKEN_OPTIONS", "key_option"]

#: Whose tokens a key is for; empty for those of both.
ROLES = ("", "publisher", "subscriber")

_OWNERS = {"": "of tokens", "publisher": "of publishers' tokens", "subscriber": "of subscribers'"}


def _read_algorithms(text: str) -> Sequence[str]:
    return check_algorithms(one.strip() for one in text.split(","))


def _choice(*choices: str) -> Kind:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
        return text

    return Kind(read=read, expected=" or ".join(f'"{one}"' for one in choices))


def _hide(text: str) -> str:
    return "***"


_PATH = Kind(read=str, expected='the path of a file, such as "public.pem"')
_ALGORITHMS = Kind(read=_read_algorithms, expected='algorithms, such as "RS256,ES256"')

# The options about one key, by the attribute that `KeyConfig` has for each: the word
# before the role and the one after it, the kind, what it is, and what the reference adds.
_KEY_OPTIONS: dict[str, tuple[str, str, Kind, str, str]] = {
    "key_file": (
        *("jwt", "key-file", _PATH, "A file with the key {owner}, a PEM public key or a secret"),
        "Read again at `SIGHUP`.",
    ),
    "key": (
        *("jwt", "key", TEXT, "The key {owner} itself, which other users can see"),
        "The list of processes shows it: prefer the file.",
    ),
    "jwks_file": (
        *("jwks", "file", _PATH, "A file with the keys {owner}, a JSON Web Key Set"),
        "Read again at `SIGHUP`.",
    ),
    "jwks_url": (
        *("jwks", "url", TEXT, "The URL of the keys {owner}, a JSON Web Key Set"),
        "At most 256 KiB and 100 keys. Fetched when the hub starts, every five minutes while it "
        "is used, when a token names an unknown key (at most every ten seconds), and at `SIGHUP`.",
    ),
    "algorithms": (
        *("jwt", "alg", _ALGORITHMS, "The algorithms {owner} to accept, such as RS256,ES256"),
        f"Of {', '.join(f'`{one}`' for one in ALGORITHMS)}.",
    ),
}


def key_option(attribute: str, role: str) -> str:
    """
    The name of the option that sets *attribute* of the key of a role.
    """
    first, last, *_ = _KEY_OPTIONS[attribute]
    return "-".join(filter(None, [first, role, last]))


def _key_options() -> Iterator[Option]:
    for role in ROLES:
        for attribute, (_, _, kind, help_text, more) in _KEY_OPTIONS.items():
            hide: Callable[[str], str] = _hide if attribute == "key" else str
            silent = "all that the key is for" if attribute == "algorithms" else ""
            yield Option(
                name=key_option(attribute, role),
                help=help_text.format(owner=_OWNERS[role]),
                kind=kind,
                hide=hide,
                silent=silent,
                more="" if role else more,
            )


TOKEN_OPTIONS = (
    *_key_options(),
    Option(
        name="jwt-audience",
        help="A name of this hub, one of which aud of tokens must have",
        several=True,
        silent="not compared",
        more=(
            "The first URL is what relative URL patterns in tokens belong to. Tokens of Mercure "
            "1.0 are refused without it."
        ),
    ),
    Option(
        name="jwt-issuer",
        help="What iss of tokens must be",
        silent="not compared",
        more="Tokens of Mercure 1.0 are refused without it.",
    ),
    Option(
        name="cookie",
        help="The name of a cookie that may have the token",
        several=True,
        attribute="cookies",
        silent="those of Mercure",
        more="Those are `__Secure-mercure_access_token` and `mercureAuthorization`.",
    ),
    Option(
        name="token-in-query",
        help="Whether the URL may have the token, yes or no",
        kind=YES_OR_NO,
        default="no",
        more="As `authorization` or `access_token`. URLs end up in logs.",
    ),
    Option(
        name="publish-origin",
        help="An origin whose pages may publish with their visitor's cookie or certificate",
        several=True,
        attribute="publish_origins",
        more="In addition to the hub's own.",
    ),
    Option(
        name="tls-client-ca",
        help="A PEM file of CA certificates: ask clients for certificates of these",
        kind=_PATH,
        more="Needs `--tls-cert`. Read again with the certificates of the hub.",
    ),
    Option(
        name="tls-client-auth",
        help="Whether clients need a certificate, required or optional",
        kind=_choice("required", "optional"),
        default="required",
        more="It matters only with `--tls-client-ca`.",
    ),
    Option(
        name="tls-client-grant",
        help="What clients with a certificate may do, publish, subscribe or both",
        kind=_choice("publish", "subscribe", "both"),
        default="both",
        more="On every topic.",
    ),
)
