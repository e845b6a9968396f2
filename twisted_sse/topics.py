"""
Topics, and the selectors that pick them.

A topic is what an event is published to; a selector says which topics a
subscriber wants, or may read.

Matching takes time linear in the topic, whatever the selector: selectors come
from strangers, and one that could hold the reactor would be a weapon.  So no
selector ever becomes a regular expression; all kinds become one small machine
that reads a topic once, forward only.

Nothing here does I/O, keeps time, or imports Twisted.  Comments that begin with
"RFC 6570:", "URL:" or "URLP:" follow that RFC, https://url.spec.whatwg.org/ or
https://urlpattern.spec.whatwg.org/.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from twisted_sse.errors import InvalidSelector, InvalidTopic

__all__ = [
    "MAX_SELECTOR_STATES",
    "MAX_SELECTOR_VARIABLES",
    "MAX_TOPICS",
    "MAX_TOPIC_SIZE",
    "Everything",
    "Exact",
    "Interest",
    "Pattern",
    "Selection",
    "Selector",
    "URITemplate",
    "URLPattern",
    "check_topics",
    "parse_selector",
]

#: The most bytes of UTF-8 in a topic or a selector.  The reference Mercure hub
#: has the same bound, and a subscription's URL stays within servers' limits.
MAX_TOPIC_SIZE: Final = 4096

#: The most topics of one event.  Each costs a match per selector; the reference
#: Mercure hub has the same bound for selectors.
MAX_TOPICS: Final = 100

#: The most states of a selector's machine.  They are the bits of one number,
#: and a step on a number of this size costs about what a call costs.
MAX_SELECTOR_STATES: Final = 1024

#: The most variables of a selector, because each may add two steps to a
#: character.  Far more than a URL has parts.
MAX_SELECTOR_VARIABLES: Final = 64

# How many steps a machine remembers, and how many selectors stay compiled:
# together they bound the memory that strangers' selectors can claim.  Measured:
# 6 kB for a usual template, 60 kB for one of 960 states.
_REMEMBERED_STEPS: Final = 256
_CACHED_SELECTORS: Final = 1024


def check_topics(topics: str | Iterable[str]) -> tuple[str, ...]:
    """
    Check what an event is to be published to.

    Args:
        topics: One topic, or several that name the same thing.

    Returns:
        The topics without duplicates, in their order: the first is the
        canonical one, the others are its alternates.

    Raises:
        InvalidTopic: There is no topic, there are more than `MAX_TOPICS`, or
            one is not a str, empty, larger than `MAX_TOPIC_SIZE`, exactly `*`,
            or contains a control or format character or a lone surrogate.
    """
    if isinstance(topics, str):
        return _check_one(topics)
    unique = _unique(topics)
    if not unique:
        raise InvalidTopic("There is no topic: give at least one.")
    for topic in unique:
        _check_one(topic)
    return unique


def _unique(topics: Iterable[str]) -> tuple[str, ...]:
    seen: dict[str, None] = {}
    for topic in topics:
        if not isinstance(topic, str):
            raise InvalidTopic(f"The topic {_fault(topic)}")
        seen[topic] = None
        if len(seen) > MAX_TOPICS:
            raise InvalidTopic(f"There are too many topics: give at most {MAX_TOPICS}.")
    return tuple(seen)


@lru_cache(maxsize=4096)
def _check_one(topic: str) -> tuple[str]:
    fault = _fault(topic)
    if fault is not None:
        raise InvalidTopic(f"The topic {fault}")
    if topic == "*":
        raise InvalidTopic("The topic is *, which selects everything: publish to a name.")
    return (topic,)


def _fault(text: object) -> str | None:
    """
    Say what is wrong with a topic or selector, as the end of a sentence.
    """
    if not isinstance(text, str):
        return f"is a {type(text).__name__}: give a str."
    if not text:
        return "is empty: give it a name."
    if text.isascii() and text.isprintable() and len(text) <= MAX_TOPIC_SIZE:
        return None
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        return f"contains a lone surrogate at index {error.start}: remove it."
    if size > MAX_TOPIC_SIZE:
        return f"has {size} bytes of UTF-8: use at most {MAX_TOPIC_SIZE}."
    for index, character in enumerate(text):
        # Mercure: no C0, C1 or DEL, nor category Cf, which is invisible: two
        # topics could look the same.
        if unicodedata.category(character) in ("Cc", "Cf"):
            return f"contains U+{ord(character):04X} at index {index}: remove it."
    return None


def _check_selector(text: str) -> None:
    fault = _fault(text)
    if fault is not None:
        raise InvalidSelector(f"The selector {fault}")


# --- Selectors ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Everything:
    """
    Selects every topic.  Written `*`.
    """

    text: str = field(default="*", init=False)

    def matches(self, topic: str) -> bool:
        """
        Say that *topic* is selected.
        """
        return True


@dataclass(frozen=True, slots=True)
class Exact:
    """
    Selects the one topic that is the same, byte for byte.

    Raises:
        InvalidSelector: *text* could not be a topic.
    """

    text: str

    def __post_init__(self) -> None:
        _check_selector(self.text)

    def matches(self, topic: str) -> bool:
        """
        Say whether *topic* is selected.
        """
        return topic == self.text


@dataclass(frozen=True, slots=True)
class URITemplate:
    """
    Selects what a URI Template (RFC 6570, level 4) may expand to, and itself.

    Every variable may be undefined, so every expression may be empty.  V below
    is the unreserved characters (ASCII letters, digits, `-._~`) and `%` with
    two hexadecimal digits; R is the reserved ones (`:/?#[]@!$&'()*+,;=`).
    Nothing else matches an expression: a raw non-ASCII character never does,
    because expansion percent-encodes it.

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
        InvalidSelector: *text* is no URI Template, or too large a one.
    """

    text: str
    _machine: _Machine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_selector(self.text)
        object.__setattr__(self, "_machine", _compile_template(self.text))

    def matches(self, topic: str) -> bool:
        """
        Say whether *topic* is selected.
        """
        return self._machine.matches(topic) or topic == self.text

    def __reduce__(self) -> tuple[type[URITemplate], tuple[str]]:
        # Without the machine, which is made again.
        return URITemplate, (self.text,)


@dataclass(frozen=True, slots=True)
class URLPattern:
    """
    Selects URLs by a subset of the WHATWG URL Pattern.

    `:name` matches one or more characters of a path segment or host label, `*`
    any characters of the component it stands in, `{...}` groups, `{...}?`,
    `:name?` and `*?` are optional (with the slash before, as in `/books/:id?`),
    and a backslash takes the next character literally.  A query or fragment
    that the pattern does not mention may be anything.  Regular expressions and
    the modifiers `+` and `*` are refused.

    Topics are read as a browser reads URLs, as far as that matters here:
    letter case of scheme and host, default ports, dot segments, and the
    percent-encoding of what a URL cannot contain make no difference.  A host
    beyond ASCII is only compared as it is written.  A topic that is no such URL
    is not selected, nor is one with a user name.

    Args:
        text: `scheme://host/path...`, or a path that begins with a slash.

        base: The URL of the hub.  A path, in *text* or a topic, is one of this
            origin.  Without a base, paths match paths and URLs match URLs.

    Raises:
        InvalidSelector: *text* is no such pattern, or too large a one.
    """

    text: str
    base: str = ""
    _machine: _Machine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_selector(self.text)
        object.__setattr__(self, "_machine", _compile_url_pattern(self.text, self.base))

    def matches(self, topic: str) -> bool:
        """
        Say whether *topic* is selected.
        """
        url = _canonical_url(topic, self.base)
        return url is not None and self._machine.matches(url)

    def __reduce__(self) -> tuple[type[URLPattern], tuple[str, str]]:
        # Without the machine, which is made again.
        return URLPattern, (self.text, self.base)


#: What has to be matched, because no index finds it.
Pattern: TypeAlias = URITemplate | URLPattern
#: What a subscriber may ask for.
Selector: TypeAlias = Exact | Everything | URITemplate | URLPattern


@lru_cache(maxsize=_CACHED_SELECTORS)
def parse_selector(text: str) -> Selector:
    """
    Read a selector that came as text: `*`, a URI Template, or an exact name.

    Anything with a brace is a template.  A URL Pattern cannot be told from a
    name, so it has to be said: `URLPattern(text)`.

    Raises:
        InvalidSelector: *text* is none of them, in a sentence for whoever sent it.
    """
    _check_selector(text)
    if text == "*":
        return Everything()
    if "{" in text or "}" in text:
        return URITemplate(text)
    return Exact(text)


def _selector(value: str | Selector) -> Selector:
    if isinstance(value, Everything | Exact | URITemplate | URLPattern):
        return value
    _check_selector(value)
    return parse_selector(value)


@dataclass(frozen=True, slots=True)
class Selection:
    """
    What one subscriber asks for, or may read: any of several selectors.

    Made by `Selection.of`.  Equal to every selection of the same selectors,
    whatever their order, so that subscribers with equal ones can share work.

    Attributes:
        everything: Whether `*` is among the selectors; the others are then
            left out, because they add nothing.

        exact: The names, to index by.

        patterns: The templates and URL patterns, sorted, without duplicates.
    """

    everything: bool
    exact: frozenset[str]
    patterns: tuple[Pattern, ...]

    @classmethod
    def of(cls, selectors: Iterable[str | Selector]) -> Selection:
        """
        Make a selection.

        Args:
            selectors: Text is read by `parse_selector`.

        Raises:
            InvalidSelector: There is none, or one of them is invalid.
        """
        if isinstance(selectors, str):
            selectors = (selectors,)
        parsed = {_selector(s) for s in selectors}
        if not parsed:
            raise InvalidSelector("There is no selector: give at least one, or * for everything.")
        if any(isinstance(s, Everything) for s in parsed):
            return cls(True, frozenset(), ())
        exact = frozenset(s.text for s in parsed if isinstance(s, Exact))
        patterns = [s for s in parsed if isinstance(s, URITemplate | URLPattern)]
        return cls(False, exact, tuple(sorted(patterns, key=repr)))

    def matches(self, topics: Sequence[str]) -> bool:
        """
        Say whether any selector matches any of *topics*.
        """
        if self.everything or not self.exact.isdisjoint(topics):
            return True
        for pattern in self.patterns:
            for topic in topics:
                if pattern.matches(topic):
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Interest:
    """
    What one subscriber gets to see: what it wants, as far as it is allowed.

    Attributes:
        wanted: What it asked for.

        readable: What its grant lets it read, or None for nothing.

        public: Whether publications that are not private need no grant.
    """

    wanted: Selection
    readable: Selection | None
    public: bool

    def matches(self, topics: Sequence[str], private: bool) -> bool:
        """
        Say whether the subscriber gets a publication.

        Mercure: one topic has to be wanted and one readable, and they need not
        be the same one.
        """
        if not self.wanted.matches(topics):
            return False
        if self.public and not private:
            return True
        return self.readable is not None and self.readable.matches(topics)


# --- The machine -------------------------------------------------------------

# A topic is read token by token: a character, or a percent-encoded byte.
_TOKENS = re.compile("%[0-9A-Fa-f]{2}|.", re.DOTALL)

# What stands for percent-encoded bytes in a class: those that begin a character
# of UTF-8, and those that continue one.  Neither can be a token.
_BYTE = "%xx"
_CONTINUATION = "%8x"


class _Class(NamedTuple):
    """
    A set of tokens: those listed, or all but those.
    """

    members: frozenset[str]
    inverted: bool = False

    def accepts(self, token: str) -> bool:
        if len(token) > 1:
            token = _CONTINUATION if 0x80 <= int(token[1:], 16) < 0xC0 else _BYTE
        return (token in self.members) != self.inverted


class _Node(dict[str, "_Node"]):
    """
    A set of states, and where the tokens met so far lead from it.
    """

    __slots__ = ("machine", "states")

    def __init__(self, machine: _Machine, states: int) -> None:
        self.machine = machine
        self.states = states

    def __missing__(self, token: str) -> _Node:
        return self.machine.step(self, token)


class _Machine:
    """
    Matches a topic in one pass, however many ways a selector could match it.

    A nondeterministic automaton: state *i* is bit *i* of a number, and all
    states advance at once.  A token leads from a state to the next, or back to
    the same; a jump leads to later states without a token.  Steps are
    remembered, so that a token mostly costs one dict lookup.
    """

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._reach = plan.reach()
        self._jumping = sum(self._reach)
        self._end = 1 << plan.here
        self._start = _Node(self, self._close(1))
        self._nodes: dict[int, _Node] = {}
        self._remembered = 0

    def matches(self, text: str) -> bool:
        prefix = self._plan.prefix
        if not text.startswith(prefix):
            return False
        node = self._start
        rest = text[len(prefix) :]
        for token in _TOKENS.findall(rest) if "%" in rest else rest:
            node = node[token]
            if not node.states:
                return False
        return node.states & self._end != 0

    def step(self, node: _Node, token: str) -> _Node:
        """
        Work out where *token* leads, and remember it.
        """
        if self._remembered >= _REMEMBERED_STEPS:
            self._forget()
        forward = self._plan.literals.get(token, 0) | _accepting(self._plan.classes, token)
        again = _accepting(self._plan.loops, token)
        states = self._close((node.states & forward) << 1 | node.states & again)
        found = self._nodes.get(states)
        if found is None:
            found = self._nodes[states] = _Node(self, states)
        node[token] = found
        self._remembered += 1
        return found

    def _close(self, states: int) -> int:
        jumping = states & self._jumping
        while jumping:
            lowest = jumping & -jumping
            states |= self._reach[lowest]
            jumping ^= lowest
        return states

    def _forget(self) -> None:
        # Emptied one by one, because nodes refer to each other in circles.
        for node in self._nodes.values():
            node.clear()
        self._nodes.clear()
        self._start.clear()
        self._remembered = 0


def _accepting(classes: dict[_Class, int], token: str) -> int:
    states = 0
    for kind, mask in classes.items():
        if kind.accepts(token):
            states |= mask
    return states


class _Plan:
    """
    A machine being built: every method adds to its end.
    """

    def __init__(self) -> None:
        #: What every match begins with: found by `startswith`, without states.
        self.prefix = ""
        #: The number of the present state, which is the last so far.
        self.here = 0
        self.literals: dict[str, int] = {}
        self.classes: dict[_Class, int] = {}
        self.loops: dict[_Class, int] = {}
        self._jumps: dict[int, int] = {}
        self._in_prefix = True
        self._variables = 0

    def mark(self) -> int:
        """
        End the prefix, because the present state will get a loop or a jump.
        """
        self._in_prefix = False
        return self.here

    def variable(self) -> None:
        """
        Count one more variable.
        """
        self._variables += 1
        if self._variables > MAX_SELECTOR_VARIABLES:
            raise InvalidSelector(
                f"The selector has too many variables: use at most {MAX_SELECTOR_VARIABLES}."
            )

    def literal(self, text: str) -> None:
        """
        Add *text*, which matches itself.
        """
        if self._in_prefix:
            self.prefix += text
            return
        for token in _TOKENS.findall(text):
            self.literals[token] = self.literals.get(token, 0) | 1 << self._advance()

    def one(self, kind: _Class) -> None:
        """
        Add exactly one token of *kind*.
        """
        self.classes[kind] = self.classes.get(kind, 0) | 1 << self._advance()

    def any(self, kind: _Class) -> None:
        """
        Add any number of tokens of *kind*.

        Two of these in a row are one of the wider kind, which is exact because
        whatever meets here is nested: V and comma within V and R, for example.
        """
        self.loops[kind] = self.loops.get(kind, 0) | 1 << self.mark()

    def up_to(self, limit: int, members: frozenset[str]) -> None:
        """
        Add at most *limit* characters of *members*.

        The number is chosen at the beginning, by a jump, so that there is one
        jump and not one for each character.
        """
        start = self.mark()
        for _ in range(limit):
            self.one(_Class(members))
            self.any(_CONTINUATIONS)
            self.jump(start, self.here)

    def jump(self, source: int, target: int) -> None:
        """
        Let a match go on at *target* when it is at *source*, which is earlier.
        """
        self._jumps[source] = self._jumps.get(source, 0) | 1 << target

    def gap(self) -> int:
        """
        Add a state that only jumps lead to.
        """
        self._advance()
        return self.here

    def reach(self) -> dict[int, int]:
        """
        For each state that jumps: its bit, and all states that it jumps to.
        """
        reach: dict[int, int] = {}
        for source in sorted(self._jumps, reverse=True):
            targets = self._jumps[source]
            for later, further in reach.items():
                if targets & later:
                    targets |= further
            reach[1 << source] = targets
        return reach

    def _advance(self) -> int:
        before = self.mark()
        self.here += 1
        if self.here >= MAX_SELECTOR_STATES:
            raise InvalidSelector(
                "The selector is too complex: use fewer characters after the first variable,"
                " or shorter prefixes."
            )
        return before


# --- URI Templates -----------------------------------------------------------

# RFC 6570: "unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"".
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~") | {_BYTE, _CONTINUATION}
# RFC 6570: "reserved = gen-delims / sub-delims".
_RESERVED = frozenset(":/?#[]@!$&'()*+,;=")
_CONTINUATIONS = _Class(frozenset({_CONTINUATION}))

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


class _Variable(NamedTuple):
    name: str
    exploded: bool
    limit: int | None


def _compile_template(text: str) -> _Machine:
    plan = _Plan()
    for literal, expression in _parts(text):
        plan.literal(literal)
        if expression is not None:
            _add_expression(plan, expression)
    return _Machine(plan)


def _parts(text: str) -> Iterator[tuple[str, str | None]]:
    """
    Cut a template into literals, each with the expression that follows it.
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


