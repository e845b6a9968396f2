"""
The modules that are public: the reference names them.
"""

import re
from importlib import import_module
from types import ModuleType

__all__ = ["public_modules"]


def public_modules(reference: str) -> list[str]:
    """
    The modules that the text of docs/reference.md names, each imported.
    """
    code = " ".join(re.findall(r"`([^`\n]+)`", reference))
    found = map(_module_in, re.findall(r"twisted_sse[\w.]*", code))
    return sorted({module.__name__ for module in found if module})


def _module_in(dotted: str) -> ModuleType | None:
    while dotted:
        try:
            return import_module(dotted)
        except ModuleNotFoundError:
            dotted = dotted.rpartition(".")[0]
    return None
