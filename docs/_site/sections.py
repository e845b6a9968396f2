"""
The sidebar follows the pages that are indexes.

A page that no index links to is in no section, which is a warning and fails the build.
"""

import re
from typing import Any

from sphinx.application import Sphinx

__all__ = ["setup"]

# Pages whose links to files below them are the contents of a section.
_INDEXES = [
    *("docs/api/index", "docs/how-to/index", "docs/migrate/index"),
    *("examples/README", "examples/history_plugin/README", "examples/react/README"),
]


def _add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    if name in _INDEXES:
        pages = dict.fromkeys(re.findall(r"\]\(([\w/-]+)\.(?:md|py)(?:#[\w-]+)?\)", source[0]))
        source[0] += "\n:::{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n:::\n"


def setup(app: Sphinx) -> dict[str, Any]:
    """
    Called by Sphinx.
    """
    app.connect("source-read", _add_contents)
    return {"parallel_read_safe": True}