def _add_expression(plan: _Plan, expression: str) -> None:
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
            _add_ends(plan, [start, *ends])
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


def _add_list(plan: _Plan, operator: str, variables: list[_Variable]) -> None:
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
        plan.any(_Class(allowed | _separators(any(v.exploded for v in variables), operator)))
    else:
        plan.up_to(max(limits), allowed)
        for _ in limits[1:]:
            ends.append(plan.here)
            plan.literal("." if operator == "." else ",")
            plan.up_to(max(limits), allowed)
    if operator in ("#", "."):
        ends.append(start)
    if ends:
        _add_ends(plan, ends)


def _add_pair(plan: _Plan, operator: str, variable: _Variable) -> list[int]:
    """
    Add one variable of `{/a}`, `{;a}`, `{?a}` or `{&a}`, after its operator.

    Returns:
        The states at which it may end before the present one.
    """
    ends: list[int] = []
    if variable.exploded:
        plan.any(_Class(_UNRESERVED | _separators(True, operator)))
        return ends
    if operator != "/":
        plan.literal(variable.name)
        if operator == ";":
            # RFC 6570: ";x" is what an empty value expands to.
            ends.append(plan.here)
        plan.literal("=")
    if variable.limit is None:
        plan.any(_Class(_UNRESERVED | _separators(False, operator)))
    else:
        plan.up_to(variable.limit, _UNRESERVED)
    return ends


