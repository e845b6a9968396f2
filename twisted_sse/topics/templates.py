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
from functools import cache
from typing import NamedTuple

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics.names import check_selector
from twisted_sse.topics.patternindex import matches_alone
from twisted_sse.topics.plan import TRACKS, Plan
from twisted_sse.topics.tokens import ENCODED_BYTES, TokenClass, tokens_of

__all__ = ["URITemplate"]

# RFC 6570: "unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"".
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~") | ENCODED_BYTES
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

# The tracks of skips, in the order in which an automaton follows them: to the pair
# that comes first in a query, within an expression after its operator, and across
# expressions.
_FIRST, _INNER, _OUTER = range(TRACKS)


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

    Attributes:
        cost: What parsing and matching it takes: see `MAX_REQUEST_COST`.

    Raises:
        InvalidSelector: *text* is not a URI Template, or is too complex.
    """

    text: str
    cost: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_selector(self.text)
        object.__setattr__(self, "cost", self.plan().cost)

    @property
    def kind(self) -> None:
        """
        Equal for patterns that read topics alike.
        """
        return None

    @property
    def selects_itself(self) -> bool:
        """
        Whether the topic that is equal to *text* is selected, too.
        """
        return True

    def plan(self) -> Plan:
        """
        Return what an automaton needs to match this template.
        """
        plan = Plan()
        for literal, expression in _parts(self.text):
            plan.literal(literal)
            if expression is not None:
                _add_expression(plan, expression)
        return plan

    def read(self, topic: str) -> str | None:
        """
        Return *topic* as the automaton reads it.
        """
        return tokens_of(topic)

    def matches(self, topic: str) -> bool:
        """
        Return whether *topic* is selected.
        """
        return matches_alone(self, topic)


class _Variable(NamedTuple):
    name: str
    exploded: bool
    limit: int | None


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
            start = 1 << plan.mark()
            plan.literal(operator)
            plan.join(_OUTER, start | _add_pair(plan, operator, variable))
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
    first = operator if operator in ("#", ".") else ""
    plan.literal(first)
    limits = [v.limit for v in variables if v.limit is not None]
    if len(limits) < len(variables):
        exploded = any(v.exploded for v in variables)
        plan.any(_any_kind(operator, exploded))
        if first:
            plan.join(_OUTER, 1 << start | 1 << plan.here)
        return
    # A skip of all must not lead to a separator, which comes after the operator only.
    track = _INNER if first else _OUTER
    kind = _one_kind(operator)
    plan.join(track, plan.up_to(max(limits), kind))
    for _ in limits[1:]:
        between = 1 << plan.here
        plan.literal("." if operator == "." else ",")
        plan.join(track, between | plan.up_to(max(limits), kind))
    if first:
        plan.skip(_OUTER, start, plan.here)


def _add_pair(plan: Plan, operator: str, variable: _Variable) -> int:
    """
    Add one variable of `{/a}`, `{;a}`, `{?a}` or `{&a}`, after its operator.

    Returns:
        The states at which it may end.
    """
    ends = 0
    if variable.exploded:
        plan.any(_any_kind(operator, True))
        return 1 << plan.here
    if operator != "/":
        plan.literal(variable.name)
        if operator == ";":
            # RFC 6570: an empty value expands to ";x".
            ends = 1 << plan.here
        plan.literal("=")
    if variable.limit is not None:
        return ends | plan.up_to(variable.limit, _one_kind(operator))
    plan.any(_any_kind(operator, False))
    return ends | 1 << plan.here


def _add_query(plan: Plan, variables: list[_Variable]) -> None:
    """
    Add `{?a,b}`: any of the pairs, in this order, the first after a ?, the others
    after an &.
    """
    start = plan.mark()
    plan.literal("?")
    first = plan.here
    # The state at which a pair has ended and another may follow.
    between = 0
    for variable in variables:
        if between:
            plan.literal("&")
            plan.skip(_FIRST, first, plan.here)
        plan.join(_INNER, between | _add_pair(plan, "?", variable))
        between = 1 << plan.here
    plan.skip(_OUTER, start, plan.here)


def _counted(operator: str) -> frozenset[str]:
    return _UNRESERVED | _RESERVED if operator in ("+", "#") else _UNRESERVED


@cache
def _one_kind(operator: str) -> TokenClass:
    """
    Return the class of the characters that a prefix counts.
    """
    return TokenClass(_counted(operator))


@cache
def _any_kind(operator: str, exploded: bool) -> TokenClass:
    """
    Return the class of a value's characters, those between values included.
    """
    separators = "," + ("=" + ("&" if operator == "?" else operator) if exploded else "")
    return TokenClass(_counted(operator) | frozenset(separators))
