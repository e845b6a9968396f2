"""
Where a Redis is, and who one is to it: a URL, read and checked.

A password stands in no message, no log and no `repr`.
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
    What is needed to connect.

    Attributes:
        host: A name or an IP address, without brackets.

        db: The number of the database.

        user: Empty for Redis' default user.

        password: Empty if none is to be given.

        secure: Whether TLS is to be spoken.
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

        User and password are percent-decoded; ``redis://:PASSWORD@HOST`` is the
        default user's.

        Raises:
            ValueError: Half a sentence that says what is wrong.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ValueError(f"it is not a URL such as {_FORM}") from None
        if parts.scheme not in ("redis", "rediss") or not url.startswith(f"{parts.scheme}://"):
            raise ValueError(f"it is not a URL such as {_FORM}, or rediss:// for TLS")
        if parts.query or parts.fragment:
            raise ValueError("a Redis URL has no '?' and no '#'; in a password write %3F and %23")
        if not parts.hostname:
            raise ValueError(f"it names no host; write {_FORM}")
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
            raise ValueError("it names a user without a password")
        return self


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        # What urlsplit says quotes the text, and that may be half a password.
        port = 0
    if port == 0:
        raise ValueError("its port is not a number from 1 to 65535; in a password write / as %2F")
    return _PORT if port is None else port


def _db(path: str) -> int:
    digits = path.removeprefix("/")
    if digits == "":
        return 0
    # isdecimal() takes other scripts' digits too.
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 6):
        raise ValueError("its database is not a number; in a password write / as %2F")
    return int(digits)
