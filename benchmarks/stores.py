"""
Files for SQLite histories, on the disk of the build directory; each use starts without one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import build

__all__ = ["fresh_store", "passing_store"]

# The files of an open database, which a killed process leaves behind.
_SUFFIXES = ("", "-wal", "-shm", "-lock")


def fresh_store(name: str, directory: Path = build.BUILD) -> Path:
    """
    The path of a new history, in a directory that exists; old files are removed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.sqlite"
    for suffix in _SUFFIXES:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    return path


@contextmanager
def passing_store(name: str, directory: Path = build.BUILD) -> Iterator[Path]:
    """
    The same during a `with` block: a large history takes hundreds of megabytes.
    """
    try:
        yield fresh_store(name, directory)
    finally:
        fresh_store(name, directory)
