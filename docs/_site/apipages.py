"""
The API reference: a block ``:::{public} MODULE`` in docs/api/ becomes what docstrings say.

The block lists names of the module; without a list, it has all names that no other block has.
A public name that is in no block, or in two, is a warning, which fails the build.
"""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from publicmodules import public_modules
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import GoogleDocstring
from sphinx.util import logging
from zope.interface import Attribute
from zope.interface.interface import InterfaceClass, Method

__all__ = ["Block", "blocks", "setup"]

_LOG = logging.getLogger(__name__)

_REPRESENTED = re.compile(r"~?<InterfaceClass [\w.]*?(\w+)>")
_BLOCK = re.compile(r"^:::\{public\} (?P<module>[\w.]+)\n(?P<names>[^:]*):::$", re.M)


class Block(NamedTuple):
    """
    The names that one block documents.

    Attributes:
        module: The module that exports them.

        names: In the order of the page.
    """

    module: str
    names: list[str]


def blocks(pages: dict[str, str]) -> dict[str, list[Block]]:
    """
    Find what each page documents.

    Args:
        pages: The names of pages, and their texts.
    """
    listed = [
        (page, found["module"], found["names"].split())
        for page, text in pages.items()
        for found in _BLOCK.finditer(text)
    ]
    taken = {_key(module, name) for _, module, names in listed for name in names}
    result: dict[str, list[Block]] = {page: [] for page in pages}
    for page, module, names in listed:
        rest = [one for one in import_module(module).__all__ if _key(module, one) not in taken]
        result[page].append(Block(module, names or rest))
    return result


def _key(module: str, name: str) -> object:
    """
    Tell apart what is exported: a class that two modules export is one thing.
    """
    value = getattr(import_module(module), name)
    is_named = isinstance(value, type | InterfaceClass) or inspect.isfunction(value)
    return value if is_named else (module, name)


def _check(app: Sphinx) -> None:
    """
    Warn about each public name that is not documented exactly once.
    """
    directory = Path(app.srcdir) / "docs"
    found = blocks(_read(directory / "api"))
    keys = [_key(one.module, name) for page in found.values() for one in page for name in one.names]
    reference = (directory / "reference.md").read_text("utf-8")
    for module in public_modules(reference):
        for name in import_module(module).__all__:
            if (count := keys.count(_key(module, name))) != 1:
                _LOG.warning("%s.%s is in %d blocks of docs/api/, not in one", module, name, count)


def _read(directory: Path) -> dict[str, str]:
    return {path.stem: path.read_text("utf-8") for path in sorted(directory.glob("*.md"))}


def _fill(app: Sphinx, name: str, source: list[str]) -> None:
    if not name.startswith("docs/api/"):
        return
    page = name.rpartition("/")[2]
    found = iter(blocks(_read(Path(app.srcdir) / "docs" / "api"))[page])

    def replace(_: re.Match[str]) -> str:
        block = next(found)
        return "\n".join(_section(app, block.module, name) for name in block.names)

    source[0] = _BLOCK.sub(replace, source[0])


def _section(app: Sphinx, module: str, name: str) -> str:
    """
    A heading, because headings are what the list of contents beside a page shows.
    """
    text = "\n".join(_document(app, module, name))
    return f"## {name}\n\n````{{eval-rst}}\n.. py:currentmodule:: {module}\n\n{text}\n````\n"


def _document(app: Sphinx, module: str, name: str) -> Iterator[str]:
    value = getattr(import_module(module), name)
    if isinstance(value, InterfaceClass):
        yield from _interface(app, name, value)
    elif inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        yield f".. auto{kind}:: {module}.{name}"
        if members := list(_members(value)):
            yield f"   :members: {', '.join(members)}"
    else:
        yield f".. auto{'function' if inspect.isroutine(value) else 'data'}:: {module}.{name}"
    yield ""


def _members(value: type) -> Iterator[str]:
    """
    What this package defines, and Twisted does not call: its names are in camelCase.
    """
    described: dict[str, object] = {}
    for base in reversed(value.__mro__):
        if base.__module__.partition(".")[0] == "twisted_sse":
            described.update(vars(base))
    for name, member in described.items():
        is_ours = not name.startswith(("_", "test_")) and name == name.lower()
        if is_ours and (inspect.isroutine(member) or isinstance(member, property)):
            yield name


def _interface(app: Sphinx, name: str, value: InterfaceClass) -> Iterator[str]:
    yield f".. py:class:: {name}"
    yield "   :abstract:"
    yield ""
    bases = [base.__name__ for base in value.__bases__ if base.__name__ != "Interface"]
    if bases:
        yield f"   Extends {', '.join(f'`{base}`' for base in bases)}."
        yield ""
    yield from _indented(app, value.__doc__, "   ")
    members = [(one, member) for one, member in value.namesAndDescriptions() if one != "__doc__"]
    for member_name, member in members:
        if isinstance(member, Method):
            yield f"   .. py:method:: {member_name}{member.getSignatureString()}"
        elif isinstance(member, Attribute):
            yield f"   .. py:attribute:: {member_name}"
        yield ""
        yield from _indented(app, member.__doc__, "      ")


def _indented(app: Sphinx, text: str | None, before: str) -> Iterator[str]:
    for line in str(GoogleDocstring(inspect.cleandoc(text or ""), app.config)).splitlines():
        yield before + line if line else ""
    yield ""


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """
    Find what a docstring names without its module.
    """
    if node.get("refdomain") != "py":
        return None
    domain = env.domains.python_domain
    target = node["reftarget"].rpartition(".")[2] if "." in node["reftarget"] else node["reftarget"]
    matches = [one for one in domain.find_obj(env, "", "", target, None, 1) if one[0] != target]
    if len(matches) != 1 or not app.builder:
        return None
    name, entry = matches[0]
    found = nodes.reference("", "", content, internal=True, reftitle=name)
    found["refuri"] = app.builder.get_relative_uri(node["refdoc"], entry.docname)
    found["refuri"] += f"#{entry.node_id}"
    return found


def _name_interfaces(
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    arguments: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """
    Write interfaces in signatures by their names: as they are represented, no parser reads them.
    """

    def named(text: str | None) -> str | None:
        return text and _REPRESENTED.sub(r"\1", text)

    return named(arguments), named(returned)


def setup(app: Sphinx) -> dict[str, Any]:
    """
    Called by Sphinx.
    """
    app.connect("autodoc-process-signature", _name_interfaces)
    app.connect("builder-inited", _check)
    app.connect("source-read", _fill)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}
