"""
The program ``twisted-sse``: parses the command line, and runs the command.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TextIO, cast

from twisted.python import usage

from twisted_sse.cli.admin.connections import connections
from twisted_sse.cli.admin.options import ConnectionsOptions, RunsOptions, TopOptions
from twisted_sse.cli.admin.runs import runs
from twisted_sse.cli.admin.top import top
from twisted_sse.cli.doctor import doctor
from twisted_sse.cli.doctor_options import DoctorOptions
from twisted_sse.cli.history.command import history
from twisted_sse.cli.history.options import HistoryOptions
from twisted_sse.cli.options import VersionOptions
from twisted_sse.cli.output import Output
from twisted_sse.cli.publish import PublishOptions, publish
from twisted_sse.cli.running import Status, run
from twisted_sse.cli.tail import tail
from twisted_sse.cli.tail_options import TailOptions
from twisted_sse.cli.terminal import console_for
from twisted_sse.cli.token import token
from twisted_sse.cli.token_options import TokenOptions

__all__ = ["ProgramOptions", "main"]

_COMMANDS: dict[str, Callable[..., Coroutine[Any, Any, int]]] = {
    "tail": tail,
    "publish": publish,
    "doctor": doctor,
    "token": token,
    "history": history,
    "connections": connections,
    "runs": runs,
    "top": top,
}


class ProgramOptions(VersionOptions):
    """
    The options of ``twisted-sse``.
    """

    synopsis = "Usage: twisted-sse COMMAND URL [options]"

    longdesc = "twisted-sse COMMAND --help shows the options of a command."

    subCommands = [  # noqa: RUF012 - Twisted reads it from the class
        ["tail", None, TailOptions, "Show the events of a stream."],
        ["publish", None, PublishOptions, "Publish one event, or one for each line of input."],
        ["doctor", None, DoctorOptions, "Find out whether a stream works."],
        ["token", None, TokenOptions, "Make or explain a token that may publish or subscribe."],
        ["history", None, HistoryOptions, "Show, export, import or back up what a store holds."],
        ["connections", None, ConnectionsOptions, "List the connections of a hub."],
        ["runs", None, RunsOptions, "List the runs of a hub, follow or cancel one."],
        ["top", None, TopOptions, "Show what goes on in a hub, each second."],
    ]

    def postOptions(self) -> None:
        """
        See `twisted.python.usage.Options.postOptions`.
        """
        if self.subCommand is None:
            raise usage.UsageError(
                "Pass a command: tail, publish, doctor, token, history, connections, runs or top."
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run ``twisted-sse``.

    Args:
        arguments: The command line; that of the process by default.

    Returns:
        The exit status; see docs/cli.md.
    """
    _configure(sys.stdout)
    _configure(sys.stderr)
    outputs = [Output(sys.stdout), Output(sys.stderr)]
    out, err = (console_for(cast(TextIO, output)) for output in outputs)
    options = ProgramOptions()
    try:
        options.parseOptions(sys.argv[1:] if arguments is None else arguments)
    except usage.UsageError as error:
        command = " ".join(["twisted-sse", *filter(None, [options.subCommand])])
        err.say(f"{command}: {error}")
        outputs[1].finish(wait=True)
        return Status.USAGE
    return run(partial(_command(options), out=out, err=err), err.say, outputs)


def _command(options: ProgramOptions) -> Callable[..., Coroutine[Any, Any, int]]:
    return partial(_COMMANDS[str(options.subCommand)], options.subOptions)


def _configure(stream: TextIO) -> None:
    """
    Use UTF-8 for pipes and files; in a terminal, replace what it cannot show.
    """
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and stream.isatty():
        reconfigure(errors="replace")
    elif reconfigure is not None:
        reconfigure(encoding="utf-8", errors="backslashreplace")
