"""
The URL of a Redis: its address, credentials and database; or of the Sentinels that know
where it is.

No message, log or `repr` contains the password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

__all__ = ["RedisURL"]

# IANA: "redis  6379  tcp".
_PORT = 6379

# Redis: "Sentinels by default run listening for connections to TCP port 26379".
_SENTINEL_PORT = 26379

_FORM = "redis://[USER:PASSWORD@]HOST[:PORT][/DB]"
_SENTINEL_FORM = "redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/NAME[/DB]"
_SOCKET_FORM = "redis+unix://[USER:PASSWORD@]/PATH[?db=DB]"

_SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+unix")


@dataclass(frozen=True, slots=True)
class RedisURL:
    """
    The parts of the URL.

    Attributes:
        host: A name or an IP address, without brackets; empty for a UNIX socket, and if
            Sentinels know the address.

        db: The number of the database.

        user: The user name; empty for Redis' default user.

        password: The password; empty for none.

        secure: Whether to use TLS.

        socket: The path of a UNIX socket.

        sentinels: The hosts and ports of Sentinels.

        master: The name by which they know the Redis.
    """

    host: str
    port: int = _PORT
    db: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    secure: bool = False
    socket: str = ""
    sentinels: tuple[tuple[str, int], ...] = ()
    master: str = ""

    @classmethod
    def parse(cls, url: str) -> RedisURL:
        """
        Read ``redis://[USER:PASSWORD@]HOST[:PORT][/DB]``, or the same with ``rediss:``, which is
        TLS; ``redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/NAME[/DB]``, also with
        ``rediss``; or ``redis+unix://[USER:PASSWORD@]/PATH[?db=DB]``.

        User and password are percent-decoded; ``redis://:PASSWORD@HOST`` means the
        default user.

        Raises:
            ValueError: The URL is invalid; half a sentence that says why.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ValueError(f"the URL does not look like {_FORM}") from None
        if parts.scheme not in _SCHEMES or not url.startswith(f"{parts.scheme}://"):
            raise ValueError(f"the URL does not look like {_FORM}, or rediss:// for TLS")
        if parts.scheme == "redis+unix":
            return cls._of_socket(parts)
        if parts.query or parts.fragment:
            raise ValueError("the URL has a '?' or '#'; in a password write %3F and %23")
        if parts.scheme.endswith("+sentinel"):
            return cls._of_sentinels(parts)
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
        if self.socket:
            return self.socket
        if self.sentinels:
            return f"{self.master} of {','.join(_address(*one) for one in self.sentinels)}"
        return _address(self.host, self.port)

    @classmethod
    def _of_socket(cls, parts: SplitResult) -> RedisURL:
        path = unquote(parts.path)
        if parts.hostname or len(path) < 2 or parts.fragment:
            raise ValueError(f"the URL has no path of a socket; write {_SOCKET_FORM}")
        name, _, db = parts.query.partition("=")
        if parts.query and name != "db":
            raise ValueError(
                f"the URL has something else than db after the ?; write {_SOCKET_FORM}"
            )
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls("", db=_db(db), user=user, password=password, socket=path)._checked()

    @classmethod
    def _of_sentinels(cls, parts: SplitResult) -> RedisURL:
        _, _, hosts = parts.netloc.rpartition("@")
        master, _, db = parts.path.removeprefix("/").partition("/")
        if not hosts or not master:
            raise ValueError(f"the URL has no name of a master; write {_SENTINEL_FORM}")
        return cls(
            "",
            db=_db(db),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            secure=parts.scheme.startswith("rediss"),
            sentinels=tuple(_host_and_port(one) for one in hosts.split(",")),
            master=unquote(master),
        )._checked()

    def __str__(self) -> str:
        if self.socket:
            return f"redis+unix://{self.socket}?db={self.db}"
        if self.sentinels:
            hosts = ",".join(_address(*one) for one in self.sentinels)
            scheme = "rediss" if self.secure else "redis"
            return f"{scheme}+sentinel://{hosts}/{self.master}/{self.db}"
        return f"{'rediss' if self.secure else 'redis'}://{self.address}/{self.db}"

    def _checked(self) -> RedisURL:
        if self.user and not self.password:
            raise ValueError("the URL has a user without a password")
        return self


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _host_and_port(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        port = _SENTINEL_PORT if parts.port is None else parts.port
    except ValueError:
        port = 0
    if port == 0 or not parts.hostname:
        raise ValueError(f"the URL has no address of a Sentinel; write {_SENTINEL_FORM}")
    return parts.hostname, port


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