def _separators(exploded: bool, operator: str) -> frozenset[str]:
    if not exploded:
        return frozenset(",")
    return frozenset("=," + ("&" if operator == "?" else operator))


def _add_query(plan: _Plan, variables: list[_Variable]) -> None:
    """
    Add `{?a,b}`: any of the pairs, in this order, each with & before it but the
    first, which has the ?.
    """
    start = plan.mark()
    plan.literal("?")
    first = plan.here
    # Where a pair has ended and another may follow.
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


def _add_ends(plan: _Plan, ends: list[int]) -> None:
    """
    Add a state to which *ends* and the present state lead.
    """
    ended = plan.here
    joined = plan.gap()
    for end in (*ends, ended):
        plan.jump(end, joined)


# --- URL Patterns ------------------------------------------------------------

# URLP: a name or wildcard stays within its component, and a name also stops at
# the component's delimiter: a dot for a host, a slash for a path.  The others
# have none.
_NAME_IN = {
    "scheme": _Class(frozenset(":/?#"), inverted=True),
    "host": _Class(frozenset(".:/?#@"), inverted=True),
    "path": _Class(frozenset("/?#"), inverted=True),
    "query": _Class(frozenset("#"), inverted=True),
    "fragment": _Class(frozenset(), inverted=True),
}
_WILDCARD_IN = {
    **_NAME_IN,
    "host": _Class(frozenset(":/?#@"), inverted=True),
    "path": _Class(frozenset("?#"), inverted=True),
}

