"""
``twistd``, ``twisted-sse`` and programs of tests without the time that imports take.
"""

import atexit
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, TypeAlias

from tests.support.waiting import PATIENCE

__all__ = ["PreloadedProcess", "Program", "close_program", "start_program"]

_PRELOADER = Path(__file__).with_name("preloader.py")

# An interpreter and its libraries read these variables when they start.
_READ_AT_START = ("PYTHON", "LANG", "LC_", "TZ", "LD_", "MALLOC_", "GLIBC_", "OPENSSL_")


Program: TypeAlias = "PreloadedProcess | subprocess.Popen[bytes]"


class PreloadedProcess:
    """
    A program that was started by the preloader, with the interface of `subprocess.Popen`.

    Attributes:
        stdin: The pipe to its standard input, or ``None``.

        stdout: The pipe from its standard output, or ``None``.

        stderr: The pipe from its standard error, or ``None``.
    """

    def __init__(
        self,
        pid: int,
        stdin: IO[bytes] | None,
        stdout: IO[bytes] | None,
        stderr: IO[bytes] | None,
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        # The preloader is its parent and keeps its exit status, so the number stays its own
        # until it is reaped here.
        self._descriptor = os.pidfd_open(pid)
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """
        Return its exit status, as `subprocess.Popen.returncode` has it, or ``None``.
        """
        return self._reap(0)

    def wait(self, timeout: float | None = None) -> int:
        """
        Wait until it exits, and return its exit status.

        Raises:
            subprocess.TimeoutExpired: It has not exited within *timeout* seconds.
        """
        status = self._reap(timeout)
        if status is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return status

    def communicate(self, timeout: float) -> tuple[bytes, bytes]:
        """
        Close its standard input, read what it writes, and wait until it exits.

        Raises:
            subprocess.TimeoutExpired: It has not exited within *timeout* seconds.
        """
        if self.stdin is not None:
            self.stdin.close()
        deadline = time.monotonic() + timeout
        readers = [_Reader(one) for one in (self.stdout, self.stderr)]
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
        self.wait(max(0.0, deadline - time.monotonic()))
        return readers[0].read, readers[1].read

    def send_signal(self, number: int) -> None:
        """
        Send it the signal *number*, unless it has exited.
        """
        if self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, number)

    def terminate(self) -> None:
        """
        Send it SIGTERM.
        """
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """
        Send it SIGKILL.
        """
        self.send_signal(signal.SIGKILL)

    def _reap(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            poll = select.poll()
            # It is readable when the process has exited.
            poll.register(self._descriptor, select.POLLIN)
            if poll.poll(None if timeout is None else 1000 * timeout):
                self._reap_once()
        return self.returncode

    def _reap_once(self) -> None:
        with self._lock:
            if self.returncode is None:
                self.returncode = _preloader().reap(self.pid)
                os.close(self._descriptor)


class _Reader(threading.Thread):
    """
    Reads *stream* until its end.
    """

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self.read = b""
        self.start()

    def run(self) -> None:
        if self._stream is not None:
            self.read = self._stream.read()


class _Preloader:
    """
    The preloader that starts the programs of this process.
    """

    def __init__(self) -> None:
        self.state = _inherited(os.environ)
        self._lock = threading.Lock()
        self._channel, remote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with remote:
            # Its standard streams are pipes, because the objects in sys remember that those of
            # the programs cannot seek either.
            self._process = subprocess.Popen(
                [sys.executable, str(_PRELOADER), str(remote.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[remote.fileno()],
                cwd="/",
            )
        # A program that cannot be started gives no answer.
        self._channel.settimeout(3 * PATIENCE)
        atexit.register(self._close)

    def start(
        self,
        command: Sequence[str],
        directory: str,
        environment: Mapping[str, str],
        session: bool,
        descriptors: Sequence[int],
    ) -> int:
        """
        Start a program, and return the number of its process.
        """
        return self._ask(
            {
                "command": list(command),
                "directory": directory,
                "environment": dict(environment),
                "session": session,
            },
            descriptors,
        )

    def reap(self, pid: int) -> int:
        """
        Return the exit status of a program that has exited.
        """
        return self._ask({"reap": pid}, [])

    def _ask(self, request: Mapping[str, object], descriptors: Sequence[int]) -> int:
        with self._lock:
            try:
                socket.send_fds(self._channel, [json.dumps(request).encode()], descriptors)
                answer = self._channel.recv(32)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
        if not answer:
            status = self._process.wait(PATIENCE)
            error = b"" if self._process.stderr is None else self._process.stderr.read()
            raise AssertionError(f"The preloader has exited ({status}):\n{error.decode()}")
        return int(answer)

    def _close(self) -> None:
        self._channel.close()
        self._process.communicate(timeout=PATIENCE)


@cache
def _preloader() -> _Preloader:
    return _Preloader()


def _can_be_preloaded(environment: Mapping[str, str]) -> bool:
    """
    Return whether a program with *environment* is the same if it is started by the preloader.
    """
    # Linux has pidfd_open(), and other systems do without the preloader.
    return hasattr(os, "pidfd_open") and _preloader().state == _inherited(environment)


def _inherited(environment: Mapping[str, str]) -> object:
    """
    Return what a program inherits from the process that starts it, as far as it is not part of
    a request: variables that are read only at the start, users, and the limit of open files.
    """
    variables = {key: one for key, one in environment.items() if key.startswith(_READ_AT_START)}
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    return variables, os.getresuid(), os.getresgid(), limit


def start_program(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: str | Path = ".",
    session: bool = False,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int = subprocess.PIPE,
    stderr: IO[bytes] | int = subprocess.PIPE,
) -> Program:
    """
    Start *command* with this interpreter.

    Imports take no time, except if *environment* has variables that an interpreter reads when it
    starts, and that differ from those of the tests: then it is started anew.

    Args:
        command: ``-m`` and a module of `twisted_sse`, ``-c`` and a program, or the path of a
            script; then arguments.

        directory: Its working directory.

        session: Whether it has a session of its own.

        stdin: As for `subprocess.Popen`, and so are *stdout* and *stderr*.
    """
    if not _can_be_preloaded(environment):
        return subprocess.Popen(
            [sys.executable, *command],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=directory,
            start_new_session=session,
        )
    ours: list[IO[bytes] | None] = []
    theirs: list[int] = []
    opened: list[int] = []
    for number, stream in enumerate((stdin, stdout, stderr)):
        end, far = _open(stream, number, theirs)
        ours.append(end)
        theirs.append(far)
        if end is not None or stream == subprocess.DEVNULL:
            opened.append(far)
    try:
        pid = _preloader().start(command, os.path.abspath(directory), environment, session, theirs)
    finally:
        for one in opened:
            os.close(one)
    return PreloadedProcess(pid, *ours)


def _open(
    stream: IO[bytes] | int, number: int, others: Sequence[int]
) -> tuple[IO[bytes] | None, int]:
    """
    Return this process's end of *stream*, if there is one, and the program's descriptor.
    """
    if stream == subprocess.PIPE:
        reader, writer = os.pipe()
        if number == 0:
            return os.fdopen(writer, "wb"), reader
        return os.fdopen(reader, "rb"), writer
    if stream == subprocess.STDOUT:
        return None, others[1]
    if stream == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_RDWR)
    return None, stream if isinstance(stream, int) else stream.fileno()


def close_program(program: Program) -> None:
    """
    Kill *program* if it still runs, and close its pipes.
    """
    if program.poll() is None:
        program.kill()
    for stream in (program.stdin, program.stdout, program.stderr):
        if stream is not None:
            stream.close()
    program.wait(PATIENCE)
