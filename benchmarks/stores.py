"""
Files of SQLite histories, on the disk that the build directory is on; each use begins without one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import build

__all__ = ["fresh_store", "passing_store"]

# What lies there while it is open, and what a killed process leaves.
_SUFFIXES = ("", "-wal", "-shm", "-lock")


def fresh_store(name: str, directory: Path = build.BUILD) -> Path:
    """
    The path of a history, in a directory that exists; what lay there is gone.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.sqlite"
    for suffix in _SUFFIXES:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    return path


@contextmanager
def passing_store(name: str, directory: Path = build.BUILD) -> Iterator[Path]:
    """
    The same, for the length of a `with` block: a large one takes hundreds of megabytes.
    """
    try:
        yield fresh_store(name, directory)
    finally:
        fresh_store(name, directory)
