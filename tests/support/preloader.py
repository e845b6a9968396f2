"""
Starts ``twistd``, ``twisted-sse`` and programs of tests as forks of this process, which has
imported `twisted_sse` already.

Tests start programs hundreds of times, and a program spends almost all of its start on
imports.  `tests.support.preloaded` runs this file and asks for programs over a socket.

What is imported here must not install a reactor, start a thread, open a file, or keep anything of
the environment: a program finds the modules as an interpreter of its own would have imported them.
"""

import gc
import json
import os
import runpy
import socket
import sys
import threading
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["await_program", "run_program"]

# More than an environment and a command line have.
_LARGEST = 1 << 20

_MODULES = [
    "twisted.internet.posixbase",
    "twisted.scripts.twistd",
    "twisted_sse.cli",
    "twisted_sse.server.tap",
]


def await_program(channel: socket.socket) -> list[str]:
    """
    Answer requests until one is to start a program.

    Returns:
        The command of the program; only a new process gets here.

    Raises:
        SystemExit: The tests are over.
    """
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _LARGEST, 3)
        if not message:
            sys.exit()
        request = json.loads(message)
        if "reap" in request:
            _, status = os.waitpid(request["reap"], 0)
            channel.send(b"%d" % os.waitstatus_to_exitcode(status))
        elif os.fork() == 0:
            _become(request, descriptors)
            # The tests may send signals, and look for the session, as soon as they know the number.
            channel.send(b"%d" % os.getpid())
            channel.close()
            command: list[str] = request["command"]
            return command
        for one in descriptors:
            os.close(one)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """
    Give this process the descriptors, the directory and the environment of the program.
    """
    for number, one in enumerate(descriptors):
        os.dup2(one, number)
        os.close(one)
    if request["session"]:
        os.setsid()
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])


def run_program(command: list[str]) -> None:
    """
    Run *command* in this process, as an interpreter does that is started with it.

    Args:
        command: ``-m`` and a module, ``-c`` and a program, or the path of a script; then
            arguments.
    """
    if command[0] == "-m":
        sys.argv[:] = command[1:]
        if not sys.flags.safe_path:
            sys.path.insert(0, os.getcwd())
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    elif command[0] == "-c":
        sys.argv[:] = ["-c", *command[2:]]
        if not sys.flags.safe_path:
            sys.path.insert(0, "")
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(command[1], "<string>", "exec", dont_inherit=True), vars(main))
    else:
        sys.argv[:] = command
        if not sys.flags.safe_path:
            sys.path.insert(0, os.path.dirname(command[0]))
        runpy.run_path(command[0], run_name="__main__")


def _preload() -> None:
    """
    Import what the programs import, except the reactor.
    """
    for name in _MODULES:
        import_module(name)
    assert "twisted.internet.reactor" not in sys.modules
    assert threading.active_count() == 1
    # Otherwise every program copies the memory of all these objects when it collects garbage.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    if not sys.flags.safe_path:
        # The directory of this file.
        del sys.path[0]
    _preload()
    run_program(await_program(socket.socket(fileno=int(sys.argv[1]))))
