"""
How pytest runs this suite.

Tests are trial's TestCases; pytest gives them their working directory and, where
every test has to run, refuses to let one be left out.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

# Every well-known service that runs a project's tests sets it, and so does .ci/run.
_EVERYTHING_MUST_RUN = os.environ.get("CI") == "true"


@pytest.fixture(scope="session", autouse=True)
def _scratch_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """
    Run in a temporary directory, because trial's mktemp() makes its files in the current one.
    """
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("scratch"))
    yield
    os.chdir(before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Under CI, fail a test that was skipped or was expected to fail.
    """
    report = yield
    _refuse_omission(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """
    Under CI, fail a module that skips itself as a whole.
    """
    report = yield
    _refuse_omission(report)
    return report


def _refuse_omission(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not (_EVERYTHING_MUST_RUN and report.skipped):
        return
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid} was left out, and here everything must run"
    # An expected failure is one for as long as the report says why it was expected.
    vars(report).pop("wasxfail", None)
