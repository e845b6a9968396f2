"""
Make the modules that hubs serve to browsers from their sources in browser/.

The same source gives the same file everywhere, without another program: comments and
spaces that mean nothing are removed, and names that only the module uses become short
ones.  The source makes that easy: a comment is a line of its own, every statement ends
with a semicolon or a brace, and strings and templates have one line.

Usage: build_browser_module.py, anywhere.
"""

import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, product
from pathlib import Path
from typing import NamedTuple

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
    r"|(?<=[(=>,&|!?:;{])\s*/(?:[^/\\\n\[]|\\.|\[(?:[^\]\\]|\\.)*\])+/[a-z]*"
)
_ARROW = re.compile(r"(?<!\w)\((\w+)\)=>")
# Before these brackets a comma or a semicolon means nothing.
_LAST = re.compile(r"[,;]+([})])")
# Texts, names, and signs.
_TOKEN = re.compile(
    rf"(?P<text>{_LITERAL.pattern})|(?P<name>#?[A-Za-z_$][\w$]*)"
    r"|\d[\w.]*|=>|\?\.|\.{3}|.",
    re.DOTALL,
)
_EMBEDDED = re.compile(r"(?<=\$\{)[^}]*(?=\})")
# What precedes the brace of an object or of a pattern, not of a block.
_BEFORE_OBJECT = {*"(,=[:?&|!", "return", "yield", "const", "let", "..."}
# What the source must not change may be changed in what is served.
_CONST = re.compile(r"\bconst\b")
_SPACE = re.compile(r"\s*([-{}()\[\],;:?=+*<>&|!])\s*")


def build(name: str) -> str:
    """
    Return the served form of the module *name*.
    """
    source = (SOURCES / name).read_text("utf-8")
    lines = (line.strip() for line in source.splitlines())
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    tight = _CONST.sub("let", _without_spaces(code))
    return _HEAD.format(name=name) + _with_short_names(tight) + "\n"


def _without_spaces(code: str) -> str:
    parts, end = [], 0
    for literal in _LITERAL.finditer(code):
        parts += [_tight(code[end : literal.start()]), literal[0].strip()]
        end = literal.end()
    return "".join([*parts, _tight(code[end:])]).strip()


def _tight(code: str) -> str:
    return _ARROW.sub(r"\1=>", _LAST.sub(r"\1", _SPACE.sub(r"\1", code)))


class _Token(NamedTuple):
    """
    Attributes:
        text: As it is in the code.

        is_name: Whether it is a name or a keyword.

        place: What it is in: the opening bracket, ``class`` for the body of a class,
            ``object`` for an object or a pattern, or nothing.
    """

    text: str
    is_name: bool
    place: str


def _tokens(code: str) -> list[_Token]:
    found: list[_Token] = []
    places = [""]
    for match in _TOKEN.finditer(code):
        text = match[0]
        if text in ")]}":
            places.pop()
        found.append(_Token(text, match["name"] is not None, places[-1]))
        if text in "([{":
            places.append(_place(found))
    return found


def _place(before: list[_Token]) -> str:
    """
    What the bracket opens that ends *before*.
    """
    # A class begins ``class A {`` or ``class A extends B {``.
    texts = ["", "", "", *(token.text for token in before if token.text != " ")]
    if texts[-1] == "{" and texts[-3] in ("class", "extends"):
        return "class"
    return "object" if texts[-1] == "{" and texts[-2] in _BEFORE_OBJECT else texts[-1]


def _with_short_names(code: str) -> str:
    """
    Give private names and those of variables short ones.

    Each function has the same few names, in the order in which they appear, because what
    repeats itself is small when it is compressed.
    """
    tokens = _tokens(code)
    used = Counter(token.text for token in tokens if token.is_name)
    ranked = sorted(used, key=lambda name: (-used[name], name))
    members = (name for name in ranked if name[0] == "#")
    outer = dict(zip(members, _short("#"), strict=False))
    taken = set(used)
    shared = {name for token, name in _declared(tokens) if not token.place}
    outer |= zip((name for name in ranked if name in shared), _unused(taken), strict=False)
    taken |= set(outer.values())
    code = ""
    for part in _parts(tokens):
        local = dict.fromkeys(name for token, name in _declared(part) if name not in shared)
        code += _renamed(part, outer | dict(zip(local, _unused(taken), strict=False)))
    return code


