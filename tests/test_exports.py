"""
The public surface: what each module exports, and that all of it is documented.
"""

import inspect
import pkgutil
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from types import FunctionType, ModuleType

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementedBy
from zope.interface.interface import InterfaceClass

import twisted_sse
import twisted_sse.client

__all__ = ["ExportsTests", "PlantedMistakeTests", "undocumented", "wrong_exports"]

# The names that programs may rely on: removing one must be deliberate.
PUBLIC = [
    "CORS",
    "JWT",
    "BearerTokens",
    "ClientCertificate",
    "Connection",
    "EndReason",
    "EventSourceResponse",
    "EventStream",
    "Forbidden",
    "Grant",
    "Hub",
    "IHistoryProvider",
    "ISharedHistoryProvider",
    "MemoryHistory",
    "NoContent",
    "Presence",
    "PresenceMember",
    "Publisher",
    "Receipt",
    "ResponseStream",
    "SQLiteHistory",
    "ServerSentEvent",
    "StreamClosed",
    "Unauthorized",
    "event_stream_for",
]

# The names of the client.
CLIENT = [
    "CONTROL_EVENTS",
    "Backoff",
    "Comment",
    "Control",
    "EventSource",
    "Lost",
    "Opened",
    "Publisher",
    "ReadyState",
    "Signal",
]

_METHODS = (FunctionType, classmethod, staticmethod, property, cached_property)


def wrong_exports(module: ModuleType) -> Iterator[str]:
    """
    Find what is wrong with the __all__ of a module, a sentence for each mistake.
    """
    names = getattr(module, "__all__", None)
    if names is None:
        yield f"{module.__name__} has no __all__"
        return
    if names != sorted(set(names), key=_constants_classes_functions):
        yield f"{module.__name__}.__all__ is not sorted, or names something twice"
    for name in names:
        if name.startswith("_"):
            yield f"{module.__name__} exports {name}, which is private"
        if not hasattr(module, name):
            yield f"{module.__name__} exports {name}, which does not exist"


def _constants_classes_functions(name: str) -> tuple[bool, bool, str]:
    # The order of ruff's RUF022, which takes a single capital letter for a class.
    is_constant = name.isupper() and len(name) > 1
    return not is_constant, not name[:1].isupper(), name


def undocumented(module: ModuleType) -> Iterator[str]:
    """
    Find the public classes, interfaces, functions and methods of a module without a docstring.

    A method that a base class or an interface declares is documented there.
    """
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if not (isinstance(value, type | InterfaceClass) or callable(inspect.unwrap(value))):
            continue
        if not (value.__doc__ or "").strip():
            yield f"{module.__name__}.{name}"
        for method in _undocumented_methods(value):
            yield f"{module.__name__}.{name}.{method}"


def _undocumented_methods(value: object) -> Iterator[str]:
    if isinstance(value, InterfaceClass):
        yield from (name for name, method in value.namesAndDescriptions() if not method.__doc__)
    elif isinstance(value, type):
        declared = {name for interface in implementedBy(value) for name in interface.names(True)}
        inherited = {name for base in value.__mro__[1:] for name in vars(base)}
        for name, method in vars(value).items():
            is_own = not name.startswith("_") and name not in declared | inherited
            if is_own and isinstance(method, _METHODS) and not method.__doc__:
                yield name


def _modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(twisted_sse.__path__, "twisted_sse.")
    # Importing __main__ runs it, and it has no exports.
    names = [module.name for module in found if not module.name.endswith(".__main__")]
    return [twisted_sse, *map(import_module, names)]


class ExportsTests(SynchronousTestCase):
    """
    The package as it is.
    """

    def test_public_names(self) -> None:
        """
        The package exports exactly the promised names.
        """
        self.assertEqual(twisted_sse.__all__, PUBLIC)

    def test_client_names(self) -> None:
        """
        The client exports exactly the promised names.
        """
        self.assertEqual(twisted_sse.client.__all__, CLIENT)

    def test_all(self) -> None:
        """
        Every `__all__` is sorted, and lists existing public names.
        """
        mistakes = [mistake for module in _modules() for mistake in wrong_exports(module)]

        self.assertEqual(mistakes, [])

    def test_docstrings(self) -> None:
        """
        Every public name has a docstring.
        """
        silent = [name for module in _modules() for name in undocumented(module)]

        self.assertEqual(silent, [])

    def test_one_meaning(self) -> None:
        """
        A name that two modules export is the same object.
        """
        meanings: dict[str, dict[int, str]] = {}
        for module in _modules():
            for name in module.__all__:
                meaning = meanings.setdefault(name, {})
                meaning.setdefault(id(getattr(module, name)), module.__name__)

        several = {name for name, found in meanings.items() if len(found) > 1}
        # One waits for the hub without a reactor, the other one is for coroutines.
        self.assertEqual(several, {"Publisher"})


class PlantedMistakeTests(SynchronousTestCase):
    """
    The checks, given modules with planted mistakes.
    """

    EXPORTS = [
        ("", "planted has no __all__"),
        ("__all__ = ['b', 'a']; a = b = 1", "planted.__all__ is not sorted, or names"),
        ("__all__ = ['a', 'a']; a = 1", "planted.__all__ is not sorted, or names"),
        ("__all__ = ['_a']; _a = 1", "planted exports _a, which is private"),
        ("__all__ = ['a']", "planted exports a, which does not exist"),
    ]

    DOCSTRINGS = [
        ("def f(): pass", ["planted.f"]),
        ("from functools import cache\n@cache\ndef f(): pass", ["planted.f"]),
        ("class C: pass", ["planted.C"]),
        ("class C:\n  'Yes.'\n  def f(self): pass", ["planted.C.f"]),
        ("class C:\n  'Yes.'\n  @property\n  def f(self): pass", ["planted.C.f"]),
        ("class C:\n  'Yes.'\n  @classmethod\n  def f(cls): pass", ["planted.C.f"]),
        (
            "from zope.interface import Interface\nclass I(Interface):\n  'Yes.'\n  def f(): pass",
            ["planted.I.f"],
        ),
    ]

    FINE = """
from zope.interface import Interface, implementer

__all__ = ["ONE", "C", "f"]

ONE = 1

class I(Interface):
    "Yes."
    def declared():
        "Yes."

@implementer(I)
class C(Exception):
    "Yes."
    limit = 3
    def declared(self): pass
    def with_traceback(self): pass
    def _private(self): pass

def f():
    "Yes."

def _g(): pass
"""

    def test_exports(self) -> None:
        """
        Every mistake in an `__all__` is found.
        """
        for source, sentence in self.EXPORTS:
            (mistake,) = wrong_exports(self.plant(source))

            self.assertIn(sentence, mistake)

    def test_docstrings(self) -> None:
        """
        Every public name without a docstring is found.
        """
        for source, names in self.DOCSTRINGS:
            found = list(undocumented(self.plant(source)))

            self.assertEqual(found, names)

    def test_fine(self) -> None:
        """
        Private names, and methods that are documented where they are declared, are accepted.
        """
        module = self.plant(self.FINE)

        self.assertEqual(list(wrong_exports(module)), [])
        self.assertEqual(list(undocumented(module)), [])

    def plant(self, source: str) -> ModuleType:
        """
        Make a module from a few lines.
        """
        module = ModuleType("planted")
        exec(source, vars(module))
        return module