_PIECES = re.compile(
    r"\\(?P<escaped>.)|(?P<name>:(?:[^\W\d]|\$)[\w$]*)|(?P<special>[{}*?+(#/:\\])|[^{}*?+(#/:\\]+",
    re.DOTALL,
)

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>[^/?#@\\]+)"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.DOTALL,
)
# URL: the special schemes and their default ports.
_DEFAULT_PORTS = {"http": ":80", "https": ":443", "ws": ":80", "wss": ":443", "ftp": ":21"}
# URL: what the path percent-encode set leaves alone.  One set for path, query and
# fragment is enough, because patterns and topics go through the same.
_URL_SAFE = string.punctuation.translate(str.maketrans("", "", '"<>^`{}'))


class _Piece(NamedTuple):
    """
    Part of a pattern.  *kind* is `text`, `name`, or the special character.
    """

    kind: str
    text: str


_END = _Piece("", "")


def _pieces(text: str) -> list[_Piece]:
    pieces = []
    for found in _PIECES.finditer(text):
        kind = found["special"] or ("name" if found["name"] else "text")
        pieces.append(_Piece(kind, found["escaped"] or found[0]))
    return pieces


def _compile_url_pattern(text: str, base: str) -> _Machine:
    reader = _URLPatternReader(text, base)
    reader.read()
    return _Machine(reader.plan)


