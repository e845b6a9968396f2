"""
An option of a standalone hub, and a value that is given for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from twisted_sse.server.config.kinds import TEXT, Kind

__all__ = ["Given", "InvalidConfiguration", "InvalidOption", "Option", "error_sentence"]


class InvalidConfiguration(Exception):
    """
    The configuration cannot be used.  The message is a sentence without its period.
    """


class InvalidOption(InvalidConfiguration):
    """
    An option has a value that cannot be obeyed.

    Args:
        option: Its name, without the dashes.

        reason: What is wrong, as a sentence without its period.
    """

    def __init__(self, option: str, reason: object) -> None:
        super().__init__(f"--{option}: {reason}")
        self.option = option
        self.reason = str(reason)


def error_sentence(error: InvalidConfiguration, given: Mapping[str, Given]) -> str:
    """
    Return what *error* says, with the place where its option is given.

    Args:
        given: By the names of the options.
    """
    if not isinstance(error, InvalidOption):
        return str(error)
    found = given.get(error.option)
    label = f"--{error.option}" if found is None else found.label
    return f"{label}: {error.reason}"


class Given(NamedTuple):
    """
    What is given for one option.

    Attributes:
        texts: The values, as written on a command line; one, unless the option may be
            repeated.

        where: Where they are given, such as ``hub.toml, line 3``.

        label: What an error sentence begins with: *where*, and the name that the option
            has there.
    """

    texts: tuple[str, ...]
    where: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Option:
    """
    Describes one option, for the command line, files, the environment, ``--help`` and
    the reference.

    Attributes:
        name: Its name on the command line, without dashes, and in a file.

        help: What it does, as a sentence without its period.

        kind: How its values are written.

        default: The default, written like a value; ``None`` if there is none.

        silent: What applies if it is not given, where that is no value; for people.

        more: What the reference says in addition, in Markdown.

        attribute: The attribute of `twisted_sse.server.config.config.Config` that it
            sets.

        several: Whether it may be repeated.

        flag: Whether it stands alone on a command line, and then means ``yes``.

        short: A single letter for the command line.

        hide: Replaces secrets in a value that is shown.

        reloadable: Whether a hub that runs takes a new value at SIGHUP.
    """

    name: str
    help: str
    kind: Kind = TEXT
    default: str | None = None
    silent: str = ""
    more: str = ""
    attribute: str = ""
    several: bool = False
    flag: bool = False
    short: str | None = None
    hide: Callable[[str], str] = str
    reloadable: bool = False

    @property
    def variable(self) -> str:
        """
        The environment variable that sets it.
        """
        return f"TWISTED_SSE_{self.name.upper().replace('-', '_')}"

    @property
    def field(self) -> str:
        """
        The attribute of `Config` that it sets.
        """
        return self.attribute or self.name.replace("-", "_")

    @property
    def usage(self) -> str:
        """
        The line of ``--help``.
        """
        repeatable = "; repeatable" if self.several else ""
        shown = self.default if self.default is not None and not self.flag else self.silent
        return f"{self.help}{repeatable}{f' [{shown}]' if shown else ''}."

    def texts(self, given: Given | None) -> tuple[str, ...]:
        """
        The values that apply if *given* is what is given; none if there is no default.
        """
        if given is not None:
            return given.texts
        return () if self.default is None else (self.default,)

    def read(self, texts: Sequence[str], directory: str | None = None) -> Any:
        """
        Return the value of `Config`.

        Args:
            texts: As in `Given`; without any, the value is that of an option without a
                default.

            directory: Where relative paths start; by default in that of the process.

        Raises:
            InvalidOption: A value cannot be obeyed.
        """
        if not texts:
            return () if self.several else None
        if self.kind.path and directory is not None:
            texts = [os.path.join(directory, text) for text in texts]
        try:
            values = [self.kind.read(text) for text in texts]
        except ValueError as error:
            raise InvalidOption(self.name, error) from None
        return values if self.several else values[-1]
