"""
The URL of a PostgreSQL: hosts, database, credentials, and options of libpq.

It is what libpq reads, and what it leaves out comes from the environment, as with ``psql``:
``PGPASSWORD``, ``PGPASSFILE`` and others.  TLS with a verified certificate is the default
for every host but this machine.

No message, log or `repr` contains the password.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

__all__ = ["PostgresHost", "PostgresURL"]

_PORT = "5432"

_FORM = "postgresql://[USER[:PASSWORD]@]HOST[:PORT][,HOST:PORT…]/DATABASE[?OPTION=VALUE&…]"

# What this package decides itself, and what to do instead.
_NOT_OURS = {
    "connect_timeout": "the history has a timeout of its own",
    "client_encoding": "it is always UTF-8",
    "load_balance_hosts": "the hosts are tried in order",
    "replication": "it is for replication only",
}

# Where systems keep the CA certificates that they trust.  psycopg's own OpenSSL does not know.
_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class PostgresHost:
    """
    One server to try.

    Attributes:
        host: A name, an IP address, or the directory of a UNIX socket.

        address: Its IP address, if the URL has it in ``hostaddr``.
    """

    host: str
    port: str
    address: str = ""

    @property
    def is_socket(self) -> bool:
        """
        Whether it is reached through a UNIX socket.
        """
        return self.host.startswith(("/", "@"))

    @property
    def is_here(self) -> bool:
        """
        Whether it is this machine.
        """
        name = self.address or self.host
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return self.is_socket or name == "localhost"

    def __str__(self) -> str:
        return f"{self.host}/.s.PGSQL.{self.port}" if self.is_socket else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PostgresURL:
    """
    The parts of the URL.

    Attributes:
        targets: The servers, in the order in which they are tried.

        options: What else libpq is told, the password included.
    """

    targets: tuple[PostgresHost, ...]
    options: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> PostgresURL:
        """
        Read ``postgresql://…`` or ``postgres://…``, as libpq does.

        Raises:
            ValueError: The URL is invalid; half a sentence that says why.
        """
        from psycopg import OperationalError, pq

        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError(f"the URL does not look like {_FORM}")
        try:
            found = pq.Conninfo.parse(url.encode())
        except (OperationalError, UnicodeEncodeError) as error:
            if "invalid URI query parameter" in str(error):
                raise ValueError(
                    "the URL has an option after the ? that libpq does not know; options of the"
                    " history, such as schema=, follow a comma, and in a password ? is %3F"
                ) from None
            # libpq quotes what it cannot read, which may be half a password.
            raise ValueError(
                f"the URL does not look like {_FORM}; in a password write @ : / ? # , as"
                " %40 %3A %2F %3F %23 %2C"
            ) from None
        given = {one.keyword.decode(): one.val.decode() for one in found if one.val is not None}
        for name, why in _NOT_OURS.items():
            if name in given:
                raise ValueError(f"the URL has {name}, which is not possible: {why}")
        return cls(_targets(given), given)

    @property
    def address(self) -> str:
        """
        Hosts and ports, for messages.
        """
        return ",".join(map(str, self.targets))

    def for_target(self, target: PostgresHost, address: str) -> dict[str, str]:
        """
        The options for libpq to connect to one server.

        Args:
            address: Its IP address; empty for a UNIX socket.  libpq would look it up itself,
                and block meanwhile.
        """
        options = {
            "fallback_application_name": "twisted_sse",
            # GSSAPI looks up names, and blocks meanwhile.
            "gssencmode": "disable",
            "target_session_attrs": "read-write",
            **({} if target.is_here else _verified(self.options)),
            **self.options,
            "host": target.host,
            "port": target.port,
            "client_encoding": "UTF8",
        }
        options.pop("hostaddr", None)
        return {**options, "hostaddr": address} if address else options

    def __str__(self) -> str:
        database = self.options.get("dbname") or os.environ.get("PGDATABASE", "")
        return f"postgresql://{self.address}/{database}"


def _targets(given: dict[str, str]) -> tuple[PostgresHost, ...]:
    addresses = given.get("hostaddr", os.environ.get("PGHOSTADDR", ""))
    hosts = given.get("host") or os.environ.get("PGHOST") or addresses or "localhost"
    ports = (given.get("port") or os.environ.get("PGPORT") or _PORT).split(",")
    names = hosts.split(",")
    known = addresses.split(",") if addresses else [""] * len(names)
    if len(known) != len(names) or len(ports) not in (1, len(names)):
        raise ValueError("the URL has not as many ports, or addresses, as hosts")
    if any("@" in name[1:] for name in names):
        # libpq ends the password at the first @, and would look up what follows.
        raise ValueError("a host of the URL has an @; in a password write @ as %40")
    numbers = ports * len(names) if len(ports) == 1 else ports
    for port in numbers:
        if port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(
                "a port of the URL is not a number from 1 to 65535; in a password write / as %2F"
            )
    return tuple(
        PostgresHost(name or "localhost", port or _PORT, address)
        for name, port, address in zip(names, numbers, known, strict=True)
    )


def _verified(options: Mapping[str, str]) -> dict[str, str]:
    """
    TLS with a verified certificate, unless the user has decided otherwise.
    """
    if "sslmode" in options or "PGSSLMODE" in os.environ:
        return {}
    found = {"sslmode": "verify-full"}
    own = Path("~/.postgresql/root.crt").expanduser()
    if "sslrootcert" in options or "PGSSLROOTCERT" in os.environ or own.exists():
        return found
    files = (ssl.get_default_verify_paths().cafile, *_CA_FILES)
    for path in files:
        if path is not None and Path(path).is_file():
            return {**found, "sslrootcert": path}
    return found
