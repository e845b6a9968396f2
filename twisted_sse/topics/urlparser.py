"""
The parser of URL Patterns.

A pattern is parsed from left to right.  Syntax outside the subset is refused then,
and never when a topic is matched.

Nothing here does I/O, keeps time, or imports Twisted.  Comments that begin with
"URLP:" follow https://urlpattern.spec.whatwg.org/.
"""

from __future__ import annotations

from urllib.parse import quote

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics.plan import TRACKS, Plan
from twisted_sse.topics.tokens import TokenClass
from twisted_sse.topics.urlpieces import END, Piece, pieces_of
from twisted_sse.topics.urls import DEFAULT_PORTS, URL_SAFE, origin_of

__all__ = ["parse_url_pattern"]

# URLP: a name or wildcard stays within its component, and a name also stops at
# the component's delimiter: a dot for a host, a slash for a path.  The others
# have none.
_NAME_IN = {
    "scheme": TokenClass(":/?#", inverted=True),
    "host": TokenClass(".:/?#@", inverted=True),
    "path": TokenClass("/?#", inverted=True),
    "query": TokenClass("#", inverted=True),
    "fragment": TokenClass("", inverted=True),
}
_WILDCARD_IN = {
    **_NAME_IN,
    "host": TokenClass(":/?#@", inverted=True),
    "path": TokenClass("?#", inverted=True),
}

# The tracks of skips: within an optional group, across what is optional, and within
# an optional group again, which a skip across others may have led to.
_INNER_FIRST, _OUTER, _INNER = range(TRACKS)


def parse_url_pattern(text: str, base: str) -> Plan:
    """
    Parse a URL Pattern of the subset that `URLPattern` describes.

    Raises:
        InvalidSelector: *text* is not such a pattern or is too complex, or *base*
            is not a URL with a host.
    """
    parser = _URLPatternParser(text, base)
    parser.parse()
    return parser.plan


class _URLPatternParser:
    """
    Parses a pattern piece by piece, within the component that it has reached.
    """

    def __init__(self, text: str, base: str) -> None:
        self.plan = Plan()
        self._pieces = pieces_of(text)
        self._at = 0
        self._scheme = ""
        # The first state of the group that is not closed yet.
        self._group: int | None = None
        self._in_optional_group = False
        self._component = "scheme"
        origin = origin_of(base)
        if text.startswith("/") and not text.startswith("//"):
            self.plan.literal(origin)
            self._component = "path"

    def parse(self) -> None:
        """
        Add the pattern to the plan.
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

    def _peek(self, ahead: int = 0) -> Piece:
        at = self._at + ahead
        return self._pieces[at] if at < len(self._pieces) else END

    def _next(self) -> Piece:
        self._at += 1
        return self._pieces[self._at - 1]

    def _read_text(self, piece: Piece) -> None:
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
            text = quote(text, safe=URL_SAFE)
        self.plan.literal(text)

    def _read_variable(self, piece: Piece, start: int | None) -> None:
        """
        Add a name or wildcard, which begins at *start* if a slash belongs to it.
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
            self._join(start, self.plan.here)

    def _modifier(self) -> bool:
        """
        Read the ? after a name, wildcard or group, if one follows.
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
            self._group = self.plan.mark()
            self._in_optional_group = self._is_group_optional()
            if self._in_optional_group:
                # The group gets a state of its own, so that a loop there, as in
                # {*a}?, cannot leave by the skip across the group.
                self._join(self._group)
            return
        if self._group is None:
            raise InvalidSelector("The URL Pattern has a } without a { before it: remove it.")
        start, self._group = self._group, None
        self._in_optional_group = False
        if self._modifier():
            self.plan.variable()
            self._join(start, self.plan.here)

    def _is_group_optional(self) -> bool:
        kinds = (self._peek(ahead).kind for ahead in range(len(self._pieces)))
        closed = next((ahead for ahead, kind in enumerate(kinds) if kind in ("}", "")), 0)
        return self._peek(closed + 1).kind == "?"

    def _join(self, *sources: int) -> None:
        """
        Add a state to which all *sources* skip.
        """
        tracks = (_INNER_FIRST, _INNER) if self._in_optional_group else (_OUTER,)
        joined = self.plan.gap()
        for track in tracks:
            for source in sources:
                self.plan.skip(track, source, joined)

    def _read_slash(self) -> None:
        # URLP: the slash before an optional variable of a path is optional, too.
        optional = self._peek().kind in ("name", "*") and self._peek(1).kind == "?"
        start = self.plan.mark() if optional and self._component == "path" else None
        self._read_text(Piece("text", "/"))
        if start is not None:
            self._read_variable(self._next(), start)

    def _read_colon(self) -> None:
        """
        Read a colon that does not begin a name.
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
            self._join(start, self.plan.here)
        elif self._component == "host" and f":{self._peek().text}" == DEFAULT_PORTS.get(
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
            # `canonical_url` drops the delimiter of an empty query or fragment.
            if follows:
                self.plan.literal("#")
        elif delimiter == "?" and self._component == "path":
            self._component = "query"
            if follows not in ("", "#"):
                self.plan.literal("?")
        else:
            self._read_text(Piece("text", delimiter))

    def _add_rest(self) -> None:
        """
        Add the components that the pattern does not mention.

        URLP: each component after the last one that is written is a wildcard.
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

    def _add_optional(self, delimiter: str, kind: TokenClass) -> None:
        start = self.plan.mark()
        self.plan.literal(delimiter)
        self.plan.any(kind)
        self._join(start, self.plan.here)

    def _refuse_relative(self) -> None:
        raise InvalidSelector(
            "The URL Pattern is neither scheme://host/path nor a path that begins with a slash."
        )
