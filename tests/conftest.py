"""
How pytest runs this suite.

Tests are trial's TestCases.  pytest chooses their working directory, tells end-to-end
tests from unit tests, and refuses to skip a test where every test has to run.
"""

import gc
import os
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

__all__ = [
    "pytest_collection",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_ignore_collect",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
    "thaw",
]

# Every well-known service that runs a project's tests sets it, and so does .ci/run.
_EVERYTHING_MUST_RUN = os.environ.get("CI") == "true"

# The same examples in every run, and no failure because a busy machine is slow.
hypothesis.settings.load_profile("ci")

# These modules start programs or real servers, and so does every test module that imports
# a class or a function from them.
_STARTERS = {
    # Every module of this folder.
    "tests.e2e",
    "tests.support.processes",
    "tests.support.hub_process",
    "tests.support.pgbouncer",
    "tests.support.postgres_histories",
    "tests.support.postgres_server",
    "tests.support.preloaded",
    "tests.support.redis_histories",
    "tests.support.redis_sentinel",
    "tests.support.redis_server",
    "tests.support.upstreams",
    "tests.transport.http2.hub",
    # Its own servers.
    "tests.client.test_sockets",
}


@pytest.fixture(scope="session", autouse=True)
def _scratch_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """
    Run in a temporary directory, because trial's mktemp() creates files in the current one.

    Each worker of pytest-xdist has a session of its own, and so a directory of its own.
    """
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("scratch"))
    yield
    os.chdir(before)


@pytest.fixture(scope="session", autouse=True)
def _browsers() -> Iterator[None]:
    """
    End the browsers that the tests of this process have shared.
    """
    yield
    if chromium := sys.modules.get("tests.support.chromium"):
        chromium.close_shared()


@pytest.fixture(scope="session", autouse=True)
def _signals() -> None:
    """
    Let SIGINT and SIGHUP end programs even if this run was started in the background, or by
    ``nohup``.

    POSIX shells start such jobs with these signals ignored, and programs inherit that.
    """
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """
    With ``-m alone``, import only the modules that have such tests: the others take longer than
    some of the tests.
    """
    if config.getoption("markexpr") == "alone" and collection_path.suffix == ".py":
        return "mark.alone" not in collection_path.read_text("utf-8") or None
    return None


def pytest_collection() -> None:
    """
    Keep the garbage collector off until all tests are collected: it would find almost nothing,
    in a second of CPU time for each worker.
    """
    gc.disable()


def pytest_collection_finish() -> None:
    """
    Let the garbage collector leave out the modules and the collected tests: examining them takes
    a third of a second, in every full collection.
    """
    _freeze()
    gc.enable()


@pytest.fixture(scope="module")
def thaw() -> Iterator[None]:
    """
    After a module that starts servers, which freeze what exists, let the garbage collector
    examine what is left of its tests.
    """
    yield
    _freeze()


def _freeze() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Mark end-to-end tests, and run them first: they take longest, so no worker of
    pytest-xdist begins one when the others are done.

    Tests that need curl are skipped here if it is missing.  Almost all tests of a hub use it,
    and a skip in the middle of a test would leave the hub to the garbage collector.
    """
    for item in items:
        sources = _imported_from(item)
        if not _STARTERS.isdisjoint(sources):
            item.add_marker("e2e")
        if "tests.support.curl" in sources and shutil.which("curl") is None:
            reason = "This test needs curl: install the Debian package curl."
            item.add_marker(pytest.mark.skip(reason=reason))
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


def _imported_from(item: pytest.Item) -> set[str]:
    """
    Return the modules that the classes and functions in the item's module come from.
    """
    module = item.getparent(pytest.Module)
    if module is None:
        return set()
    sources = {getattr(one, "__module__", None) for one in vars(module.obj).values()}
    if module.path.parent.name == "e2e":
        sources.add("tests.e2e")
    return {source for source in sources if isinstance(source, str)}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    With CI=true, fail a test that was skipped or was expected to fail.
    """
    report = yield
    _refuse_omission(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """
    With CI=true, fail a module that skips itself as a whole.
    """
    report = yield
    _refuse_omission(report)
    return report


def _refuse_omission(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not (_EVERYTHING_MUST_RUN and report.skipped):
        return
    # A skipped test has its file, its line and the reason.
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "an expected failure"
    report.outcome = "failed"
    report.longrepr = f"{reason} (With CI=true every test must run.)"
    # As long as the report has this reason, pytest counts an expected failure.
    vars(report).pop("wasxfail", None)
