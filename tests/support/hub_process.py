"""
``twistd sse`` as a process, as users run it.
"""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.support.certificates import trust_everything
from tests.support.ports import free_port
from tests.support.preloaded import close_program, start_program
from tests.support.processes import Background, find_program, find_twistd
from tests.support.waiting import PATIENCE, eventually

__all__ = ["TOKEN", "HubProcess", "run_twistd"]

#: The token that may publish, unless the hub is given another one.
TOKEN = "a-token-for-tests"

# A line of twistd's log is "TIME [NAMESPACE#LEVEL] TEXT"; for messages of the legacy
# interface the part in brackets is "-", and their level is info.
_ABOVE_INFO = re.compile(r"^\S+ \[\S+#(?:warn|error|critical)\].*", re.MULTILINE)


def run_twistd(*options: str) -> "subprocess.CompletedProcess[str]":
    """
    Run ``twistd sse`` with *options* that make it exit by itself.

    Raises:
        subprocess.TimeoutExpired: It did not exit within `PATIENCE`.
    """
    command = [find_twistd(), "-n", "--pidfile=", "sse", *options]
    with tempfile.TemporaryDirectory() as home:
        program = start_program(command, environment=os.environ, directory=home)
        try:
            out, err = program.communicate(timeout=PATIENCE)
        finally:
            close_program(program)
    return subprocess.CompletedProcess(command, program.returncode, out.decode(), err.decode())


class HubProcess:
    """
    A hub that is ready when the constructor returns.

    Args:
        options: Options of ``twistd sse``, except ``--port``.

        port: The port to listen on, on all addresses; a free one by default.

        token: The token that may publish; with ``None`` the hub generates one.

        files: The limit of open files, soft and hard; that of the tests by default.

        environment: Variables to set, in addition to those of the tests.

        tls: Whether the port has TLS by a configuration file.

    Attributes:
        port: The port that it listens on.
    """

    def __init__(
        self,
        *options: str,
        port: int | None = None,
        token: str | None = TOKEN,
        files: int | None = None,
        environment: Mapping[str, str] | None = None,
        tls: bool = False,
    ) -> None:
        self._files = files
        self._tls = tls or "--tls-cert" in options
        self._environment = dict(environment or {})
        self.port = free_port() if port is None else port
        self._options = options
        self._token = token
        self._tokens = tempfile.TemporaryDirectory()
        self._start()

    @property
    def url(self) -> str:
        """
        The URL of its root, without a slash at the end.
        """
        scheme = "https" if self._tls else "http"
        return f"{scheme}://localhost:{self.port}"

    @property
    def pid(self) -> int:
        """
        The number of its process, which with --workers is the parent's.
        """
        return self._program.process.pid

    @property
    def workers(self) -> list[int]:
        """
        The numbers of the processes that it has started.
        """
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii")
        return [int(one) for one in children.split()]

    @property
    def log(self) -> str:
        """
        What it has logged since its last start.
        """
        return self._program.output()

    def restart(self) -> None:
        """
        Start it again after its end, with the same options on the same port.
        """
        self._program.end()
        self._start()

    def await_ready(self) -> None:
        """
        Wait until its port answers that it is ready, as the constructor does.
        """
        eventually(self._answers, f"the hub is not ready on port {self.port}")

    def signal(self, number: int) -> int:
        """
        Send it the signal *number*, and wait until it exits.

        Returns:
            Its exit status.
        """
        self.send_signal(number)
        return self._program.wait()

    def send_signal(self, number: int) -> None:
        """
        Send it the signal *number* without waiting.
        """
        self._leaving = True
        self._program.send_signal(number)

    def wait(self) -> int:
        """
        Wait until it exits by itself.

        Returns:
            Its exit status.
        """
        self._leaving = True
        return self._program.wait()

    def kill(self) -> None:
        """
        Kill it with SIGKILL.
        """
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        """
        Stop it with SIGTERM if it still runs, and remove its files.

        Raises:
            AssertionError: Its exit status is not 0, or its log contains a
                traceback or a line above info.
        """
        try:
            if self._program.running():
                if not self._leaving:
                    self.send_signal(signal.SIGTERM)
                status = self._program.wait()
                self.check_log()
                assert status == 0, f"exit status {status}\n{self.log}"
        finally:
            self.end()

    def end(self) -> None:
        """
        Kill it if it still runs, and remove its files, whatever it has logged.
        """
        self._program.end()
        self._tokens.cleanup()

    def check_log(self) -> None:
        """
        Check what it has logged.

        Raises:
            AssertionError: The log contains a traceback or a line above info.
        """
        log = self.log
        assert "Traceback" not in log, log
        assert "Unhandled" not in log, log
        assert not _ABOVE_INFO.search(log), log

    def _start(self) -> None:
        command = [find_twistd(), "-n", "--pidfile=", "sse", "--port", str(self.port)]
        if self._files is not None:
            limit = f"--nofile={self._files}:{self._files}"
            command = [find_program("prlimit", "util-linux"), limit, *command]
        if self._token is not None:
            tokens = Path(self._tokens.name, "tokens")
            tokens.write_text(self._token + "\n", "utf-8")
            command += ["--publish-token-file", str(tokens)]
        # Whether it was sent a signal.
        self._leaving = False
        self._program = Background(
            [*command, *self._options],
            environment={**os.environ, **self._environment},
            preloaded=self._files is None,
        )
        try:
            self.await_ready()
        except BaseException:
            self._program.end()
            raise

    def _answers(self) -> bool:
        # An answer, not only an accepted connection: a signal that arrives before the reactor
        # runs would end the process with a traceback.
        if not self._program.running():
            raise AssertionError(f"The hub has exited:\n{self.log}")
        try:
            urlopen(f"{self.url}/readyz", timeout=PATIENCE, context=trust_everything()).close()
        except URLError:
            return False
        except ConnectionError:
            # With --takeover, another process may accept the connection, and leave.
            return False
        return True
