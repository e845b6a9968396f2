"""
Runs the cases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from tests.mercure.cases import GROUPS
from tests.mercure.hub import HubUnderTest, Mismatch
from tests.mercure.tokens import Keys

__all__ = ["Result", "run"]


class Result(NamedTuple):
    """
    What became of a case.

    Attributes:
        fault: What the hub did instead, or ``None``.
    """

    version: str
    group: str
    name: str
    fault: str | None


def run(
    url: str, keys: Keys, versions: Collection[str], without: Collection[str] = ()
) -> Iterator[Result]:
    """
    Run all cases of these versions against the hub at *url*.

    Args:
        without: Groups to leave out.
    """
    for version in versions:
        hub = HubUnderTest(url, keys, version)
        for group, cases in GROUPS.items():
            for case in cases:
                if group not in without and version in case.versions:
                    yield Result(version, group, case.name, _fault(case.run, hub))


def _fault(run_case: object, hub: HubUnderTest) -> str | None:
    assert callable(run_case)
    try:
        run_case(hub)
    except Mismatch as mismatch:
        return str(mismatch)
    except (OSError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    return None