def _short(prefix: str = "") -> Iterator[str]:
    letters = string.ascii_letters
    return (prefix + one for one in chain(letters, map("".join, product(letters, repeat=2))))


def _unused(taken: set[str]) -> Iterator[str]:
    return (name for name in _short() if name not in taken)


def _parts(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """
    The statements of the module, and the members of its classes.
    """
    begin = 0
    for index, token in enumerate(tokens, 1):
        if token.place in ("", "class") and token.text in ("}", ";"):
            yield tokens[begin:index]
            begin = index
    yield tokens[begin:]


def _declared(tokens: list[_Token]) -> Iterator[tuple[_Token, str]]:
    """
    The names of variables, functions and parameters that are not exported, each with the token
    that declares it.
    """
    texts = [token.text for token in tokens]
    for index, token in enumerate(tokens):
        names: Iterable[str] = ()
        if token.text in ("const", "let"):
            names = _bound(tokens, index + 1)
        elif token.text == "=>" and tokens[index - 1].is_name:
            names = [texts[index - 1]]
        elif token.text == "(" and _has_parameters(tokens, index):
            token = tokens[index + 1]
            names = _bound(tokens, index + 1)
        elif token.text == "function" and "export" not in texts[max(0, index - 4) : index]:
            names = [next(one.text for one in tokens[index + 1 :] if one.is_name)]
        for name in names:
            yield token, name


def _has_parameters(tokens: list[_Token], index: int) -> bool:
    """
    Whether the bracket with this index opens the parameters of a function.
    """
    before = [token.text for token in tokens[max(0, index - 4) : index]]
    is_arrow = tokens[_closing(tokens, index) + 1].text == "=>"
    return is_arrow or "function" in before or tokens[index].place == "class"


def _closing(tokens: list[_Token], index: int) -> int:
    """
    The index of the bracket that closes the one with this index.
    """
    depth = 0
    for end in range(index, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[end].text, 0)
        if not depth:
            return end
    raise ValueError("A bracket is not closed.")


def _bound(tokens: list[_Token], index: int) -> Iterator[str]:
    """
    The names that a declaration or a list of parameters binds, which begins with this index.
    """
    depth = 0
    # The depth of the value that is being skipped.
    value: int | None = None
    for token, following in zip(tokens[index:], tokens[index + 1 :], strict=False):
        text = token.text
        if text in ")]}":
            depth -= 1
            value = None if value is not None and depth < value else value
        if depth < 0 or (depth == 0 and text in (";", "of", "in")):
            return
        if value is None and text == "=":
            value = depth
        elif text == "," and depth == value:
            value = None
        elif value is None and token.is_name and following.text != ":":
            yield text
        depth += text in "([{"


def _renamed(tokens: list[_Token], short: dict[str, str]) -> str:
    code = []
    around = [_Token("", False, ""), *tokens, _Token("", False, "")]
    for before, token, after in zip(around, tokens, around[2:], strict=False):
        text = token.text
        if text[0] == "`":
            text = _EMBEDDED.sub(lambda one: _renamed(_tokens(one[0]), short), text)
        elif text in short and not _is_member(before, token, after):
            in_short = token.place == "object" and after.text in (*",}=",)
            is_both = in_short and before.text in ("{", ",")
            text = f"{text}:{short[text]}" if is_both else short[text]
        code.append(text)
    return "".join(code)


def _is_member(before: _Token, token: _Token, after: _Token) -> bool:
    """
    Whether *token* names a public member, which keeps its name.
    """
    if token.text[0] == "#":
        return False
    begins = before.text in ("{", ",") and after.text in (":", "(")
    is_key = token.place == "object" and begins
    return before.text in (".", "?.") or is_key or (token.place == "class" and before.text != "=")


if __name__ == "__main__":
    for module in MODULES:
        (SERVED / module).write_text(build(module), "utf-8")
