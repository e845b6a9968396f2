"""
The architecture: imports point down, and what is optional stays optional.

All imports count, wherever they stand: at the top, inside a function, or under
TYPE_CHECKING.  Only what Twisted loads by its name as a string is not seen.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["FloorsTests", "FreshInterpreterTests", "PlantedViolationTests", "violations"]

# The floors from the ground up, for the package and for the folders that have floors of their own.
# A module imports from the floors below its own, and from its own folder.  Names in one tuple
# share a floor, and do not import each other.
FLOORS: dict[str, tuple[tuple[str, ...], ...]] = {
    "": (
        ("errors", "clock"),
        ("topics",),
        ("events",),
        ("units", "interfaces"),
        ("transport",),
        ("client", "publisher"),
        ("history",),
        ("broker",),
        ("web",),
        ("hub",),
        ("__init__",),
        ("runs",),
        ("klein", "testing"),
        ("server", "cli"),
        ("__main__",),
    ),
    "transport": (
        ("addresses",),
        (
            "__init__",
            "sockets",
            "refusal",
            "refusals",
            "deadline",
            "framing",
            "keyedrate",
            "proxies",
        ),
        ("acceptlimit", "proxyprotocol", "socketlimit", "sink"),
        ("heads",),
        ("http2", "tls"),
        ("http",),
        ("sinks",),
    ),
    "history": (
        ("memoryruns",),
        ("bell", "follower", "memory", "outage", "plugins", "presencepairs"),
        ("reading", "remote", "storeconnection"),
        ("storefollower", "storehistory"),
        ("sqlite", "postgres", "redis", "upstream"),
        ("__init__", "choice", "factories"),
    ),
    "broker": (
        ("__init__", "gathering", "measures", "parts", "screening", "singleflight", "shutdown"),
        ("audiences",),
        ("connections",),
        ("presence", "replay"),
        (
            "intake",
            "fanout",
            "batch",
            "pendingstarts",
            "publishrate",
            "readiness",
            "receipts",
            "schedule",
            "subscriber",
            "topicchanges",
        ),
        ("endings", "siblings"),
        ("distribution",),
        ("admission",),
        ("broker",),
        ("drain", "publishing", "runregistry", "selftest"),
        ("lifecycle",),
        ("service",),
    ),
}

# What these import from the package, beside themselves, where it is less than what lies below.
REACH = {"client": ["errors", "events", "clock"]}

# The only ones that may import these.  klein chooses a reactor when it is imported, treq is slow
# to import, and the others come with an extra that need not be installed.
OUTSIDERS = {
    "klein": ["klein"],
    "treq": ["client", "testing", "cli"],
    "rich": ["cli"],
    "psycopg": ["history.postgres"],
    "txredisapi": ["history.redis.protocol"],
    "hiredis": ["history.redis.replies"],
    "jwt": ["web.tokens"],
    "prometheus_client": ["web.admin.exposition"],
    "cryptography": ["web.tokens", "web.clientcertificate", "transport.tls"],
}

# These import nothing from outside but the standard library and their own outsiders.
PURE = ["errors", "topics", "events"]

# The most folders and files at the top of the package.
MOST_FOLDERS, MOST_FILES = 12, 8

Imports = Mapping[str, set[str]]


def violations(package: Path) -> list[str]:
    """
    Find every import in a package that breaks a rule of this architecture.

    Args:
        package: The package's directory, which has its name.

    Returns:
        A sentence for each violation, none if there is no violation.
    """
    modules = dict(_modules(package))
    imports = {name: set(_imports(package.name, path, name)) for name, path in modules.items()}
    inside = {
        name: {_module_of(target, package.name, modules) for target in targets} - {""}
        for name, targets in imports.items()
    }
    outside = {
        name: {target.partition(".")[0] for target in targets} - {package.name}
        for name, targets in imports.items()
    }
    homeless = [f"{name} is on no floor" for name in modules if _is_homeless(name)]
    return homeless or [
        *_not_down(inside),
        *_beyond_reach(inside),
        *_cycles(inside),
        *_forbidden(outside),
    ]


def _modules(package: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        is_subpackage = len(parts) > 1 and parts[-1] == "__init__"
        yield ".".join(parts[:-1] if is_subpackage else parts), path


def _imports(package: str, path: Path, name: str) -> Iterator[str]:
    is_package = path.name == "__init__.py"
    home = [package, *name.removesuffix("__init__").split(".")]
    around = [part for part in (home if is_package else home[:-1]) if part]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = around[: len(around) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            # What is imported may be a module or a name in one; _module_of tells them apart.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _module_of(target: str, package: str, modules: Mapping[str, Path]) -> str:
    """
    Find the module that defines an imported name, or "" if it is not in this package.
    """
    if not f"{target}.".startswith(f"{package}."):
        return ""
    name = target.removeprefix(package).removeprefix(".")
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or "__init__"


def _room(name: str, folder: str) -> str:
    """
    The part of *folder* that a module belongs to; its ``__init__`` is one, too.
    """
    inner = name.removeprefix(folder).removeprefix(".")
    return inner.partition(".")[0] or "__init__"


def _floor(room: str, folder: str) -> int | None:
    return next((at for at, rooms in enumerate(FLOORS[folder]) if room in rooms), None)


def _folders_of(name: str) -> Iterator[str]:
    """
    The folders with floors that a module is in, the package itself first.
    """
    yield from (one for one in FLOORS if f"{name}.".startswith(f"{one}.") or not one)


def _is_homeless(name: str) -> bool:
    return any(_floor(_room(name, folder), folder) is None for folder in _folders_of(name))


def _not_down(inside: Imports) -> Iterator[str]:
    for name, targets in inside.items():
        for target in sorted(targets):
            shared = [one for one in _folders_of(name) if one in _folders_of(target)]
            yield from _not_down_in(shared[-1], name, target)


def _not_down_in(folder: str, name: str, target: str) -> Iterator[str]:
    here, there = _room(name, folder), _room(target, folder)
    up = (_floor(there, folder) or 0) - (_floor(here, folder) or 0)
    if here != there and up >= 0:
        yield f"{name} imports {target}, which is {'above' if up else 'beside'} it"


def _beyond_reach(inside: Imports) -> Iterator[str]:
    for name, targets in inside.items():
        room = _room(name, "")
        for target in sorted(targets):
            if room in REACH and _room(target, "") not in [room, *REACH[room]]:
                yield f"{name} imports {target}, and may import only {REACH[room]}"


def _cycles(inside: Imports) -> Iterator[str]:
    try:
        TopologicalSorter(inside).prepare()
    except CycleError as error:
        yield f"{' imports '.join(reversed(error.args[1]))}, a cycle"


def _forbidden(outside: Imports) -> Iterator[str]:
    for name, targets in outside.items():
        for target in sorted(targets - sys.stdlib_module_names):
            if not _is_within(name, OUTSIDERS.get(target, [""])):
                yield f"{name} imports {target}, which only {OUTSIDERS[target]} may"
            elif target not in OUTSIDERS and _is_within(name, PURE):
                yield f"{name} imports {target}, and is to be pure"


def _is_within(name: str, places: list[str]) -> bool:
    return any(not place or f"{name}.".startswith(f"{place}.") for place in places)


def _installed_package() -> Path:
    """
    Find twisted_sse, wherever it is installed, without importing it.
    """
    spec = find_spec("twisted_sse")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


class FloorsTests(SynchronousTestCase):
    """
    The package as it is.
    """

    def test_no_violation(self) -> None:
        """
        Every module has its floor, and imports nothing that it may not.
        """
        found = violations(_installed_package())

        self.assertEqual(found, [])

    def test_not_vacuous(self) -> None:
        """
        The checker has read modules of every floor that is not kept free.
        """
        names = [name for name, _ in _modules(_installed_package())]

        for folder, floors in FLOORS.items():
            rooms = {_room(name, folder) for name in names if _is_within(name, [folder])}
            self.assertEqual(rooms, {room for floor in floors for room in floor}, folder)

    def test_top(self) -> None:
        """
        The top of the package is small enough to be read at a glance.
        """
        inside = [path for path in _installed_package().iterdir() if path.name != "__pycache__"]
        folders = [path for path in inside if path.is_dir()]
        files = [path for path in inside if path.suffix == ".py"]

        self.assertLessEqual(len(folders), MOST_FOLDERS)
        self.assertLessEqual(len(files), MOST_FILES)


class PlantedViolationTests(SynchronousTestCase):
    """
    The checker, given packages that are wrong.
    """

    CASES = [
        ("unknown module", {"helpers": ""}, "helpers is on no floor"),
        ("unknown module of the broker", {"broker/tools": ""}, "broker.tools is on no floor"),
        (
            "upward",
            {
                "events/event": "from planted.broker.intake import Intake",
                "broker/intake": "Intake = 1",
            },
            "events.event imports broker.intake, which is above it",
        ),
        (
            "upward, relative",
            {"history/memory": "from ..broker.batch import Batch", "broker/batch": "Batch = 1"},
            "history.memory imports broker.batch, which is above it",
        ),
        (
            "upward, relative, from a package",
            {"history/__init__": "from .. import hub", "hub": ""},
            "history imports hub, which is above it",
        ),
        (
            "upward, in a function",
            {"broker/drain": "def f():\n    import planted.web.auth", "web/auth": ""},
            "broker.drain imports web.auth, which is above it",
        ),
        (
            "upward, for types only",
            {
                "events/codec": "from typing import TYPE_CHECKING\n"
                "if TYPE_CHECKING:\n"
                "    from planted import interfaces",
                "interfaces": "",
            },
            "events.codec imports interfaces, which is above it",
        ),
        (
            "upward, to the package itself",
            {"web/stream": "from planted import Hub", "__init__": "Hub = 1"},
            "web.stream imports __init__, which is above it",
        ),
        (
            "the package itself, upward",
            {"__init__": "from planted.server.tap import Options", "server/tap": ""},
            "__init__ imports server.tap, which is above it",
        ),
        (
            "upward in a folder",
            {
                "broker/audiences/window": "from planted.broker.fanout import Fanout",
                "broker/fanout": "Fanout = 1",
            },
            "broker.audiences.window imports broker.fanout, which is above it",
        ),
        (
            "sideways",
            {"cli/options": "from planted.server import config", "server/config": ""},
            "cli.options imports server.config, which is beside it",
        ),
        (
            "sideways, between files",
            {"errors": "import planted.clock", "clock": ""},
            "errors imports clock, which is beside it",
        ),
        (
            "sideways in a folder",
            {"history/sqlite/row": "from ..redis import entry", "history/redis/entry": ""},
            "history.sqlite.row imports history.redis.entry, which is beside it",
        ),
        (
            "beyond its reach",
            {"client/source": "from planted import units", "units": ""},
            "client.source imports units, and may import only ['errors', 'events', 'clock']",
        ),
        (
            "cycle",
            {
                "web/pages": "from planted.web.window import Window",
                "web/window": "from planted.web import catchup",
                "web/catchup": "import planted.web.pages",
            },
            "a cycle",
        ),
        (
            "klein",
            {"web/stream": "from klein import Klein"},
            "web.stream imports klein, which only ['klein'] may",
        ),
        (
            "treq",
            {"hub": "import treq.client"},
            "hub imports treq, which only ['client', 'testing', 'cli'] may",
        ),
        (
            "impure",
            {"topics": "from twisted.internet import defer"},
            "topics imports twisted, and is to be pure",
        ),
    ]

    def test_found(self) -> None:
        """
        A package with one violation gets one sentence that names it.
        """
        for title, modules, sentence in self.CASES:
            found = violations(self.plant(modules))

            self.assertEqual(len(found), 1, title)
            self.assertIn(sentence, found[0], title)

    def test_allowed(self) -> None:
        """
        Imports down and within a folder, and those of their only rightful importers, are fine.
        """
        package = self.plant(
            {
                "__init__": "from planted.hub import Hub\nfrom .web import stream",
                "hub": "import json, twisted.python\nfrom planted.broker.drain import drain",
                "broker/drain": "from . import batch, shutdown\nfrom planted import errors",
                "broker/batch": "",
                "broker/shutdown": "",
                "errors": "import dataclasses",
                "events/event": "from planted.errors import InvalidEvent",
                "web/__init__": "from planted.web import stream",
                "web/stream": "from ..broker.drain import drain",
                "client/__init__": "from planted.client.source import EventSource",
                "client/source": "import treq\nfrom planted.events.event import Event",
                "klein": "from klein import Klein\nfrom planted import Hub",
            }
        )

        self.assertEqual(violations(package), [])

    def plant(self, modules: dict[str, str]) -> Path:
        """
        Write a package with these modules, keyed by their paths without the suffix.
        """
        package = Path(self.mktemp(), "planted")
        for name, source in modules.items():
            path = package / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        return package


class FreshInterpreterTests(SynchronousTestCase):
    """
    What an import leaves behind in a process that has done nothing else.
    """

    def test_package(self) -> None:
        """
        `import twisted_sse` imports neither klein nor treq, and leaves the reactor unchosen.
        """
        loaded = self.loaded_by("import twisted_sse")

        self.assertIn("twisted_sse", loaded)
        self.assertEqual(loaded & {"klein", "treq", "twisted.internet.reactor"}, set())

    def test_hub(self) -> None:
        """
        A hub that was made, and not used yet, has chosen no reactor.
        """
        made = "twisted_sse.Hub(), twisted_sse.Hub(twisted_sse.SQLiteHistory('events.db'))"
        loaded = self.loaded_by("import twisted_sse", made)

        self.assertNotIn("twisted.internet.reactor", loaded)

    def test_every_module(self) -> None:
        """
        No module but klein's chooses the reactor.
        """
        names = [name for name, _ in _modules(_installed_package())]
        names = [name for name in names if _room(name, "") != "klein"]
        importable = [name for name in names if name not in {"__init__", "__main__"}]

        loaded = self.loaded_by(*(f"import twisted_sse.{name}" for name in importable))

        self.assertEqual(loaded & {"klein", "twisted.internet.reactor"}, set())

    def loaded_by(self, *statements: str) -> set[str]:
        """
        Run statements in a new interpreter and list the modules that it then has.
        """
        program = "\n".join(["import sys", *statements, "print(*sys.modules)"])
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, text=True
        )
        return set(done.stdout.split())
