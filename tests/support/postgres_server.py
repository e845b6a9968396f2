"""
A PostgreSQL of a test's own: on a free port, with a directory of its own.
"""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.waiting import PATIENCE, eventually

__all__ = ["PostgresServer", "as_user", "scratch"]

# Fast, and safe for a process that is killed: what the kernel has accepted survives that.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "max_wal_size": "128MB",
    "timezone": "UTC",
}


class PostgresServer:
    """
    A real ``postgres``, which is ready when the constructor returns.

    Args:
        settings: Of its configuration, such as ``synchronous_standby_names``.

        primary: The server to replicate; by default, this one has a new database.

        certificate: The files of a certificate and its key for TLS.

        port: Its port; a free one by default.

    Attributes:
        port: The port on 127.0.0.1; the same after `restart`.

        home: Its directory, with the data in ``data``, and a UNIX socket.
    """

    def __init__(
        self,
        *,
        primary: "PostgresServer | None" = None,
        certificate: tuple[Path, Path] | None = None,
        port: int | None = None,
        **settings: str,
    ) -> None:
        self.port = port or free_port()
        self.home = scratch()
        self._clean = weakref.finalize(self, shutil.rmtree, self.home, ignore_errors=True)
        self._backups: list[Any] = []
        self._data = self.home / "data"
        if primary is None:
            _copy(_template(), self._data)
        else:
            self._copy_of(primary)
        if certificate is not None:
            settings |= {"ssl": "on", **self._with_certificate(certificate)}
        given = {**_SETTINGS, "port": str(self.port), **settings}
        given["unix_socket_directories"] = str(self.home)
        self._command = [
            *as_user(_binary("postgres"), "-D", str(self._data)),
            *(part for name, value in given.items() for part in ("-c", f"{name}={value}")),
        ]
        self._process = self._start()

    @property
    def url(self) -> str:
        """
        The URL for `twisted_sse.history.postgres.PostgresHistory`.
        """
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def sql(self, text: str, *values: Any, user: str = "postgres") -> list[tuple[Any, ...]]:
        """
        Run a statement as *user*, and return its rows.
        """
        with self.connect(user) as connection:
            connection.autocommit = True
            # psycopg types a query as a literal, so that nobody pastes values into it.
            cursor = connection.execute(text.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def connect(self, user: str = "postgres") -> "psycopg.Connection[tuple[Any, ...]]":
        """
        A connection of a test's own, for transactions.
        """
        return psycopg.connect(
            host=str(self.home),
            port=self.port,
            user=user,
            dbname="postgres",
            connect_timeout=int(PATIENCE),
        )

    def backends(self, name: str = "twisted_sse") -> list[int]:
        """
        The process IDs of the server's processes for the connections of an application.
        """
        rows = self.sql("SELECT pid FROM pg_stat_activity WHERE application_name = %s", name)
        return [pid for (pid,) in rows]

    def kill(self) -> None:
        """
        Kill all of its processes, as in a crash, if it still runs.
        """
        if self._process.running():
            self._to_all(signal.SIGKILL)
        self._process.end()

    def kill_postmaster(self) -> None:
        """
        Kill its first process only; the others notice, and end by themselves.
        """
        self._process.send_signal(signal.SIGKILL)
        self._process.end()

    def stop(self, number: int = signal.SIGINT) -> None:
        """
        Shut it down, if it still runs: fast, or immediately with SIGQUIT.
        """
        if self._process.running():
            self._process.send_signal(number)
            self._process.wait()
        self._process.end()

    def restart(self, number: int = signal.SIGINT) -> None:
        """
        Start it again, with its data; if it still runs, `stop` it first.
        """
        self.stop(number)
        self._process = self._start()

    def back_up(self) -> Path:
        """
        Copy the data of the server, which is stopped meanwhile.
        """
        self.stop()
        backup = scratch() / "data"
        self._backups.append(
            weakref.finalize(self, shutil.rmtree, backup.parent, ignore_errors=True)
        )
        _copy(self._data, backup)
        self._process = self._start()
        return backup

    def restore(self, backup: Path) -> None:
        """
        Kill the server, and start it again with the data of *backup*.
        """
        self.kill()
        shutil.rmtree(self._data)
        _copy(backup, self._data)
        self._process = self._start()

    def require_password(self, user: str) -> None:
        """
        Let *user* in with a password only.
        """
        file = self._data / "pg_hba.conf"
        line = f"host all {user} 127.0.0.1/32 scram-sha-256\n"
        file.write_text(line + file.read_text("utf-8"), "utf-8")
        self.sql("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """
        Let a standby be the primary.
        """
        assert self.sql("SELECT pg_promote()") == [(True,)]

    def pause(self) -> None:
        """
        Suspend all of its processes until `proceed`; its connections stay open.
        """
        self._to_all(signal.SIGSTOP)

    def proceed(self) -> None:
        """
        Resume it after `pause`.
        """
        self._to_all(signal.SIGCONT)

    def end(self) -> None:
        """
        Kill it, and remove its directory.
        """
        self.kill()
        for clean in (self._clean, *self._backups):
            clean()

    @property
    def output(self) -> str:
        """
        What it has written to its log.
        """
        return self._process.output()

    def _to_all(self, number: int) -> None:
        parent = self._process.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
        for pid in [parent, *map(int, children)]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _start(self) -> Background:
        # After a SIGKILL, children of the last one may still be there for a moment.
        return eventually(self._try_to_start, "PostgreSQL does not start")

    def _try_to_start(self) -> Background | None:
        process = Background(self._command)
        eventually(lambda: self._answers(process), "PostgreSQL does not answer")
        if process.running():
            return process
        process.end()
        return None

    def _answers(self, process: Background) -> bool:
        if not process.running():
            return True
        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _copy_of(self, primary: "PostgresServer") -> None:
        source = f"host={primary.home} port={primary.port} user=postgres application_name=standby"
        command = (_binary("pg_basebackup"), "-d", source, "-D", str(self._data), "-R", "-N")
        subprocess.run(as_user(*command, "-c", "fast"), check=True, timeout=PATIENCE, cwd=self.home)

    def _with_certificate(self, certificate: tuple[Path, Path]) -> dict[str, str]:
        names = ("server.crt", "server.key")
        for source, name in zip(certificate, names, strict=True):
            target = self.home / name
            target.write_bytes(source.read_bytes())
            target.chmod(0o600)
            _own(target)
        return {
            "ssl_cert_file": str(self.home / names[0]),
            "ssl_key_file": str(self.home / names[1]),
        }


@cache
def _template() -> Path:
    """
    The data of a new server: copying it takes a tenth of the time that making it takes.
    """
    home = scratch()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    data = home / "data"
    options = ("-N", "-A", "trust", "-U", "postgres", "--encoding=UTF8", "--locale=C")
    done = subprocess.run(
        as_user(_binary("initdb"), *options, "-D", str(data)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        # It computes more than anything else that tests wait for.
        timeout=3 * PATIENCE,
        cwd=home,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return data


def _binary(name: str) -> str:
    """
    Find one of the server's programs, which Debian leaves out of the PATH.
    """
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    return str(found[-1]) if found else find_program(name, "postgresql")


def _version(program: Path) -> float:
    return float(program.parts[-3])


def as_user(*command: str) -> list[str]:
    """
    A command that root runs as somebody else: the server refuses root.
    """
    user = _user()
    if user is None:
        return list(command)
    identity = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return ["setpriv", *identity, "--", *command]


@cache
def _user() -> pwd.struct_passwd | None:
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def scratch() -> Path:
    """
    Make a directory that belongs to the user who runs the server.
    """
    made = Path(tempfile.mkdtemp())
    _own(made)
    return made


def _own(path: Path) -> None:
    user = _user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def _copy(source: Path, target: Path) -> None:
    # As its owner, so that the copy is owned in the same way.
    subprocess.run(as_user("cp", "-a", str(source), str(target)), check=True, timeout=PATIENCE)
