"""
The options that several dialects have.
"""

from __future__ import annotations

__all__ = ["check_options"]


def check_options(text: object, **texts: object) -> None:
    """
    Check the argument *text*, and arguments that are texts.

    Raises:
        TypeError: One of them has another type.
    """
    if not isinstance(text, bool):
        raise TypeError(f"text is {text!r}: give True or False")
    for name, value in texts.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}: give text")
