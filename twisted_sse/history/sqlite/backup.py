"""
Backs up the file of a history while a hub uses it.

A backup that exists is complete and on the disk: it gets its name last.

Nothing here imports Twisted.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress

from twisted_sse.history.sqlite.contents import FileContents

__all__ = ["back_up"]


def back_up(contents: FileContents, target: str) -> None:
    """
    Copy *contents* to the new file *target*, which only its owner may read.

    Raises:
        ValueError: *target* exists or cannot be written; half a sentence.

        HistoryUnavailable: *contents* cannot be copied; a sentence.
    """
    target = os.path.abspath(target)
    directory, name = os.path.split(target)
    if os.path.lexists(target):
        raise ValueError(f"{target!r} exists already: choose another name, or remove it")
    try:
        descriptor, part = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
    except OSError as error:
        raise ValueError(f"{target!r} cannot be written: {error.strerror}") from None
    os.close(descriptor)
    try:
        contents.copy_to(part)
        # SQLite does not sync what VACUUM INTO writes.
        _sync(part)
        os.rename(part, target)
    except OSError as error:
        raise ValueError(f"{target!r} cannot be written: {error.strerror}") from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)
    _sync(directory)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
