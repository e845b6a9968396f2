"""
The contract of history providers: its hooks, and the test runners that run it.
"""

import subprocess
import sys
import unittest
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer_only

from tests.support.shared import SharedMemoryHistory
from tests.testing.shared_memory import contract, run
from twisted_sse.clock import GlobalClock
from twisted_sse.events.publication import Tail
from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.testing import HistoryProviderContract, SharedHistoryProviderContract

__all__ = ["RunnerTests", "StatementTests"]


@implementer_only(ISharedHistoryProvider, IService)
class _WithoutPresence(SharedMemoryHistory):
    """
    A history whose hubs do not share presence.
    """

    exchange = None  # type: ignore[assignment]


class StatementTests(SynchronousTestCase):
    """
    The hooks that the author of a provider defines.
    """

    def test_missing_method(self) -> None:
        """
        The failure names a hook that is needed and missing.
        """
        cases = [
            ("test_append_order", "make_history"),
            ("test_reopened", "reopen"),
            ("test_unavailable", "interrupt"),
            ("test_locate", "second_hub"),
        ]
        for name, method in cases:
            with self.subTest(method=method):
                hook = {method: getattr(SharedHistoryProviderContract, method)}
                result = run(contract(SharedMemoryHistory, **hook)(name))

                self.assertEqual(len(result.errors), 1)
                self.assertIn(f"Write a method {method}(self, ", result.errors[0][1])

    def test_other_case(self) -> None:
        """
        A test case that does not wait for coroutines raises TypeError: it would
        pass every test.
        """
        for case in (unittest.TestCase, unittest.IsolatedAsyncioTestCase, SynchronousTestCase):
            with self.assertRaisesRegex(TypeError, "Own must be a twisted.trial.unittest.Test"):
                type("Own", (HistoryProviderContract, case), {})

    def test_cannot(self) -> None:
        """
        Tests of what the provider cannot do pass without calling hooks.
        """
        stated = {"durable": False, "interruptible": False, "bounds": ("events",)}
        hooks = ("reopen", "interrupt", "resume", "pass_time")
        missing = {hook: getattr(SharedHistoryProviderContract, hook) for hook in hooks}
        result = run(
            unittest.defaultTestLoader.loadTestsFromTestCase(
                contract(_WithoutPresence, **stated, **missing)
            )
        )

        self.assertTrue(result.wasSuccessful(), [*result.failures, *result.errors])
        self.assertEqual(result.skipped, [])

    def test_answers(self) -> None:
        """
        A provider may return a value, a Deferred or a coroutine.
        """
        for provider in (_Deferreds, _Coroutines):
            with self.subTest(provider=provider):
                suite = unittest.defaultTestLoader.loadTestsFromTestCase(
                    contract(provider, patience=20.0)
                )
                result = run(suite)

                self.assertTrue(result.wasSuccessful(), [*result.failures, *result.errors])

    def test_no_answer(self) -> None:
        """
        A provider that never returns fails the test after the timeout.
        """
        result = run(contract(_Silent)("test_append_order"))

        self.assertIn("append(['a']) did not return within 0.2 seconds", result.failures[0][1])

    def test_first_difference(self) -> None:
        """
        A failure names the fields of the first record that differs.
        """
        result = run(contract(_Public)("test_tail_of_all_topics"))

        self.assertIn(
            "First difference, at index 3: private is False, not True", result.failures[0][1]
        )


@pytest.mark.e2e
class RunnerTests(SynchronousTestCase):
    """
    The test runners that authors of providers use.
    """

    MODULE = """
from twisted.trial import unittest
from twisted_sse import MemoryHistory
from twisted_sse.testing import HistoryProviderContract

class OwnHistoryTests(HistoryProviderContract, unittest.TestCase):
    bounds = ("events", "bytes")

    def make_history(self, **bounds):
        return MemoryHistory(**bounds)
"""

    def test_runners(self) -> None:
        """
        unittest, trial and pytest run every test of the contract once, and no
        imported class.
        """
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "test_own.py").write_text(self.MODULE)
        count = len(unittest.defaultTestLoader.getTestCaseNames(HistoryProviderContract))
        cases = [
            (["-m", "unittest", "test_own"], f"Ran {count} tests"),
            (["-m", "twisted.trial", "test_own"], f"Ran {count} tests"),
            (["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_own.py"], f"{count} passed"),
        ]
        # The contract waits for leases to run out, so all of them wait at the same time.
        running = [
            (arguments[1], expected, self.start(directory, arguments))
            for arguments, expected in cases
        ]
        for runner, expected, program in running:
            with self.subTest(runner=runner):
                output, _ = program.communicate()

                self.assertEqual(program.returncode, 0, output)
                self.assertIn(expected, output)

    def start(self, directory: Path, arguments: list[str]) -> "subprocess.Popen[str]":
        """
        Run Python in *directory*, which is on its path, as the author's own directory is.
        """
        program = subprocess.Popen(
            ["env", "--unset=PYTHONSAFEPATH", sys.executable, *arguments],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(program.__exit__, None, None, None)
        self.addCleanup(program.kill)
        return program


class _Deferreds(SharedMemoryHistory):
    """
    Returns Deferreds that fire in the next reactor turn.
    """

    def append(self, publications: Any) -> Any:
        return deferLater(GlobalClock(), 0, super().append, publications)

    def since(self, *arguments: Any) -> Any:
        return deferLater(GlobalClock(), 0, super().since, *arguments)

    def tail(self, limit: int) -> Any:
        return deferLater(GlobalClock(), 0, super().tail, limit)

    def locate(self, event_id: str) -> Any:
        return deferLater(GlobalClock(), 0, super().locate, event_id)


class _Coroutines(SharedMemoryHistory):
    """
    Returns coroutines, some of which wait.
    """

    async def append(self, publications: Any) -> Any:
        records = super().append(publications)
        await deferLater(GlobalClock(), 0)
        return records

    async def since(self, *arguments: Any) -> Any:  # type: ignore[override]
        return super().since(*arguments)

    async def tail(self, limit: int) -> Any:  # type: ignore[override]
        return super().tail(limit)

    async def locate(self, event_id: str) -> Any:  # type: ignore[override]
        await deferLater(GlobalClock(), 0)
        return super().locate(event_id)


class _Silent(SharedMemoryHistory):
    """
    Returns a Deferred that never fires.
    """

    def append(self, publications: Any) -> Any:
        return Deferred()


class _Public(SharedMemoryHistory):
    """
    Makes private publications public.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        public = [
            record._replace(publication=replace(record.publication, private=False))
            for record in records
        ]
        return Tail(before, public)
