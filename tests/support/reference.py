"""
The table of options in docs/reference.md, made from the table in the code.

``python -m tests.support.reference`` writes it; a test compares it.
"""

from __future__ import annotations

from pathlib import Path

from twisted_sse.server.config.option import Option
from twisted_sse.server.config.options import OPTIONS

__all__ = ["option_table", "write_option_table"]

_REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"

_HEAD = "| option | default | what it does |\n|---|---|---|\n"

# The options that are no configuration: they stand on the command line only.
_OTHERS = """\
| `--config` | | A [file](how-to/configuration.md) in TOML that sets options by their names. |
| `--check-config` | | Checks the configuration, reports the result, and exits with status 0. |
| `--print-config` | | Shows every option, its value, and where that is set; secrets are stars. |
| `--help` | | Shows all options. |
| `--version` | | Shows the versions of this package and of Twisted. |
"""


def option_table() -> str:
    """
    Make the table, in Markdown.
    """
    return _HEAD + "".join(map(_row, OPTIONS)) + _OTHERS


def write_option_table() -> None:
    """
    Replace the table in docs/reference.md.
    """
    text = _REFERENCE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_HEAD)
    after = rest[rest.index("\n\n") + 1 :]
    _REFERENCE.write_text(before + option_table() + after, encoding="utf-8")


def _row(option: Option) -> str:
    names = f"`--{option.name}`" + (f", `-{option.short}`" if option.short else "")
    if option.flag:
        default = ""
    elif option.default is not None:
        default = f"`{option.default}`"
    else:
        # A value can be pasted; anything else is said in words.
        default = f"`{option.silent}`" if "=" in option.silent else option.silent or "none"
    repeatable = " May be repeated." if option.several else ""
    more = f" {option.more}" if option.more else ""
    fixed = "" if option.reloadable else " A change needs a restart."
    return f"| {names} | {default} | {option.help}.{repeatable}{more}{fixed} |\n"


if __name__ == "__main__":
    write_option_table()
