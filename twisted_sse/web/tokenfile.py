"""
A file of tokens, which is read again when it has changed.

It is looked at when a token is checked, at most once a second, so it needs neither a
timer nor a service.  What cannot be read leaves the tokens as they were.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.clock import clock_for
from twisted_sse.units import read_tokens

__all__ = ["TokenFile"]

# The shortest time between two calls of stat(), in seconds.
_CHECK_INTERVAL = 1.0


class TokenFile:
    """
    The tokens in a file: see `read_tokens` for its format.

    Replace the file in one step, by renaming a new one: half a file is read as it is.

    Args:
        path: It is read again by its absolute path: twistd changes its directory.

        clock: Limits how often the file is looked at.

        tokens: What was read from it a moment ago: a pipe can be read only once.

    Raises:
        ValueError: The file cannot be read, has no token, or has a line that is not a
            token.

    Attributes:
        tokens: What was read last.
    """

    _log = Logger()

    def __init__(
        self,
        path: str | os.PathLike[str],
        clock: IReactorTime | None = None,
        tokens: list[str] | None = None,
    ) -> None:
        self._path = str(Path(path).absolute())
        self._clock = clock_for(clock)
        # Before it is read: a change meanwhile is found later.
        self._stamp = self._stamp_of()
        self._checked = self._clock.seconds()
        self.tokens = read_tokens(self._path) if tokens is None else tokens

    def check(self) -> bool:
        """
        Read the file again if it has changed.

        Returns:
            Whether there are other tokens now.
        """
        now = self._clock.seconds()
        if now - self._checked < _CHECK_INTERVAL:
            return False
        self._checked = now
        stamp = self._stamp_of()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        return self._read()

    def reload(self) -> bool:
        """
        Read the file again now, and log what has changed, or why it cannot be read.

        Returns:
            Whether it was read.
        """
        self._stamp = self._stamp_of()
        return self._read()

    def _read(self) -> bool:
        try:
            tokens = read_tokens(self._path)
        except ValueError as error:
            self._log.warn("The tokens in use stay, because {error}", error=error)
            return False
        before, self.tokens = set(self.tokens), tokens
        self._log.info(
            "Tokens that may publish: {count} now, {added} new, {removed} removed",
            count=len(set(tokens)),
            added=len(set(tokens) - before),
            removed=len(before - set(tokens)),
        )
        return True

    def _stamp_of(self) -> tuple[int, ...]:
        """
        What differs when the content of the file does; nothing if there is no file.
        """
        try:
            found = os.stat(self._path)
        except OSError:
            return ()
        # Of a pipe, as the shell's <(...) makes one, nothing can be read again.
        if not stat.S_ISREG(found.st_mode):
            return (found.st_mode,)
        return found.st_mode, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