class _URLPatternReader:
    """
    Reads a pattern piece by piece, and knows the component that it is in.
    """

    def __init__(self, text: str, base: str) -> None:
        self.plan = _Plan()
        self._pieces = _pieces(text)
        self._at = 0
        self._scheme = ""
        # Where the group began that is not closed yet.
        self._group: int | None = None
        self._component = "scheme"
        origin = _origin(base)
        if text.startswith("/") and not text.startswith("//"):
            self.plan.literal(origin)
            self._component = "path"

    def read(self) -> None:
        """
        Add the whole pattern to the plan.
        """
        while self._at < len(self._pieces):
            piece = self._next()
            if piece.kind in ("name", "*"):
                self._read_variable(piece, None)
            elif piece.kind in ("{", "}"):
                self._read_brace(piece.kind)
            elif piece.kind in ("?", "#") or (self._component == "host" and piece.kind == "/"):
                self._read_delimiter(piece.kind)
            elif piece.kind == ":":
                self._read_colon()
            elif piece.kind == "/":
                self._read_slash()
            else:
                self._read_text(piece)
        if self._group is not None:
            raise InvalidSelector("The URL Pattern has a { that is not closed: add a }.")
        self._add_rest()

    def _peek(self, ahead: int = 0) -> _Piece:
        at = self._at + ahead
        return self._pieces[at] if at < len(self._pieces) else _END

    def _next(self) -> _Piece:
        self._at += 1
        return self._pieces[self._at - 1]

    def _read_text(self, piece: _Piece) -> None:
        if piece.kind != "text":
            raise InvalidSelector(
                f"The URL Pattern has a {piece.kind} that is not supported here:"
                " write a backslash before it to mean the character."
            )
        text = piece.text
        if self._component in ("scheme", "host"):
            text = text.lower()
            if "@" in text:
                raise InvalidSelector("The URL Pattern has a user name: leave it out.")
            if self._component == "scheme":
                self._scheme += text
        else:
            text = quote(text, safe=_URL_SAFE)
        self.plan.literal(text)

    def _read_variable(self, piece: _Piece, start: int | None) -> None:
        """
        Add a name or wildcard, which begins at *start* if a slash is part of it.
        """
        self.plan.variable()
        optional = self._modifier()
        if optional and start is None:
            start = self.plan.mark()
        if piece.kind == "name":
            self.plan.one(_NAME_IN[self._component])
            self.plan.any(_NAME_IN[self._component])
        else:
            self.plan.any(_WILDCARD_IN[self._component])
        if optional and start is not None:
            _add_ends(self.plan, [start])

    def _modifier(self) -> bool:
        """
        Read the ? after a name, wildcard or group, if there is one.
        """
        if self._peek().kind in ("+", "*"):
            raise InvalidSelector("The URL Pattern repeats a part with + or *: write * alone.")
        if self._peek().kind != "?":
            return False
        if self._group is not None:
            raise InvalidSelector("The URL Pattern has a ? within a group: put it after the }.")
        self._at += 1
        return True

    def _read_brace(self, brace: str) -> None:
        if brace == "{":
            if self._group is not None:
                raise InvalidSelector("The URL Pattern has a group within a group: take it out.")
            # The group gets a state of its own, so that what loops there, as in
            # {*a}?, cannot leave by the jump that skips the group.
            self._group = self.plan.mark()
            self.plan.jump(self._group, self.plan.gap())
            return
        if self._group is None:
            raise InvalidSelector("The URL Pattern has a } without a { before it: remove it.")
        start, self._group = self._group, None
        if self._modifier():
            self.plan.variable()
            _add_ends(self.plan, [start])

    def _read_slash(self) -> None:
        # URLP: the slash before an optional variable of a path is optional
        # with it.
        optional = self._peek().kind in ("name", "*") and self._peek(1).kind == "?"
        start = self.plan.mark() if optional and self._component == "path" else None
        self._read_text(_Piece("text", "/"))
        if start is not None:
            self._read_variable(self._next(), start)

    def _read_colon(self) -> None:
        """
        Read a colon that begins no name.
        """
        if self._component == "scheme":
            if (self._peek().kind, self._peek(1).kind) != ("/", "/"):
                self._refuse_relative()
            self._at += 2
            self._component = "host"
            self.plan.literal("://")
        elif self._component == "host" and self._peek().kind == "*":
            self._at += 1
            start = self.plan.mark()
            self.plan.literal(":")
            self.plan.any(_WILDCARD_IN["host"])
            _add_ends(self.plan, [start])
        elif self._component == "host" and f":{self._peek().text}" == _DEFAULT_PORTS.get(
            self._scheme
        ):
            self._at += 1
        else:
            self.plan.literal(":")

    def _read_delimiter(self, delimiter: str) -> None:
        """
        Go on to the path, the query or the fragment.
        """
        if self._group is not None:
            raise InvalidSelector(f"The URL Pattern has a {delimiter} in a group: put it outside.")
        if self._component == "scheme":
            self._refuse_relative()
        if self._component == "host":
            self._component = "path"
            if delimiter == "/":
                self._read_slash()
                return
            self.plan.literal("/")
        follows = self._peek().kind
        if delimiter == "#" and self._component != "fragment":
            self._component = "fragment"
            # An empty query or fragment is none: `_canonical_url` drops the delimiter.
            if follows:
                self.plan.literal("#")
        elif delimiter == "?" and self._component == "path":
            self._component = "query"
            if follows not in ("", "#"):
                self.plan.literal("?")
        else:
            self._read_text(_Piece("text", delimiter))

    def _add_rest(self) -> None:
        """
        Add what the pattern leaves open.

        URLP: what comes after the last component that is written is a wildcard.
        """
        if self._component == "scheme":
            self._refuse_relative()
        if self._component == "host":
            self.plan.literal("/")
            self.plan.any(_WILDCARD_IN["path"])
        if self._component in ("host", "path"):
            self._add_optional("?", _WILDCARD_IN["query"])
        if self._component != "fragment":
            self._add_optional("#", _WILDCARD_IN["fragment"])

    def _add_optional(self, delimiter: str, kind: _Class) -> None:
        start = self.plan.mark()
        self.plan.literal(delimiter)
        self.plan.any(kind)
        _add_ends(self.plan, [start])

    def _refuse_relative(self) -> None:
        raise InvalidSelector(
            "The URL Pattern is neither scheme://host/path nor a path that begins with a slash."
        )


