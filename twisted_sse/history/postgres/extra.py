"""
psycopg, which need not be installed.
"""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["check_psycopg"]


def check_psycopg() -> None:
    """
    Check that psycopg is installed, and has a libpq.

    Raises:
        ModuleNotFoundError: It is not, or has none.
    """
    if find_spec("psycopg") is not None:
        try:
            from psycopg import pq  # noqa: F401 - it loads libpq
        except ImportError:
            pass
        else:
            return
    raise ModuleNotFoundError(
        "history in PostgreSQL needs psycopg: pip install 'twisted-sse[postgres]'", name="psycopg"
    )
