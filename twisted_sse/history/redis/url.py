"""
The URL of a Redis: its address, credentials and database.

No message, log or `repr` contains the password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

__all__ = ["RedisURL"]

# IANA: "redis  6379  tcp".
_PORT = 6379

_FORM = "redis://[USER:PASSWORD@]HOST[:PORT][/DB]"


@dataclass(frozen=True, slots=True)
class RedisURL:
    """
    The parts of the URL.

    Attributes:
        host: A name or an IP address, without brackets.

        db: The number of the database.

        user: The user name; empty for Redis' default user.

        password: The password; empty for none.

        secure: Whether to use TLS.
    """

    host: str
    port: int = _PORT
    db: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    secure: bool = False

    @classmethod
    def parse(cls, url: str) -> RedisURL:
        """
        Read ``redis://[USER:PASSWORD@]HOST[:PORT][/DB]``, or the same with
        ``rediss:``, which is TLS.

        User and password are percent-decoded; ``redis://:PASSWORD@HOST`` means the
        default user.

        Raises:
            ValueError: The URL is invalid; half a sentence that says why.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ValueError(f"the URL does not look like {_FORM}") from None
        if parts.scheme not in ("redis", "rediss") or not url.startswith(f"{parts.scheme}://"):
            raise ValueError(f"the URL does not look like {_FORM}, or rediss:// for TLS")
        if parts.query or parts.fragment:
            raise ValueError("the URL has a '?' or '#'; in a password write %3F and %23")
        if not parts.hostname:
            raise ValueError(f"the URL has no host; write {_FORM}")
        return cls(
            host=parts.hostname,
            port=_port(parts),
            db=_db(parts.path),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            secure=parts.scheme == "rediss",
        )._checked()

    @property
    def address(self) -> str:
        """
        Host and port, for messages.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'rediss' if self.secure else 'redis'}://{self.address}/{self.db}"

    def _checked(self) -> RedisURL:
        if self.user and not self.password:
            raise ValueError("the URL has a user without a password")
        return self


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        # The error of urlsplit quotes the text, which may be half a password.
        port = 0
    if port == 0:
        raise ValueError("the port is not a number from 1 to 65535; in a password write / as %2F")
    return _PORT if port is None else port


def _db(path: str) -> int:
    digits = path.removeprefix("/")
    if digits == "":
        return 0
    # isdecimal() accepts other scripts' digits too.
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 6):
        raise ValueError("the database is not a number; in a password write / as %2F")
    return int(digits)
