"""
Shows the configuration in use, as a configuration file: ``--print-config``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from twisted_sse.server.config.option import Given, Option
from twisted_sse.server.config.options import OPTIONS

__all__ = ["show_config", "show_value"]


def show_config(given: Mapping[str, Given]) -> str:
    """
    Write every option, its value, and where that was given.

    Secrets are replaced by stars.  An option without a value is a comment.

    Args:
        given: By the names of the options; the others have their defaults.
    """
    rows = [_row(option, given.get(option.name)) for option in OPTIONS]
    width = max(len(setting) for setting, _ in rows)
    return "".join(f"{setting:{width}}  # {where}\n" for setting, where in rows)


def _row(option: Option, given: Given | None) -> tuple[str, str]:
    if given is not None:
        return f"{option.name} = {show_value(option, given.texts)}", given.where
    if option.default is not None:
        return f"{option.name} = {show_value(option, (option.default,))}", "default"
    return f"# {option.name}", f"not set: {option.silent}" if option.silent else "not set"


def show_value(option: Option, texts: tuple[str, ...]) -> str:
    """
    Write *texts*, the values of *option*, as in a file; secrets are replaced by stars.
    """
    values = [_toml(option, option.hide(text)) for text in texts]
    return f"[{', '.join(values)}]" if option.several else values[-1]


def _toml(option: Option, text: str) -> str:
    types = option.kind.types
    if bool in types and text in ("yes", "no"):
        return "true" if text == "yes" else "false"
    if int in types and re.fullmatch(r"0|[1-9][0-9]*", text):
        return text
    if float in types and re.fullmatch(r"(0|[1-9][0-9]*)\.[0-9]+", text):
        return text
    # A basic string of TOML is a string of JSON, but for this character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
