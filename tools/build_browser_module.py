"""
Make the modules that hubs serve to browsers from their sources in browser/.

The same source gives the same file everywhere, without another program: comments and
spaces that mean nothing are removed, and private names become short ones.  The source
makes that easy: a comment is a line of its own, every statement ends with a semicolon or
a brace, strings and templates have one line, and no text in it contains a #.

Usage: build_browser_module.py, anywhere.
"""

import re
import string
from collections import Counter
from itertools import chain, product
from pathlib import Path

__all__ = ["MODULES", "SERVED", "SOURCES", "build"]

_PROJECT = Path(__file__).resolve().parents[1]

#: The folder of the sources, and that of the files that are made of them.
SOURCES = _PROJECT / "browser"
SERVED = _PROJECT / "twisted_sse" / "web" / "static"

#: Their names.
MODULES = ("twisted-sse.js", "twisted-sse-topics.js")

_HEAD = "// twisted_sse, MIT: browser/{name}\n"

# A text, or a regular expression, which follows an opening bracket or an operator.
_LITERAL = re.compile(
    r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`"""
    r"|(?<=[(=,&|!?:;{])\s*/(?:[^/\\\n\[]|\\.|\[(?:[^\]\\]|\\.)*\])+/[a-z]*"
)
_ARROW = re.compile(r"(?<!\w)\((\w+)\)=>")
# Before these brackets a comma or a semicolon means nothing.
_LAST = re.compile(r"[,;]+([})])")
# A private name, or a constant of the module, in capitals.
_PRIVATE = re.compile(r"#[a-zA-Z]\w*")
_CONSTANT = re.compile(r"\b[A-Z][A-Z_]+\b")
# Constants that pages use as properties of the class.
_PUBLIC = {"CONNECTING", "OPEN", "CLOSED"}
_SPACE = re.compile(r"\s*([-{}()\[\],;:?=+*<>&|!])\s*")


def build(name: str) -> str:
    """
    Return the served form of the module *name*.
    """
    source = (SOURCES / name).read_text("utf-8")
    lines = (line.strip() for line in source.splitlines())
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    return _HEAD.format(name=name) + _with_short_names(_without_spaces(code)) + "\n"


def _without_spaces(code: str) -> str:
    parts, end = [], 0
    for literal in _LITERAL.finditer(code):
        parts += [_tight(code[end : literal.start()]), literal[0].strip()]
        end = literal.end()
    return "".join([*parts, _tight(code[end:])]).strip()


def _tight(code: str) -> str:
    return _ARROW.sub(r"\1=>", _LAST.sub(r"\1", _SPACE.sub(r"\1", code)))


def _with_short_names(code: str) -> str:
    """
    Give private names and constants short names, the shortest to those used most often.
    """
    declared = set(re.findall(rf"(?<=[ ,])({_CONSTANT.pattern})=", code)) - _PUBLIC
    code = _renamed(code, _PRIVATE, "#", set(_PRIVATE.findall(code)))
    # No name in the sources begins with a dollar sign.
    return _renamed(code, _CONSTANT, "$", declared)


def _renamed(code: str, pattern: re.Pattern[str], prefix: str, names: set[str]) -> str:
    used = Counter(name for name in pattern.findall(code) if name in names)
    letters = string.ascii_letters
    short = chain(letters, map("".join, product(letters, repeat=2)))
    ranked = sorted(used, key=lambda name: (-used[name], name))
    new = {name: prefix + one for name, one in zip(ranked, short, strict=False)}
    return pattern.sub(lambda name: new.get(name[0], name[0]), code)


if __name__ == "__main__":
    for module in MODULES:
        (SERVED / module).write_text(build(module), "utf-8")