@lru_cache(maxsize=256)
def _canonical_url(topic: str, base: str) -> str | None:
    """
    Write a topic as a browser would, or return None if it is no such URL.
    """
    if topic.startswith("/") and not topic.startswith("//"):
        # The host is only there to be taken away again.
        url = _canonical_url("x://x" + topic, "")
        return None if url is None else _origin(base) + url.removeprefix("x://x")
    found = _URL.fullmatch(topic)
    if found is None:
        return None
    scheme = found["scheme"].lower()
    host = found["host"].lower().removesuffix(_DEFAULT_PORTS.get(scheme, ":"))
    path = _without_dots(found["path"] or "/")
    query = "" if found["query"] == "?" else found["query"] or ""
    fragment = "" if found["fragment"] == "#" else found["fragment"] or ""
    return f"{scheme}://{host}{quote(path + query + fragment, safe=_URL_SAFE)}"


def _without_dots(path: str) -> str:
    """
    URL: "A double-dot URL path segment" takes the segment before it away; both
    kinds may be written with %2e.
    """
    if "/." not in path and "/%2" not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
    if plain in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


@lru_cache(maxsize=16)
def _origin(base: str) -> str:
    if not base:
        return ""
    url = _canonical_url(base, "")
    if url is None or base.startswith("/"):
        raise InvalidSelector(f"The base {base!r} of the URL Pattern is not a URL with a host.")
    return "/".join(url.split("/")[:3])
