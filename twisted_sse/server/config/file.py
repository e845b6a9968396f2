"""
Reads a configuration file in TOML, in which options have the names of the command line.

Each value is checked like one of the command line, and an error names the file and the
line.  The parser does not report the lines of values, so they are searched for.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

from twisted_sse.server.config.option import Given, InvalidConfiguration, Option
from twisted_sse.server.config.options import OPTIONS, option_named

__all__ = ["read_file"]

_NAMES = [option.name for option in OPTIONS]


def read_file(path: str) -> dict[str, Given]:
    """
    Read the file at *path*.

    Returns:
        What is given, by the names of the options.

    Raises:
        InvalidConfiguration: The file cannot be read, is not TOML, has a key that is no
            option, or a value of a wrong type.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfiguration(_syntax_error(path, str(error))) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidConfiguration(f"--config: {path} cannot be read: {reason}") from None
    given = {}
    for key, value in values.items():
        where = _where(path, text, key)
        if key not in _NAMES:
            raise InvalidConfiguration(f"{where}: there is no option {key!r}{_advice(key)}")
        option = option_named(key)
        given[key] = Given(_texts(option, value, where), where, f"{where}: {key}")
    return given


def _texts(option: Option, value: Any, where: str) -> tuple[str, ...]:
    values = value if option.several and isinstance(value, list) else [value]
    texts = tuple(_text(option, one, where) for one in values)
    if not texts:
        raise InvalidConfiguration(
            f"{where}: {option.name} is an empty list: write at least one value, or remove the line"
        )
    return texts


def _text(option: Option, value: Any, where: str) -> str:
    # bool is an int for Python, and 1 is no answer to yes or no.
    if isinstance(value, str) or type(value) in option.kind.types:
        return _written(value)
    expected = option.kind.expected
    if option.several:
        expected += ", or a list of those"
    raise InvalidConfiguration(f"{where}: {option.name} is {_shown(value)}: write {expected}")


def _written(value: Any) -> str:
    """
    Write *value* as on a command line.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # Without an exponent, and without the zeros that nobody wrote.
        return f"{value:.9f}".rstrip("0").rstrip(".")
    return str(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)


def _where(path: str, text: str, key: str) -> str:
    """
    The file, and the line in which *key* gets its value.
    """
    name = re.escape(key)
    written = rf"""(?:{name}|"{name}"|'{name}')"""
    found = re.search(rf"^[ \t]*(?:\[+[ \t]*)?{written}[ \t]*[=.\]]", text, re.MULTILINE)
    if found is None:
        return path
    return f"{path}, line {text.count(chr(10), 0, found.start()) + 1}"


def _syntax_error(path: str, message: str) -> str:
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message)
    if found is None:
        return f"{path}: this is not TOML: {message}"
    reason, line = found.groups()
    where = f"{path}, line {line}" if line else f"{path}, at its end"
    return f"{where}: this is not TOML: {reason}"


def _advice(key: str) -> str:
    close = difflib.get_close_matches(key.replace("_", "-").removeprefix("--"), _NAMES, 1)
    return f": did you mean {close[0]}?" if close else ": `twistd sse --help` lists all"
