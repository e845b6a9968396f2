"""
Histories that are found as Twisted plugins, and chosen by a scheme.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.processes import find_twistd
from tests.support.waiting import PATIENCE
from twisted_sse.history import MemoryHistory
from twisted_sse.history.plugins import build_history, describe_histories, find_factories
from twisted_sse.interfaces import IHistoryFactory

__all__ = ["BuildTests", "FindTests", "ImportTests", "StrangerTests"]

OURS = [
    *("memory", "postgres", "postgresql", "redis", "redis+sentinel", "redis+unix"),
    *("rediss", "rediss+sentinel", "sqlite", "upstream"),
]

# Plugins of others: a valid one, one with a scheme of this package, two with the
# same scheme, one that is not a factory, and one that breaks its interface.
STRANGERS = {
    "right_plugin": """
from strangers import Echo
echo = Echo("echo")
again = echo
hijacker = Echo("memory")
first = Echo("twice")
""",
    "other_plugin": """
from others import Other
second = Other("twice")
neither = "a text"
""",
    "unfit_plugin": """
from others import Unfit
unfit = Unfit()
""",
    "broken_plugin": "raise RuntimeError('it is broken')",
}

STRANGERS_MODULE = '''
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryFactory
from zope.interface import implementer

@implementer(IHistoryFactory)
class Echo:
    def __init__(self, scheme):
        self.scheme = scheme
        self.usage = f"""{scheme}:
            ANYTHING"""

    def build(self, arguments):
        if not arguments:
            raise ValueError("it wants more")
        print(f"built with {arguments!r}")
        return MemoryHistory()
'''

OTHERS_MODULE = """
from twisted_sse.interfaces import IHistoryFactory
from zope.interface import implementer
from strangers import Echo

class Other(Echo):
    pass

@implementer(IHistoryFactory)
class Unfit:
    usage = "unfit:"

    def build(self, arguments):
        pass
