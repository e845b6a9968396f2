"""
A Redis server of a test's own: on a free port, with a directory of its own.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import weakref
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.waiting import PATIENCE, eventually

__all__ = ["RedisServer"]


class RedisServer:
    """
    A real ``redis-server``, which is ready when the constructor returns.

    Args:
        options: Options of its command line, such as ``--maxmemory`` and ``2mb``.

        appendonly: Whether it writes every change to disk before it acknowledges it,
            so that it survives `kill`.

        password: The default user's password; none by default.

        certificate: The files of a certificate and its key, as made by
            `tests.support.certificates.write_certificate`; with it, the server
            accepts only TLS.

    Attributes:
        port: The port on 127.0.0.1; the same after `restart`.
    """

    def __init__(
        self,
        *options: str,
        appendonly: bool = False,
        password: str = "",
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.port = free_port()
        self._certificate = certificate
        self._password = password
        self._home = Path(tempfile.mkdtemp())
        self._clean = weakref.finalize(self, shutil.rmtree, self._home, ignore_errors=True)
        durable = ["--appendonly", "yes", "--appendfsync", "always"] if appendonly else []
        secret = ["--requirepass", password] if password else []
        self._command = [
            find_program("redis-server", "redis-server"),
            *["--bind", "127.0.0.1", "--dir", str(self._home), "--save", ""],
            *["--unixsocket", str(self.socket)],
            *[*self._listening(), *durable, *secret, *options],
        ]
        self._process = self._start()

    @property
    def socket(self) -> Path:
        """
        The path of its UNIX socket.
        """
        return self._home / "redis.sock"

    @property
    def url(self) -> str:
        """
        The URL for `twisted_sse.history.redis.RedisHistory`, without the password.
        """
        if self._certificate is None:
            return f"redis://127.0.0.1:{self.port}/0"
        return f"rediss://localhost:{self.port}/0"

    def cli(self, *command: str) -> str:
        """
        Run *command*, and return its answer as ``redis-cli`` writes it.

        Raises:
            subprocess.CalledProcessError: It answers with an error, or does not answer.
        """
        done = self._ask(*command)
        done.check_returncode()
        return done.stdout.rstrip("\n")

    def kill(self) -> None:
        """
        Kill it, as in a crash, if it still runs.
        """
        if self._process.running():
            self._process.send_signal(signal.SIGKILL)
        self._process.end()

    def stop(self) -> None:
        """
        Shut it down, if it still runs.
        """
        if self._process.running():
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
        self._process.end()

    def restart(self) -> None:
        """
        Start it again, on the same port and with its data on disk; if it still runs,
        `stop` it first.
        """
        self.stop()
        self._process = self._start()

    def pause(self) -> None:
        """
        Suspend it until `proceed`; its connections stay open.
        """
        self._process.send_signal(signal.SIGSTOP)

    def proceed(self) -> None:
        """
        Resume it after `pause`.
        """
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """
        Kill it, and remove its directory.
        """
        self.kill()
        self._clean()

    def _start(self) -> Background:
        process = Background(self._command)
        eventually(lambda: self._answers(process), "Redis does not answer")
        return process

    def _answers(self, process: Background) -> bool:
        if not process.running():
            output = process.output()
            process.end()
            raise AssertionError(f"Redis has ended: {output}")
        return self._ask("PING").stdout == "PONG\n"

    def _ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        secure = self._certificate is not None
        address = ["-h", "localhost" if secure else "127.0.0.1", "-p", str(self.port)]
        trust = ["--tls", "--cacert", str(self._certificate[0])] if self._certificate else []
        return subprocess.run(
            [find_program("redis-cli", "redis-tools"), "-e", *address, *trust, *command],
            # In the environment, because redis-cli warns of passwords in its arguments.
            env={**os.environ, **({"REDISCLI_AUTH": self._password} if self._password else {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def _listening(self) -> list[str]:
        if self._certificate is None:
            return ["--port", str(self.port)]
        certificate, key = map(str, self._certificate)
        files = ["--tls-cert-file", certificate, "--tls-key-file", key]
        return [
            *["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"],
            *[*files, "--tls-ca-cert-file", certificate],
        ]
