"""
The languages of selectors once more, as the documentation of URITemplate and URLPattern
describes them: each part of a selector with a backtracking regular expression, which is
for small topics only.
"""

import re
from itertools import chain, combinations

from hypothesis import strategies as st

__all__ = ["PATHS", "PATTERNS", "PATTERN_PARTS", "TEMPLATES", "TOPICS"]

_V = r"(?:[A-Za-z0-9\-._~]|%[0-9A-Fa-f]{2})"
_VR = r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})"
_CONTINUATION = "(?:%[89ABab][0-9A-Fa-f])*"


def _value(kind: str, modifier: str, separators: str) -> str:
    if modifier.startswith(":"):
        return f"(?:{kind}{_CONTINUATION}){{0,{modifier[1:]}}}"
    more = "," + (separators + "=" if modifier == "*" else "")
    return f"(?:{kind}|[{more}])*"


def _expression(operator: str, variables: list[tuple[str, str]]) -> str:
    kind = _VR if operator in ("+", "#") else _V
    if operator == "?":
        pairs = [
            _value(_V, modifier, "&") if modifier == "*" else f"{name}={_value(_V, modifier, '')}"
            for name, modifier in variables
        ]
        subsets = chain.from_iterable(combinations(pairs, n) for n in range(1, len(pairs) + 1))
        return "(?:" + "|".join(r"\?" + "&".join(subset) for subset in subsets) + ")?"
    if operator in ("/", ";", "&"):
        return "".join(f"(?:{operator}{_pair(operator, *variable)})?" for variable in variables)
    limits = [int(modifier[1:]) for _, modifier in variables if modifier.startswith(":")]
    if len(limits) == len(variables):
        value = _value(kind, f":{max(limits)}", "")
        separator = r"\." if operator == "." else ","
        body = f"{value}(?:{separator}{value}){{0,{len(limits) - 1}}}"
    else:
        exploded = "*" in [modifier for _, modifier in variables]
        body = _value(kind, "*" if exploded else "", "")
    return f"(?:[{operator}]{body})?" if operator in ("#", ".") else body


def _pair(operator: str, name: str, modifier: str) -> str:
    if modifier == "*":
        return _value(_V, "*", operator)
    value = _value(_V, modifier, "")
    return {"/": value, ";": f"{name}(?:={value})?", "&": f"{name}={value}"}[operator]


VARIABLES = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["", "", "*", ":1", ":2"])),
    min_size=1,
    max_size=3,
)
EXPRESSIONS = st.tuples(st.sampled_from(["", *"+#./;?&"]), VARIABLES).map(
    lambda pair: (
        "{" + pair[0] + ",".join(name + modifier for name, modifier in pair[1]) + "}",
        _expression(*pair),
    )
)
LITERALS = st.sampled_from(["a", "/", "?", "&b=", ".", "%C3%A9", "é"]).map(
    lambda text: (text, re.escape(text))
)
TEMPLATES = st.lists(EXPRESSIONS | LITERALS, min_size=1, max_size=4)
TOPICS = st.lists(
    st.sampled_from(
        ["a", "b", *"/?#&=;.,!%é", "a=", "b=a", "%C3", "%A9", "?a=", "&b=", ";a", "?b=a"]
    ),
    min_size=1,
    max_size=6,
).map("".join)

PATTERN_PARTS = [
    *[("a", "a"), ("/", "/"), ("/{:x}", "/[^/?#]+"), (":x-", "[^/?#]+-"), ("-*-", "-[^?#]*-")],
    *[("{*-}?", "(?:[^?#]*-)?"), ("{*b/}", "[^?#]*b/"), ("{:x-}?", "(?:[^/?#]+-)?")],
    *[("/:x?", "(?:/[^/?#]+)?"), ("{a}?", "(?:a)?"), ("{/*}?", "(?:/[^?#]*)?"), ("{-}", "-")],
]
PATTERNS = st.lists(st.sampled_from(PATTERN_PARTS), max_size=4)
PATHS = st.lists(st.sampled_from(["a", "b", "-", "/", "?", "#", ":"]), max_size=8).map(
    lambda pieces: "/" + "".join(pieces)
)
