"""
What a command ends with: an exit status, and a sentence if it went wrong.

The numbers are documented in docs/cli.md; scripts depend on them.
"""

from __future__ import annotations

import enum

__all__ = ["Ended", "Status"]


class Status(enum.IntEnum):
    """
    Exit statuses.
    """

    #: It is done, or it was ended and nothing is left to do.
    DONE = 0
    #: The command line cannot be obeyed.
    USAGE = 1
    #: The server refuses, or is none of event streams; or `doctor` has found a
    #: problem.
    REFUSED = 2
    #: The server cannot be reached, or could not for too long.
    UNREACHABLE = 3
    #: It is not known whether events were kept.
    UNCERTAIN = 4
    #: A fault of this program: EX_SOFTWARE in sysexits.h.
    BROKEN = 70
    #: Ctrl-C, in the middle of it: 128 and the number of SIGINT, as shells say.
    INTERRUPTED = 130


class Ended(Exception):
    """
    A command cannot go on.

    Args:
        status: What it exits with.

        sentence: What the user is told.
    """

    def __init__(self, status: Status, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
