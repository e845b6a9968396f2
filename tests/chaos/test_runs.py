"""
The checks of `tests.chaos.runs` find faults.
"""

import random
from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.runs import Chaos, RunsSettings
from tests.chaos.runsreader import RunReader

__all__ = ["CheckTests"]


class _Node:
    """
    A node that has said something.
    """

    port = 1

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)

    def said(self) -> list[str]:
        """
        Return it.
        """
        return self._lines


class CheckTests(SynchronousTestCase):
    """
    A run of three tokens, and what two readers have seen of it.
    """

    def kinds(
        self,
        *tokens: Sequence[int],
        outcomes: Sequence[str | None] = ("done", "done"),
        said: Sequence[str] = ("begun r0", "closed r0"),
        **seen: Any,
    ) -> set[str]:
        """
        The kinds of the faults that are found.
        """
        node: Any = _Node(*said)
        chaos = Chaos(RunsSettings(tokens=3, cancels=0), [node])
        for numbers, outcome in zip(tokens, outcomes, strict=True):
            reader = RunReader("r0", [1], 0, random.Random(1))
            reader.tokens = [f"r0 {number}" for number in numbers]
            reader.outcome = outcome
            reader.resets = seen.get("resets", 0)
            chaos.readers.append(reader)
        longest = max(tokens, key=len)
        stored = seen.get("stored", longest)
        chaos.stored["r0"] = [f"r0 {number}" for number in stored]
        chaos.hurt |= seen.get("hurt", {})
        chaos.check()
        return {fault.kind for fault in chaos.faults}

    def test_right(self) -> None:
        """
        Nothing is wrong if all have seen all of it; or the same part, if its owner was killed.
        """
        self.assertEqual(self.kinds([0, 1, 2], [0, 1, 2]), set())
        interrupted = ("interrupted", "interrupted")
        found = self.kinds([0, 1], [0, 1], outcomes=interrupted, hurt={"r0": 1.0})
        self.assertEqual(found, set())

    def test_wrong(self) -> None:
        """
        Everything else is.
        """
        both = [0, 1, 2]
        self.assertIn("lost", self.kinds(both, [0, 2]))
        self.assertIn("lost", self.kinds(both, [0, 1]))
        self.assertIn("lost", self.kinds([0, 1], [0, 1]))
        self.assertIn("doubled", self.kinds(both, [0, 1, 1, 2]))
        self.assertIn("out of order", self.kinds(both, [0, 2, 1]))
        self.assertIn("split", self.kinds(both, both, outcomes=("done", "failed")))
        self.assertIn("outcome", self.kinds([0], [0], outcomes=("interrupted", "interrupted")))
        self.assertIn("outcome", self.kinds(both, both, outcomes=("cancelled", "cancelled")))
        self.assertIn("outcome", self.kinds(both, both, outcomes=(None, None)))
        self.assertIn("doubled", self.kinds(both, both, said=("begun r0", "begun r0")))
        self.assertIn("traceback", self.kinds(both, both, said=("begun r0", "Traceback (most")))
        self.assertIn("stored", self.kinds([0, 1], [0, 1], stored=both))
        self.assertIn("reset", self.kinds(both, both, resets=1))
