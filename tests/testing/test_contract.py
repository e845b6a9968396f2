"""
The contract of history providers: correct providers pass, and mistakes are found.
"""

import ast
import unittest
from collections import Counter
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.support.shared import CompleteHistory
from tests.testing.shared_memory import SharedMemoryContract, contract, run
from tests.testing.wrong import WRONG
from twisted_sse.testing import HistoryProviderContract, SharedHistoryProviderContract

__all__ = ["CompleteTests", "ExampleTests", "SharedMemoryTests", "WrongProviderTests"]

for _rules in (
    "append",
    "bounds",
    "changes",
    "check",
    "ends",
    "find",
    "follow",
    "ids",
    "lifecycle",
    "locate",
    "presence",
    "read",
    "runs",
    "since",
    "tail",
):
    import_module(f"tests.testing.wrong_{_rules}")


class SharedMemoryTests(SharedMemoryContract, TestCase):
    """
    A correct shared history without the optional interfaces.
    """


class CompleteTests(SharedMemoryContract, TestCase):
    """
    A correct shared history with all interfaces.
    """

    provider = CompleteHistory


class ExampleTests(HistoryProviderContract, TestCase):
    """
    The provider of ``examples/own_history.py``, whose only bound is ``events``.
    """

    bounds = ("events",)
    durable = True

    def setUp(self) -> None:
        """
        Load the example without the code that runs it.
        """
        path = Path(__file__).resolve().parents[2] / "examples" / "own_history.py"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        wanted = (ast.Import, ast.ImportFrom, ast.ClassDef)
        tree.body = [node for node in tree.body if isinstance(node, wanted)]
        names: dict[str, Any] = {}
        exec(compile(tree, str(path), "exec"), names)
        self.provider = names["FileHistory"]

    def make_history(self, events: int = 1000) -> Any:
        """
        See `Hooks`.
        """
        self.bound, self.path = events, Path(self.mktemp())
        return self.provider(self.path, self.bound)

    def reopen(self, history: Any) -> Any:
        """
        See `Hooks`.
        """
        return self.provider(self.path, self.bound)


class WrongProviderTests(SynchronousTestCase):
    """
    Providers that break one rule each.
    """

    def test_found(self) -> None:
        """
        Every mistake is found by the tests of its rule; the failure begins with the rule.
        """
        for mistake in WRONG:
            for name in mistake.found_by:
                with self.subTest(mistake=mistake.provider.__qualname__, name=name):
                    test = contract(mistake.provider, **mistake.stated)(name)
                    result = run(test)
                    rule = cleandoc(getattr(test, name).__doc__)

                    self.assertEqual(len(result.failures), 1, result.errors)
                    self.assertIn(f"{rule}\nBut ", result.failures[0][1])

    def test_every_rule(self) -> None:
        """
        Every test of the contract is failed by at least one mistake.
        """
        rules = unittest.defaultTestLoader.getTestCaseNames(SharedMemoryTests)
        found = {name for mistake in WRONG for name in mistake.found_by}

        self.assertEqual(set(rules), found)

    def test_no_rule_is_hidden(self) -> None:
        """
        No two classes of the contract have a method of the same name, which
        would silently replace the other.
        """
        parts = [one for one in SharedHistoryProviderContract.__mro__ if one is not object]
        named = [name for one in parts for name in vars(one) if not name.startswith("__")]
        names = [name for name in named if callable(getattr(SharedHistoryProviderContract, name))]

        self.assertEqual([name for name, times in Counter(names).items() if times > 1], [])
