"""
Where the options of a hub are given: in a file, the environment and the command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from twisted_sse.server.config.environment import CONFIG_VARIABLE, read_environment
from twisted_sse.server.config.file import read_file
from twisted_sse.server.config.option import Given

__all__ = ["Sources", "find_sources"]


class Sources(NamedTuple):
    """
    What can be read as often as necessary.

    Attributes:
        path: The configuration file; ``None`` if there is none.

        command_line: What is given there, by the names of the options.

        directory: Where relative paths start: twistd may change that of the process.
    """

    path: str | None
    command_line: Mapping[str, Given]
    directory: str

    def read(self) -> dict[str, Given]:
        """
        Read what is given for each option: on the command line, else in the environment,
        else in the file.

        Raises:
            InvalidConfiguration: One of them cannot be used.
        """
        file = {} if self.path is None else read_file(self.path)
        return {**file, **read_environment(os.environ), **self.command_line}

    def absolute(self) -> Sources:
        """
        The same, whatever the directory of the process is.
        """
        return self._replace(path=self.path and os.path.join(self.directory, self.path))


def find_sources(path: str | None, command_line: Mapping[str, Given]) -> Sources:
    """
    Return the sources of a process.

    Args:
        path: The file that its command line names; by default that of its environment.
    """
    return Sources(path or os.environ.get(CONFIG_VARIABLE) or None, command_line, os.getcwd())
