"""
Build the site: check the spelling, then let Sphinx write HTML, with every warning an error.

Usage: build.py DIRECTORY

It needs the extra ``docs``, and no network.
"""

import gc
import sys
from pathlib import Path

from codespell_lib import main as check_spelling
from sphinx.cmd.build import main as build

__all__: list[str] = []

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent.parent

# Where people read prose: pages, and the docstrings that become the API reference.
_PROSE = ["docs", "examples", "newsfragments", "twisted_sse", "benchmarks/README.md"]


def _build(directory: str) -> int:
    pages = [str(path) for path in sorted(_ROOT.glob("*.md"))]
    prose = [*pages, *(str(_ROOT / path) for path in _PROSE)]
    misspelled = check_spelling("--toml", str(_ROOT / "pyproject.toml"), *prose)
    if misspelled:
        print("Words are misspelled; [tool.codespell] in pyproject.toml has the exceptions.")
    caches = ["-d", str(Path(directory) / ".doctrees")]
    strict = ["--fail-on-warning", "--fresh-env", "--quiet"]
    failed = build([*strict, "-c", str(_HERE), *caches, str(_ROOT), directory])
    return 1 if misspelled or failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    # Sphinx makes millions of objects that stay.  To look for garbage among them as often as
    # Python does takes a quarter of the time.
    gc.set_threshold(100_000, 50, 50)
    sys.exit(_build(sys.argv[1]))
