"""
URI Templates: selectors of the topics that a template may expand to.

A template is parsed from left to right.  An invalid template is refused when it is
made, and never when a topic is matched.

Nothing here does I/O, keeps time, or imports Twisted.  Comments that begin with
"RFC 6570:" follow that RFC.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics.automaton import BYTE, CONTINUATION, Machine, Plan, TokenClass
from twisted_sse.topics.names import check_selector

__all__ = ["URITemplate"]

# RFC 6570: "unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"".
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~") | {BYTE, CONTINUATION}
# RFC 6570: "reserved = gen-delims / sub-delims".
_RESERVED = frozenset(":/?#[]@!$&'()*+,;=")

_OPERATORS = frozenset("+#./;?&")
# RFC 6570: 'op-reserve = "=" / "," / "!" / "@" / "|"'.
_RESERVED_OPERATORS = frozenset("=,!@|")
# RFC 6570: "varspec = varname [ modifier-level4 ]", "max-length = %x31-39
# 0*3DIGIT ; positive integer < 10000".
_VARIABLE = re.compile(
    r"(?P<name>(?:\w|%[0-9A-Fa-f]{2})(?:\.?(?:\w|%[0-9A-Fa-f]{2}))*)"
    r"(?:(?P<exploded>\*)|:(?P<limit>[1-9][0-9]{0,3}))?",
    re.ASCII,
)
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class URITemplate:
    """
    Selects the expansions of a URI Template (RFC 6570, level 4), and its own text.

    Every variable may be undefined, so every expression may be empty.  V below
    is the unreserved characters (ASCII letters, digits, `-._~`) and `%` with
    two hexadecimal digits; R is the reserved ones (`:/?#[]@!$&'()*+,;=`).
    No other character matches an expression: a raw non-ASCII character never
    does, because expansion percent-encodes it.

        {a} {a,b}      any of V and comma
        {+a}           any of V and R
        {#a}           nothing, or # and any of V and R
        {.a}           nothing, or . and any of V and comma
        {/a,b}         for each variable nothing, or / and any of V and comma
        {;a,b}         for each variable nothing, or ;a, or ;a= and a value
        {?a,b}         nothing, or ? and pairs a=value joined by &, in this order
        {&a,b}         for each variable nothing, or &a= and a value

    A value is any of V and comma.  An exploded variable (`*`) may be an
    associative array, so `=` and the operator's own separator match as well,
    and names are not compared.  A prefix (`:3`) matches at most that many
    characters of V (and R, for + and #); a percent-encoded character counts as
    one however many bytes it has.  If all variables of `{a:3,b:5}` have a
    prefix, the largest counts for each; if not all have one, none counts.
    Literals match as they are written.

    Raises:
        InvalidSelector: *text* is not a URI Template, or is too complex.
    """

    text: str
    _machine: Machine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_selector(self.text)
        object.__setattr__(self, "_machine", _compile_template(self.text))

    def matches(self, topic: str) -> bool:
        """
        Return whether *topic* is selected.
        """
        return self._machine.matches(topic) or topic == self.text

    def __reduce__(self) -> tuple[type[URITemplate], tuple[str]]:
        # Without the machine, which is made again.
        return URITemplate, (self.text,)


class _Variable(NamedTuple):
    name: str
    exploded: bool
    limit: int | None


def _compile_template(text: str) -> Machine:
    plan = Plan()
    for literal, expression in _parts(text):
        plan.literal(literal)
        if expression is not None:
            _add_expression(plan, expression)
    return Machine(plan)


def _parts(text: str) -> Iterator[tuple[str, str | None]]:
    """
    Split a template into literals, each with the expression that follows it.
    """
    rest = text
    while rest:
        literal, brace, rest = rest.partition("{")
        if "}" in literal:
            raise InvalidSelector("The URI Template has a } without a { before it: remove it.")
        if _STRAY_PERCENT.search(literal):
            raise InvalidSelector("The URI Template has a lone %: write %25 for it.")
        expression, end, rest = rest.partition("}")
        if brace and (not end or "{" in expression):
            raise InvalidSelector("The URI Template has a { that is not closed: add a }.")
        yield literal, expression if brace else None


def _add_expression(plan: Plan, expression: str) -> None:
    operator = expression[0] if expression[:1] in _OPERATORS else ""
    variables = [_variable(v, expression) for v in expression[len(operator) :].split(",")]
    for _ in variables:
        plan.variable()
    if operator == "?":
        _add_query(plan, variables)
    elif operator in ("/", ";", "&"):
        for variable in variables:
            start = plan.mark()
            plan.literal(operator)
            ends = _add_pair(plan, operator, variable)
            plan.join([start, *ends])
    else:
        _add_list(plan, operator, variables)


def _variable(text: str, expression: str) -> _Variable:
    found = _VARIABLE.fullmatch(text)
    if found is None:
        raise InvalidSelector(_advice(text, expression))
    limit = found["limit"]
    return _Variable(
        found["name"], found["exploded"] is not None, None if limit is None else int(limit)
    )


def _advice(text: str, expression: str) -> str:
    where = f"The expression {{{expression}}} of the URI Template"
    if expression[:1] in _RESERVED_OPERATORS:
        return f"{where} begins with a reserved operator: use one of + # . / ; ? & or none."
    if not text:
        return f"{where} has no variable, or a comma too many: write a name, as in {{id}}."
    return (
        f"{where} has the bad variable {text!r}: use ASCII letters, digits, _ and single dots,"
        " then * or :length (1 to 9999) if you need it."
    )


def _add_list(plan: Plan, operator: str, variables: list[_Variable]) -> None:
    """
    Add an expression without names: `{a}`, `{+a}`, `{#a}`, `{.a}`.
    """
    start = plan.mark()
    if operator in ("#", "."):
        plan.literal(operator)
    allowed = _UNRESERVED | _RESERVED if operator in ("+", "#") else _UNRESERVED
    limits = [v.limit for v in variables if v.limit is not None]
    ends = []
    if len(limits) < len(variables):
        plan.any(TokenClass(allowed | _separators(any(v.exploded for v in variables), operator)))
    else:
        plan.up_to(max(limits), allowed)
        for _ in limits[1:]:
            ends.append(plan.here)
            plan.literal("." if operator == "." else ",")
            plan.up_to(max(limits), allowed)
    if operator in ("#", "."):
        ends.append(start)
    if ends:
        plan.join(ends)


def _add_pair(plan: Plan, operator: str, variable: _Variable) -> list[int]:
    """
    Add one variable of `{/a}`, `{;a}`, `{?a}` or `{&a}`, after its operator.

    Returns:
        The states, before the present one, at which it may end.
    """
    ends: list[int] = []
    if variable.exploded:
        plan.any(TokenClass(_UNRESERVED | _separators(True, operator)))
        return ends
    if operator != "/":
        plan.literal(variable.name)
        if operator == ";":
            # RFC 6570: an empty value expands to ";x".
            ends.append(plan.here)
        plan.literal("=")
    if variable.limit is None:
        plan.any(TokenClass(_UNRESERVED | _separators(False, operator)))
    else:
        plan.up_to(variable.limit, _UNRESERVED)
    return ends


def _separators(exploded: bool, operator: str) -> frozenset[str]:
    if not exploded:
        return frozenset(",")
    return frozenset("=," + ("&" if operator == "?" else operator))


def _add_query(plan: Plan, variables: list[_Variable]) -> None:
    """
    Add `{?a,b}`: any of the pairs, in this order, the first after a ?, the others
    after an &.
    """
    start = plan.mark()
    plan.literal("?")
    first = plan.here
    # The state at which a pair has ended and another may follow.
    between: int | None = None
    for variable in variables:
        if between is not None:
            plan.literal("&")
            plan.jump(first, plan.here)
        _add_pair(plan, "?", variable)
        ended = plan.here
        following = plan.gap()
        plan.jump(ended, following)
        if between is not None:
            plan.jump(between, following)
        between = following
    plan.jump(start, plan.here)
