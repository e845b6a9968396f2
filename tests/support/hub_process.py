"""
``twistd sse`` as a process of its own, as users run it.
"""

import re
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.support.certificates import trust_everything
from tests.support.ports import free_port
from tests.support.processes import Background, find_program, find_twistd
from tests.support.waiting import PATIENCE, eventually

__all__ = ["TOKEN", "HubProcess", "run_twistd"]

#: The secret that lets publish, if the hub is given no other.
TOKEN = "a-token-for-tests"

# A line of twistd's log is "TIME [NAMESPACE#LEVEL] TEXT"; what comes by the legacy
# interface has the system "-" there, and is of the level info.
_ABOVE_INFO = re.compile(r"^\S+ \[\S+#(?:warn|error|critical)\].*", re.MULTILINE)


def run_twistd(*options: str) -> "subprocess.CompletedProcess[str]":
    """
    Run ``twistd sse`` with *options* that it ends at by itself.

    Raises:
        subprocess.TimeoutExpired: It did not end.
    """
    command = [find_twistd(), "-n", "--pidfile=", "sse", *options]
    with tempfile.TemporaryDirectory() as home:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=home,
            check=False,
        )


class HubProcess:
    """
    A hub that answers on *port* when the constructor returns.

    Args:
        options: Of ``twistd sse``, ``--port`` aside.

        port: Where it listens on loopback and everywhere else; any by default.

        token: The one that lets publish; ``None`` has the hub make one.

        files: The limit of open files, soft and hard; that of the tests by default.

    Attributes:
        port: Where it listens.
    """

    def __init__(
        self,
        *options: str,
        port: int | None = None,
        token: str | None = TOKEN,
        files: int | None = None,
    ) -> None:
        self._files = files
        self.port = free_port() if port is None else port
        self._options = options
        self._token = token
        self._tokens = tempfile.TemporaryDirectory()
        self._start()

    @property
    def url(self) -> str:
        """
        Its root, without a slash at the end.
        """
        scheme = "https" if "--tls-cert" in self._options else "http"
        return f"{scheme}://localhost:{self.port}"

    @property
    def log(self) -> str:
        """
        What this run of it has logged.
        """
        return self._program.output()

    def restart(self) -> None:
        """
        Start it again, with the same options on the same port; it has ended.
        """
        self._program.end()
        self._start()

    def signal(self, number: int) -> int:
        """
        Send it the signal *number* and wait for its end.

        Returns:
            Its exit status.
        """
        self.send_signal(number)
        return self._program.wait()

    def send_signal(self, number: int) -> None:
        """
        Send it the signal *number* and do not wait.
        """
        self._leaving = True
        self._program.send_signal(number)

    def kill(self) -> None:
        """
        Take it away without a word.
        """
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        """
        Stop it by SIGTERM, which has to go well; for cleaning up.

        One that has ended before may have ended in any way.

        Raises:
            AssertionError: Its exit status is not 0, or its log has something
                that somebody would have to look into.
        """
        try:
            if self._program.running():
                if not self._leaving:
                    self.send_signal(signal.SIGTERM)
                status = self._program.wait()
                self.check_log()
                assert status == 0, f"exit status {status}\n{self.log}"
        finally:
            self._program.end()
            self._tokens.cleanup()

    def check_log(self) -> None:
        """
        See that nothing in the log needs to be looked into.

        Raises:
            AssertionError: There is a traceback, or a line above info.
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
        # Whether it has been told to stop.
        self._leaving = False
        self._program = Background([*command, *self._options])
        try:
            eventually(self._answers, f"the hub is not ready on port {self.port}")
        except AssertionError:
            self._program.end()
            raise

    def _answers(self) -> bool:
        # Not only that it accepts: before its reactor runs, a signal would just end it.
        if not self._program.running():
            raise AssertionError(f"The hub has ended:\n{self.log}")
        try:
            urlopen(f"{self.url}/readyz", timeout=PATIENCE, context=trust_everything()).close()
        except URLError:
            return False
        return True