"""


class FindTests(SynchronousTestCase):
    """
    This package's factories.
    """

    def test_ours(self) -> None:
        """
        Twisted finds them, and each provides its interface.
        """
        found = {each.scheme: each for each in getPlugins(IHistoryFactory)}

        self.assertLessEqual(set(OURS), set(found))
        for scheme in OURS:
            with self.subTest(scheme=scheme):
                self.assertTrue(verifyObject(IHistoryFactory, found[scheme]))
                self.assertTrue(found[scheme].usage.startswith(f"{scheme}:"))

    def test_sorted(self) -> None:
        """
        They are sorted by scheme.
        """
        schemes = [each.scheme for each in find_factories()]

        self.assertEqual(schemes, sorted(schemes))

    def test_described(self) -> None:
        """
        Each has a line: scheme, usage, and module.
        """
        described = describe_histories().splitlines()

        for scheme in OURS:
            with self.subTest(scheme=scheme):
                (line,) = (one for one in described if one.split()[0] == scheme)
                self.assertTrue(line.split()[1].startswith(f"{scheme}:"))
                self.assertTrue(line.endswith("(twisted_sse.history.factories)"), line)


class BuildTests(SynchronousTestCase):
    """
    ``SCHEME:ARGUMENTS``.
    """

    BAD = [
        ("", "history '' is unknown: use "),
        ("disk", "history 'disk' is unknown"),
        ("Memory", "history 'Memory' is unknown"),
        ("disk:/run/x:y", "history 'disk' is unknown"),
        ("memory:size=1", "'size' is unknown: use events, bytes, age; write memory:events="),
        ("memory:events=0", "events: '0' is not a whole number greater than 0; write memory:"),
    ]

    def test_scheme(self) -> None:
        """
        The scheme chooses the factory; the colon may be left out if nothing follows.
        """
        for text in ("memory", "memory:", "memory:events=5"):
            with self.subTest(text=text):
                self.assertIsInstance(build_history(text), MemoryHistory)

    def test_unknown(self) -> None:
        """
        The error for an unknown scheme lists the installed ones.
        """
        schemes = ", ".join(each.scheme for each in find_factories())
        with self.assertRaises(ValueError) as caught:
            build_history("disk:x")

        self.assertEqual(
            str(caught.exception),
            f"history 'disk' is unknown: use {schemes}; try --history help",
        )

    def test_bad(self) -> None:
        """
        The error names the mistake, and shows the usage.
        """
        for text, expected in self.BAD:
            with self.subTest(text=text):
                with self.assertRaises(ValueError) as caught:
                    build_history(text)

                self.assertTrue(str(caught.exception).startswith(expected), caught.exception)


class StrangerTests(SynchronousTestCase):
    """
    Plugins of others, in a directory on Python's path.
    """

    directory: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Write the plugins, and the modules that they import.
        """
        cls.directory = Path("strangers").resolve()
        plugins = cls.directory / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        for name, text in STRANGERS.items():
            plugins.joinpath(f"{name}.py").write_text(text, "utf-8")
        cls.directory.joinpath("strangers.py").write_text(STRANGERS_MODULE, "utf-8")
        cls.directory.joinpath("others.py").write_text(OTHERS_MODULE, "utf-8")

    def twistd(self, *options: str) -> "subprocess.CompletedProcess[str]":
        """
        Run ``twistd sse`` with *options* and the plugins of others.
        """
        path = [str(self.directory), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.run(
            [find_twistd(), "-n", "--pidfile=", "sse", "--check-config", *options],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def test_help(self) -> None:
        """
        Valid plugins are listed, each on one line; a broken one is logged and ignored.
        """
        done = self.twistd("--history", "help")
        lines = [line.split() for line in done.stdout.splitlines()]
        listed = [(line[0], line[-1].strip("()").partition(".")[0]) for line in lines]

        self.assertEqual(done.returncode, 0)
        self.assertEqual(
            listed,
            [
                ("echo", "strangers"),
                *[(scheme, "twisted_sse") for scheme in OURS[:-1]],
                ("twice", "others"),
                ("twice", "strangers"),
                ("upstream", "twisted_sse"),
            ],
        )
        self.assertIn("echo             echo: ANYTHING  (strangers)\n", done.stdout)
        self.assertIn("it is broken", done.stderr)
        self.assertIn("A history factory of others is ignored: ", done.stderr)

    def test_built(self) -> None:
        """
        The plugin gets everything after the first colon, with colons and commas.
        """
        done = self.twistd("--history", "echo:a:b,c=d")

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "built with 'a:b,c=d'\nThe configuration is good.\n")

    def test_refused(self) -> None:
        """
        A plugin's error is shown in one sentence, with the plugin's usage.
        """
        done = self.twistd("--history", "echo:")

        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr.splitlines()[-1],
            "twistd sse: --history: it wants more; write echo: ANYTHING.",
        )

    def test_ours_wins(self) -> None:
        """
        A plugin cannot replace a scheme of this package.
        """
        done = self.twistd("--history", "memory:events=5")

        self.assertEqual(done.stdout, "The configuration is good.\n")

    def test_two(self) -> None:
        """
        A scheme of two plugins is refused, and both modules are named.
        """
        done = self.twistd("--history", "twice:x")

        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr.splitlines()[-1],
            "twistd sse: --history: others and strangers both provide history 'twice'; "
            "uninstall one of them.",
        )


class ImportTests(SynchronousTestCase):
    """
    The imports of a search for plugins.
    """

    def loaded_by(self, program: str) -> set[str]:
        """
        Return the modules that a new interpreter has imported after *program*.
        """
        done = subprocess.run(
            [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return set(done.stdout.split())

    def test_services(self) -> None:
        """
        A search for services, which every twistd makes, does not import the factories.
        """
        # Twisted imports every new plugin module once, and caches its content.
        list(getPlugins(IHistoryFactory))
        loaded = self.loaded_by(
            "from twisted.application.service import IServiceMaker\n"
            "from twisted.plugin import getPlugins\n"
            "list(getPlugins(IServiceMaker))"
        )

        self.assertIn("twisted.plugins.twisted_sse_plugin", loaded)
        self.assertNotIn("twisted_sse.history.factories", loaded)

    def test_histories(self) -> None:
        """
        A search for histories imports neither a database client nor a reactor.
        """
        loaded = self.loaded_by("import twisted.plugins.twisted_sse_history_plugin")

        self.assertIn("twisted_sse.history.factories", loaded)
        self.assertEqual(loaded & {"psycopg", "txredisapi", "twisted.internet.reactor"}, set())
