"""
The URL of a Redis: its address, credentials and database; or of the Sentinels that know
where it is.

No message, log or `repr` contains a password.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

__all__ = ["RedisURL"]

# IANA: "redis  6379  tcp".
_PORT = 6379

# Redis: "Sentinels by default run listening for connections to TCP port 26379".
_SENTINEL_PORT = 26379

_FORM = "redis://[USER:PASSWORD@]HOST[:PORT][/DB]"
_SENTINEL_FORM = "redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/NAME[/DB]"
_SENTINEL_QUERY = "?sentinel_user=USER&sentinel_password=PASSWORD"
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

        sentinel_user, sentinel_password: As *user* and *password*, for the Sentinels.
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
    sentinel_user: str = ""
    sentinel_password: str = field(default="", repr=False)

    @classmethod
    def parse(
        cls, url: str, password: str | None = None, sentinel_password: str | None = None
    ) -> RedisURL:
        """
        Read ``redis://[USER:PASSWORD@]HOST[:PORT][/DB]``, or the same with ``rediss:``, which is
        TLS; ``redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/NAME[/DB]``, also with
        ``rediss``; or ``redis+unix://[USER:PASSWORD@]/PATH[?db=DB]``.

        User and password are percent-decoded; ``redis://:PASSWORD@HOST`` means the
        default user.  Those of Sentinels follow a ``?``, as in
        ``?sentinel_user=USER&sentinel_password=PASSWORD``.

        Args:
            password, sentinel_password: Passwords that are not in the URL.

        Raises:
            ValueError: The URL is invalid; half a sentence that says why.
        """
        parsed = cls._parsed(url)
        if sentinel_password is not None and not parsed.sentinels:
            raise ValueError("sentinel_password is for Sentinels, and the URL names none")
        return replace(
            parsed,
            password=_one_of("password", parsed.password, password),
            sentinel_password=_one_of(
                "sentinel_password", parsed.sentinel_password, sentinel_password
            ),
        )._checked()

    @classmethod
    def _parsed(cls, url: str) -> RedisURL:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ValueError(f"the URL does not look like {_FORM}") from None
        if parts.scheme not in _SCHEMES or not url.startswith(f"{parts.scheme}://"):
            raise ValueError(f"the URL does not look like {_FORM}, or rediss:// for TLS")
        if parts.scheme == "redis+unix":
            return cls._of_socket(parts)
        if parts.scheme.endswith("+sentinel") and not parts.fragment:
            return cls._of_sentinels(parts)
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
        )

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
        return cls("", db=_db(db), user=user, password=password, socket=path)

    @classmethod
    def _of_sentinels(cls, parts: SplitResult) -> RedisURL:
        _, _, hosts = parts.netloc.rpartition("@")
        master, _, db = parts.path.removeprefix("/").partition("/")
        if not hosts or not master:
            raise ValueError(f"the URL has no name of a master; write {_SENTINEL_FORM}")
        user, password = _sentinel_login(parts.query)
        return cls(
            "",
            db=_db(db),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            secure=parts.scheme.startswith("rediss"),
            sentinels=tuple(_host_and_port(one) for one in hosts.split(",")),
            master=unquote(master),
            sentinel_user=user,
            sentinel_password=password,
        )

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
        if self.sentinel_user and not self.sentinel_password:
            raise ValueError("the URL has a sentinel_user without a sentinel_password")
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


def _one_of(name: str, in_url: str, given: str | None) -> str:
    if given is None:
        return in_url
    if not given:
        raise ValueError(f"{name} is empty")
    if in_url:
        raise ValueError(f"{name} is given twice: the URL has one, too")
    return given


def _sentinel_login(query: str) -> tuple[str, str]:
    """
    Read user and password of the Sentinels; each is empty if it is missing.
    """
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    login = dict(pairs)
    if len(login) != len(pairs) or not login.keys() <= {"sentinel_user", "sentinel_password"}:
        # Not quoted, because it may be half a password.
        raise ValueError(
            f"what follows the ? is not {_SENTINEL_QUERY}; in a password write ? and & as %3F and"
            " %26"
        )
    if not all(login.values()):
        raise ValueError(f"a value after the ? is empty; write {_SENTINEL_QUERY}")
    return login.get("sentinel_user", ""), login.get("sentinel_password", "")


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
