"""
The wheel: its contents, its installation and its removal.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from email import message_from_bytes
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import twisted
from twisted.trial.unittest import SynchronousTestCase

__all__ = [
    "Environment",
    "ImportedPackageTests",
    "InstallationTests",
    "WheelTests",
    "find_wheel",
]

ROOT = Path(__file__).resolve().parents[2]
STATIC = Path("twisted_sse", "server", "static")
PLUGINS = {
    "twisted/plugins/twisted_sse_plugin.py",
    "twisted/plugins/twisted_sse_history_plugin.py",
}

# The files of this package in an environment that has it.
_OURS = shutil.ignore_patterns("twisted_sse*", "*twisted_sse*.pth", "*dropin.cache*", "__pycache__")


@cache
def find_wheel() -> Path:
    """
    Find the wheel that TESTED_WHEEL names, or build one, once in each process.
    """
    if given := os.environ.get("TESTED_WHEEL"):
        return Path(given)
    # Tests run in a temporary directory: see conftest.py.
    target = Path("wheels").resolve()
    subprocess.run([sys.executable, ROOT / "tools" / "build_wheel.py", target], check=True)
    (wheel,) = target.glob("*.whl")
    return wheel


class Environment:
    """
    A new virtual environment with Twisted, but without this package.

    Twisted is copied from the running environment, because plugins are installed into it.
    Its requirements are linked.

    Args:
        directory: The directory of the environment.

    Attributes:
        python: The command that runs its interpreter, isolated from other environments.

        twistd: The command that runs its twistd.
    """

    def __init__(self, directory: Path) -> None:
        home = directory.resolve()
        _output_of(sys.executable, "-m", "venv", "--without-pip", home)
        here = Path(twisted.__path__[0]).parent
        (there,) = home.glob("lib/python*/site-packages")
        shutil.copytree(here / "twisted", there / "twisted", ignore=_OURS)
        ours = _OURS(str(here), [entry.name for entry in here.iterdir()])
        for entry in here.iterdir():
            if entry.name not in ours | {"twisted"}:
                there.joinpath(entry.name).symlink_to(entry)
        self.python = [str(home / "bin" / "python"), "-I"]
        self.twistd = [*self.python, "-c", "from twisted.scripts.twistd import run; run()"]

    def pip(self, *arguments: str | Path) -> None:
        """
        Run pip in the environment.
        """
        _output_of(*self.python, "-m", "pip", "--quiet", *arguments)


def _output_of(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


class WheelTests(SynchronousTestCase):
    """
    The contents of the wheel.
    """

    def setUp(self) -> None:
        with ZipFile(find_wheel()) as archive:
            self.names = set(archive.namelist())
            (metadata,) = (name for name in self.names if name.endswith(".dist-info/METADATA"))
            self.metadata = message_from_bytes(archive.read(metadata))

    def test_plugins(self) -> None:
        """
        The wheel adds two files to Twisted's directory of plugins, and nothing else to Twisted.
        """
        in_twisted = {name for name in self.names if name.startswith("twisted/")}

        self.assertEqual(in_twisted, PLUGINS)

    def test_nothing_else(self) -> None:
        """
        The wheel contains the package and its metadata, but no tests, tools or documentation.
        """
        tops = {name.partition("/")[0] for name in self.names}
        (dist_info,) = (top for top in tops if top.endswith(".dist-info"))

        self.assertEqual(tops, {"twisted", "twisted_sse", dist_info})

    def test_complete(self) -> None:
        """
        The wheel contains every module, every static file, every migration and py.typed.
        """
        sources = [
            *ROOT.glob("twisted_sse/**/*.py"),
            *ROOT.glob("twisted_sse/**/*.sql"),
            *ROOT.joinpath(STATIC).rglob("*"),
        ]
        expected = {path.relative_to(ROOT).as_posix() for path in sources if path.is_file()}

        self.assertEqual(expected - self.names, set())
        self.assertIn("twisted_sse/py.typed", self.names)

    def test_license(self) -> None:
        """
        The wheel contains the license, as a name and as text.
        """
        licenses = [name for name in self.names if name.endswith("/LICENSE")]

        self.assertEqual(self.metadata["License-Expression"], "MIT")
        self.assertEqual(len(licenses), 1)

    def test_optional_requirements(self) -> None:
        """
        TLS, HTTP/2 and klein are required always; txredisapi, psycopg and rich only by extras.
        """
        requirements = self.metadata.get_all("Requires-Dist", [])
        always = sorted(each.partition(">")[0] for each in requirements if "extra ==" not in each)

        self.assertEqual(
            always,
            [
                *("klein", "pyopenssl", "service-identity", "treq"),
                *("twisted[http2,tls]", "zope.interface"),
            ],
        )

    def test_extras(self) -> None:
        """
        The wheel has all extras, and "all" has the requirements of programs.
        """
        extras = self.metadata.get_all("Provides-Extra", [])
        requirements = self.metadata.get_all("Requires-Dist", [])
        in_all = [each for each in requirements if 'extra == "all"' in each]

        expected = {"all", "cli", "dev", "docs", "jwt", "metrics", "postgres", "redis", "test"}
        self.assertEqual(set(extras), expected)
        self.assertEqual(len(in_all), 6)


class InstallationTests(SynchronousTestCase):
    """
    An environment into which pip installs the wheel, and removes it again.
    """

    def setUp(self) -> None:
        self.environment = Environment(Path(self.mktemp()))

    def test_install_and_uninstall(self) -> None:
        """
        `twistd sse` exists when the wheel is installed, and not after it is uninstalled.
        """
        before = self.twistd_commands()
        self.environment.pip("install", "--no-deps", "--no-index", find_wheel())
        installed = self.twistd_commands()
        self.environment.pip("uninstall", "--yes", "twisted-sse")
        after = self.twistd_commands()

        self.assertIn("web", before)
        self.assertEqual(installed - before, {"sse"})
        self.assertEqual(after, before)

    def twistd_commands(self) -> set[str]:
        """
        List the services that twistd can run.
        """
        told = _output_of(*self.environment.twistd, "--help")
        listed = told.partition("Commands:")[2].splitlines()
        return {line.split()[0] for line in listed if line.strip()}


class ImportedPackageTests(SynchronousTestCase):
    """
    The origin of the twisted_sse that the tests import.
    """

    def test_origin(self) -> None:
        """
        Tests of an installed wheel import the wheel, not the sources beside the tests.
        """
        is_installed = os.environ.get("TEST_INSTALLED") == "1"
        expected = Path(sysconfig.get_path("purelib")) if is_installed else ROOT
        spec = find_spec("twisted_sse")

        assert spec is not None
        assert spec.origin is not None
        self.assertEqual(Path(spec.origin).resolve().parent.parent, expected.resolve())
