"""
The options of ``twisted-sse token``.
"""

from __future__ import annotations

import getopt
import re
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from twisted.python import usage

from twisted_sse.cli.options import VersionOptions
from twisted_sse.web.tokens.jwks import parse_jwks
from twisted_sse.web.tokens.keys import check_algorithms, key_from_text
from twisted_sse.web.tokens.keyset import KeySet
from twisted_sse.web.tokens.minting import SigningKey, signing_key
from twisted_sse.web.tokens.strictjson import read_json
from twisted_sse.web.tokens.verification import MERCURE_0, MERCURE_1, PROTOCOLS, Rules

__all__ = ["TokenOptions"]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

# Options that only make sense for one of the two uses.
_TO_MINT = ("user", "payload", "kid", "protocol", "expires")


class TokenOptions(VersionOptions):
    """
    The options of ``twisted-sse token``.

    Attributes:
        publish, subscribe: The topics to grant: pairs of match type and text.

        signing_key: What signs a new token.

        verifying: What verifies a token to explain; ``None`` if it is not verified.

        rules: What the hub of a token to explain expects.
    """

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        ["explain", None, None, "Explain this token instead; - reads it from standard input."],
        ["user", None, None, "Whom the token is about."],
        ["payload", None, None, "What others may be told about its subscriptions, as JSON."],
        ["expires", None, None, "How long it is valid: 90s, 15m, 1h, 30d or never [1h]."],
        ["key-file", None, None, "A file with a PEM private key, or with a secret."],
        ["key", None, None, "A secret; other users see it in the list of processes."],
        ["jwks-file", None, None, "With --explain: a file with a JSON Web Key Set."],
        ["alg", None, None, "The algorithm [the first that the key is for]."],
        ["kid", None, None, "The name of the key, for hubs with several."],
        ["issuer", None, None, "Who issues it (iss)."],
        ["audience", None, None, "Which hub it is for (aud)."],
        ["protocol", None, None, f"Its kind, {MERCURE_0} or {MERCURE_1} [{MERCURE_0}]."],
    ]

    optFlags = [  # noqa: RUF012
        ["json", "j", "Print JSON."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.publish: list[tuple[str, str]] = []
        self.subscribe: list[tuple[str, str]] = []
        self.verifying: KeySet | None = None
        self.signing_key: SigningKey

    def getSynopsis(self) -> str:
        """
        See `twisted.python.usage.Options.getSynopsis`.
        """
        return "Usage: twisted-sse token --key-file FILE [--publish T] [--subscribe T] [options]\n"

    def opt_publish(self, text: str) -> None:
        """
        A topic it may publish to, or * for all; with Mercure 0.x also a template; repeatable.
        """
        self.publish.append(("exact", text))

    def opt_subscribe(self, text: str) -> None:
        """
        A topic whose private events it may read, as for --publish; repeatable.
        """
        self.subscribe.append(("exact", text))

    def opt_publish_pattern(self, text: str) -> None:
        """
        A URL pattern of topics it may publish to, for Mercure 1.0; repeatable.
        """
        self.publish.append(("urlpattern", text))

    def opt_subscribe_pattern(self, text: str) -> None:
        """
        A URL pattern of topics whose private events it may read, for Mercure 1.0; repeatable.
        """
        self.subscribe.append(("urlpattern", text))

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        See `twisted.python.usage.Options.parseOptions`.
        """
        try:
            # A token may be "-", which getopt takes for an argument.
            pairs, rest = getopt.gnu_getopt(list(options or ()), self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise usage.UsageError(f"{str(error).removesuffix('.')}.") from None
        if rest:
            raise usage.UsageError(f"{rest[0]!r} is not an option: pass --publish or --subscribe.")
        takes_value = {f"--{one.removesuffix('=')}" for one in self.longOpt if one.endswith("=")}
        words = [[name, value] if name in takes_value else [name] for name, value in pairs]
        super().parseOptions(list(chain.from_iterable(words)))

    def postOptions(self) -> None:
        """
        See `twisted.python.usage.Options.postOptions`.
        """
        if self["key"] is not None and self["key-file"] is not None:
            raise usage.UsageError("Pass either --key or --key-file, not both.")
        self._algorithms = self._value("alg", lambda text: check_algorithms([text]))
        if self["explain"] is None:
            self._post_mint()
        else:
            self._post_explain()

    def _post_mint(self) -> None:
        if self["jwks-file"] is not None:
            raise usage.UsageError("--jwks-file: it verifies a token; pass --key-file to sign one.")
        self["protocol"] = self._value("protocol", _protocol) or MERCURE_0
        self["payload"] = self._value("payload", read_json)
        self["expires"] = _duration("1h") if self["expires"] is None else self._expires()
        if not self.publish and not self.subscribe:
            raise usage.UsageError("Pass what it grants: --publish TOPIC or --subscribe TOPIC.")
        if self["protocol"] == MERCURE_1:
            self._check_mercure_1()
        elif any(kind != "exact" for kind, _ in [*self.publish, *self.subscribe]):
            raise usage.UsageError(
                f"URL patterns need --protocol {MERCURE_1}; Mercure 0.x has templates."
            )
        option, text = self._key_text()
        if text is None:
            raise usage.UsageError("Pass the key that signs it: --key-file FILE.")
        self.signing_key = self._read(option, self._signing_key, text)

    def _check_mercure_1(self) -> None:
        for option in ("issuer", "audience", "expires"):
            if self[option] is None:
                raise usage.UsageError(f"--{option}: a token of Mercure 1.0 needs it.")

    def _post_explain(self) -> None:
        for option in _TO_MINT:
            if self[option] is not None:
                raise usage.UsageError(f"--{option}: it is for a new token, not for --explain.")
        if self.publish or self.subscribe:
            raise usage.UsageError("--publish and --subscribe are for a new token.")
        audience = [] if self["audience"] is None else [self["audience"]]
        self.rules = Rules(audience=audience, issuer=self["issuer"])
        option, text = self._key_text()
        if self["jwks-file"] is not None:
            if text is not None:
                raise usage.UsageError(f"Pass either --{option} or --jwks-file, not both.")
            document = self._read("jwks-file", _read_file, self["jwks-file"])
            keys = self._read("jwks-file", self._parse_jwks, document)
            self.verifying = KeySet(keys, self["jwks-file"])
        elif text is not None:
            self.verifying = KeySet([self._read(option, self._verifying_key, text)], f"--{option}")

    def _key_text(self) -> tuple[str, bytes | None]:
        if self["key-file"] is not None:
            text: bytes = self._read("key-file", _read_file, self["key-file"])
            return "key-file", text.rstrip(b"\r\n")
        return "key", None if self["key"] is None else self["key"].encode("utf-8")

    def _signing_key(self, text: bytes) -> SigningKey:
        return signing_key(text, self._algorithms)

    def _verifying_key(self, text: bytes) -> Any:
        if b"PRIVATE KEY-----" in text:
            return self._signing_key(text).verifies
        return key_from_text(text, self._algorithms)

    def _parse_jwks(self, document: bytes) -> Any:
        return parse_jwks(document, self._algorithms, secrets=True)

    def _expires(self) -> float | None:
        return None if self["expires"] == "never" else self._value("expires", _duration)

    def _value(self, option: str, read: Callable[[str], Any]) -> Any:
        return None if self[option] is None else self._read(option, read, self[option])

    def _read(self, option: str, read: Callable[[Any], Any], value: Any) -> Any:
        try:
            return read(value)
        except ValueError as error:
            raise usage.UsageError(f"--{option}: {error}.") from None


def _duration(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text, re.ASCII)
    if found is None or int(found[1]) == 0:
        raise ValueError(f"{text!r} is not a time such as 90s, 15m, 1h or 30d")
    return float(int(found[1]) * _UNITS[found[2]])


def _protocol(text: str) -> str:
    if text not in PROTOCOLS:
        raise ValueError(f"{text!r} is not one of {', '.join(PROTOCOLS)}")
    return text


def _read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
