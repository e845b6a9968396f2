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

# Where each module lives.  It may import what lives below it or beside it; "__init__" is the
# package itself, and "web.*" is web with everything in it.
FLOORS = {
    7: ["tap", "cli.*", "__main__"],
    6: [
        *["hub", "service", "server", "config", "demo", "port", "signals", "advice", "collector"],
        *["klein.*", "testing.*", "upstream.*", "__init__"],
    ],
    5: ["web.*", "client.*"],
    4: [
        # the engine
        *["exchange", "audience", "audiences", "payloads", "window", "catchup", "pages"],
        *["connection", "opening", "intake", "fanout", "drain", "registry", "keepalive"],
        *["patience", "flights", "schedule", "listeners", "batch", "source", "outlet", "running"],
        *["leaving", "reason", "owner", "expiry", "terms"],
        # the wire side
        *["sink", "sinks", "socketsink", "requestsink", "sockets", "framing", "http2"],
        *["h2sink", "h2machine", "channel", "allowance", "tls", "certificates"],
        *["listening", "certificate"],
    ],
    3: ["history.*"],
    2: ["interfaces", "grant", "clock", "authorities"],
    1: ["wire", "topics.*", "tokens", "publication", "units", "media", "annotation"],
    0: ["event", "errors", "control"],
}

# The highest floor that these may import beside themselves, where it is not their own.
REACH = {"client.*": 1}

# The only modules that may import these.  klein chooses a reactor when it is imported, treq is
# slow to import, and the others come with an extra that need not be installed.
OUTSIDERS = {
    "klein": ["klein.*"],
    "treq": ["client.*", "testing.*", "cli.*"],
    "rich": ["cli.*"],
    "txredisapi": ["history.redis.protocol"],
    "jwt": ["tokens"],
    "cryptography": ["tokens", "certificate"],
}

# The floors that import nothing from outside but the standard library and their own outsiders.
PURE = [0, 1]

Imports = Mapping[str, set[str]]
_NOWHERE = -1


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
    homeless = [f"{name} is on no floor" for name in modules if _floor(name) == _NOWHERE]
    return homeless or [*_upward(inside), *_cycles(inside), *_forbidden(outside)]


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


def _family(name: str) -> str:
    return f"{name.partition('.')[0]}.*"


def _floor(name: str) -> int:
    for floor, residents in FLOORS.items():
        if name in residents or _family(name) in residents:
            return floor
    return _NOWHERE


def _upward(inside: Imports) -> Iterator[str]:
    for name, targets in inside.items():
        family = _family(name)
        reach = REACH.get(family, _floor(name))
        for target in sorted(targets):
            if _floor(target) > reach and not (family in REACH and _family(target) == family):
                yield f"{name} (up to floor {reach}) imports {target} (floor {_floor(target)})"


def _cycles(inside: Imports) -> Iterator[str]:
    try:
        TopologicalSorter(inside).prepare()
    except CycleError as error:
        yield f"{' imports '.join(reversed(error.args[1]))}, a cycle"


def _forbidden(outside: Imports) -> Iterator[str]:
    for name, targets in outside.items():
        for target in sorted(targets - sys.stdlib_module_names):
            if not {name, _family(name)} & set(OUTSIDERS.get(target, [name])):
                yield f"{name} imports {target}, which only {OUTSIDERS[target]} may"
            elif target not in OUTSIDERS and _floor(name) in PURE:
                yield f"{name} (floor {_floor(name)}) imports {target}, and is to be pure"


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
        The checker has read modules of every floor that has any.
        """
        names = [name for name, _ in _modules(_installed_package())]

        self.assertIn("event", names)
        self.assertIn("interfaces", names)


class PlantedViolationTests(SynchronousTestCase):
    """
    The checker, given packages that are wrong.
    """

    CASES = [
        ("unknown module", {"helpers": ""}, "helpers is on no floor"),
        (
            "upward",
            {"event": "from planted.window import Window", "window": "Window = 1"},
            "event (up to floor 0) imports window (floor 4)",
        ),
        (
            "upward, relative",
            {"history/memory": "from ..window import Window", "window": "Window = 1"},
            "history.memory (up to floor 3) imports window (floor 4)",
        ),
        (
            "upward, relative, from a package",
            {"history/__init__": "from .. import window", "window": ""},
            "history (up to floor 3) imports window (floor 4)",
        ),
        (
            "upward, in a function",
            {"window": "def f():\n    import planted.web.auth", "web/auth": ""},
            "window (up to floor 4) imports web.auth (floor 5)",
        ),
        (
            "upward, for types only",
            {
                "wire": "from typing import TYPE_CHECKING\n"
                "if TYPE_CHECKING:\n"
                "    from planted import grant",
                "grant": "",
            },
            "wire (up to floor 1) imports grant (floor 2)",
        ),
        (
            "upward, to the package itself",
            {"web/stream": "from planted import Hub", "__init__": "Hub = 1"},
            "web.stream (up to floor 5) imports __init__ (floor 6)",
        ),
        (
            "the package itself, upward",
            {"__init__": "from planted.tap import Options", "tap": ""},
            "__init__ (up to floor 6) imports tap (floor 7)",
        ),
        (
            "beyond its reach",
            {"client/source": "from planted import interfaces", "interfaces": ""},
            "client.source (up to floor 1) imports interfaces (floor 2)",
        ),
        (
            "cycle",
            {
                "pages": "from planted.window import Window",
                "window": "from planted import catchup",
                "catchup": "import planted.pages",
            },
            "a cycle",
        ),
        (
            "klein",
            {"web/stream": "from klein import Klein"},
            "web.stream imports klein, which only ['klein.*'] may",
        ),
        (
            "treq",
            {"hub": "import treq.client"},
            "hub imports treq, which only ['client.*', 'testing.*', 'cli.*'] may",
        ),
        (
            "impure",
            {"topics": "from twisted.internet import defer"},
            "topics (floor 1) imports twisted, and is to be pure",
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
        Imports down and along a floor, and those of their only rightful importers, are fine.
        """
        package = self.plant(
            {
                "__init__": "from planted.hub import Hub\nfrom .web import stream",
                "hub": "import json, twisted.python\nfrom planted.window import Window",
                "window": "from . import event, registry",
                "registry": "",
                "event": "import dataclasses",
                "web/__init__": "from planted.web import stream",
                "web/stream": "from ..window import Window",
                "client/__init__": "from planted.client.source import EventSource",
                "client/source": "import treq\nfrom planted.event import Event",
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
        names = [name for name in names if _family(name) != "klein.*"]
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
