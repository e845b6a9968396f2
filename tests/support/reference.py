"""
The tables of options and of metrics in docs/reference.md, made from those in the code.

``python -m tests.support.reference`` writes them; tests compare them.
"""

from __future__ import annotations

from pathlib import Path

from twisted_sse.server.config.option import Option
from twisted_sse.server.config.options import OPTIONS
from twisted_sse.web.admin.metrics import METRICS, Metric

__all__ = ["metric_table", "option_table", "write_tables"]

_REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"

_METRICS_HEAD = "| metric | type | label | what |\n|---|---|---|---|\n"

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


def metric_table() -> str:
    """
    Make the table of metrics, in Markdown.
    """
    rows = (
        f"| `{metric.name}` | {metric.kind} | {_label(metric)} | {metric.help.rstrip('.')} |\n"
        for metric in METRICS
    )
    return _METRICS_HEAD + "".join(rows)


def write_tables() -> None:
    """
    Replace the tables in docs/reference.md.
    """
    text = _REFERENCE.read_text(encoding="utf-8")
    for head, table in ((_HEAD, option_table()), (_METRICS_HEAD, metric_table())):
        before, _, rest = text.partition(head)
        # Nothing may be in the table yet.
        after = f"\n{rest}"[f"\n{rest}".index("\n\n") + 1 :]
        text = before + table + after
    _REFERENCE.write_text(text, encoding="utf-8")


def _label(metric: Metric) -> str:
    values = ", ".join(f"`{value}`" for value in metric.values)
    if metric.key == "refused":
        values = "[the limits](how-to/limits.md)"
    return f"`{metric.label}`: {values}" if metric.label else ""


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
    write_tables()
