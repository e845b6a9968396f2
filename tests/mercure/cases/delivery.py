"""
Which publications arrive at which streams.
"""

from collections.abc import Sequence

from tests.mercure.case import Case, Delivery
from tests.mercure.tokens import NEW, OLD, Token

__all__ = ["CASES"]

Pairs = Sequence[tuple[str, str]]

BOOK = "https://example.com/$u/books"


def event(topic: str, data: str, *more: tuple[str, str]) -> Pairs:
    """
    The form of a publication.
    """
    return [("topic", topic), ("data", data), *more]


def private(topic: str, data: str, *more: tuple[str, str]) -> Pairs:
    """
    The form of a private publication.
    """
    return event(topic, data, ("private", "on"), *more)


def reader(*selectors: str | tuple[str, str]) -> Token:
    """
    A token that may read.
    """
    return Token(subscribe=selectors, key="subscriber")


MATCHING: Sequence[Case] = [
    Delivery(
        "its topic and no other", [("$m", "a-$u")], [event("b-$u", "1"), event("a-$u", "2")], ["2"]
    ),
    Delivery(
        "all events in their order",
        [("$m", "a-$u")],
        [event("a-$u", str(number)) for number in range(10)],
        [str(number) for number in range(10)],
    ),
    Delivery(
        "several matchers",
        [("$m", "a-$u"), ("$m", "b-$u")],
        [event("a-$u", "1"), event("b-$u", "2"), event("c-$u", "3")],
        ["1", "2"],
    ),
    Delivery(
        "an event of two topics once",
        [("$m", "a-$u"), ("$m", "b-$u")],
        [[("topic", "a-$u"), ("topic", "b-$u"), ("data", "1")]],
        ["1"],
    ),
    Delivery(
        "an alternate topic",
        [("$m", "b-$u")],
        [[("topic", "a-$u"), ("topic", "b-$u"), ("data", "1")]],
        ["1"],
    ),
    Delivery(
        "letter case, byte for byte",
        [("$m", "https://example.com/$u/A")],
        [
            event("https://example.com/$u/a", "1"),
            event("HTTPS://example.com/$u/A", "2"),
            event("https://example.com/$u/%41", "3"),
            event("https://example.com/$u/A", "4"),
        ],
        ["4"],
    ),
    Delivery(
        "no Unicode normalization",
        [("$m", "é-$u")],
        [event("e\u0301-$u", "1"), event("é-$u", "2")],
        ["2"],
    ),
    Delivery(
        "a topic with spaces and signs",
        [("$m", "a b&c=d;e+f-$u")],
        [event("a b&c=d;e+f-$u", "1")],
        ["1"],
    ),
    Delivery(
        "a name with braces",
        [("match", "{$u}")],
        [event("$u", "1"), event("{$u}", "2")],
        ["2"],
        versions=(NEW,),
    ),
    Delivery(
        "a name that looks like a pattern",
        [("match_exact", "/$u/:id")],
        [event("/$u/1", "1"), event("/$u/:id", "2")],
        ["2"],
        versions=(NEW,),
    ),
    Delivery(
        "a template",
        [("topic", BOOK + "/{id}")],
        [event(BOOK, "1"), event(BOOK + "/2", "2"), event(BOOK + "/2/3", "3")],
        ["2"],
        versions=(OLD,),
    ),
    Delivery(
        "a template of a path",
        [("topic", BOOK + "{/id*}")],
        [event(BOOK + "/2/3", "3")],
        ["3"],
        versions=(OLD,),
    ),
    Delivery(
        "the text of a template itself",
        [("topic", BOOK + "/{id}")],
        [event(BOOK + "/{id}", "1")],
        ["1"],
        versions=(OLD,),
    ),
    Delivery(
        "a pattern",
        [("match_urlpattern", BOOK + "/:id")],
        [event(BOOK, "1"), event(BOOK + "/2", "2"), event(BOOK + "/2/3", "3")],
        ["2"],
        versions=(NEW,),
    ),
    Delivery(
        "a pattern with a star",
        [("match_urlpattern", BOOK + "/*")],
        [event(BOOK + "/2/3", "1"), event("https://example.com/$u/x", "2")],
        ["1"],
        versions=(NEW,),
    ),
    Delivery(
        "a pattern with an optional part",
        [("match_urlpattern", BOOK + "{/new}?")],
        [event(BOOK, "1"), event(BOOK + "/new", "2"), event(BOOK + "/old", "3")],
        ["1", "2"],
        versions=(NEW,),
    ),
    Delivery(
        "a pattern and a topic that is no URL",
        [("match_urlpattern", "https://example.com/*")],
        [event("not a url $u", "1")],
        [],
        versions=(NEW,),
    ),
    Delivery(
        "a path as a pattern, and a path",
        [("match_urlpattern", "/$u/:id")],
        [event("/$u/1", "1"), event("/$u/1/2", "2")],
        ["1"],
        versions=(NEW,),
    ),
    Delivery(
        "a pattern minds the case of paths only",
        [("match_urlpattern", "https://EXAMPLE.com/$u/a")],
        [event("https://example.com/$u/a", "1"), event("https://example.com/$u/A", "2")],
        ["1"],
        versions=(NEW,),
    ),
    Delivery("a stream of QUERY", [("$m", "a-$u")], [event("a-$u", "1")], ["1"], method="QUERY"),
]

FIELDS: Sequence[Case] = [
    Delivery(
        "type, ID and reconnection time",
        [("$m", "a-$u")],
        [event("a-$u", "x", ("type", "t"), ("id", "urn:$u"), ("retry", "77"))],
        ["x"],
        fields={"event": "t", "id": "urn:$u", "retry": 77},
    ),
    Delivery(
        "an ID of the hub's",
        [("$m", "a-$u")],
        [event("a-$u", "x")],
        ["x"],
        fields={"event": None, "retry": None},
    ),
    Delivery(
        "data with all line ends",
        [("$m", "a-$u")],
        [event("a-$u", "a\nb\rc\r\nd\n\ne")],
        ["a\nb\nc\nd\n\ne"],
    ),
    Delivery("empty data", [("$m", "a-$u")], [event("a-$u", "")], [""]),
    Delivery(
        "data that looks like fields",
        [("$m", "a-$u")],
        [event("a-$u", "x\nid: forged\nevent: forged\n\ndata: forged")],
        ["x\nid: forged\nevent: forged\n\ndata: forged"],
        fields={"event": None},
    ),
    Delivery(
        "characters that are no line ends",
        [("$m", "a-$u")],
        [event("a-$u", " a\u2028b\u0085c\x0bd 🙂 ")],
        [" a\u2028b\u0085c\x0bd 🙂 "],
    ),
]

PRIVATE: Sequence[Case] = [
    Delivery(
        "nothing private without a token",
        [("$m", "a-$u")],
        [private("a-$u", "1"), event("a-$u", "2")],
        ["2"],
    ),
    Delivery(
        "nothing private without a grant",
        [("$m", "a-$u")],
        [private("a-$u", "1"), event("a-$u", "2")],
        ["2"],
        reader("other"),
    ),
    Delivery(
        "nothing private with a grant to publish",
        [("$m", "a-$u")],
        [private("a-$u", "1"), event("a-$u", "2")],
        ["2"],
        Token(publish=("*",), key="subscriber"),
    ),
    Delivery(
        "what is private with a grant for it",
        [("$m", "a-$u")],
        [private("a-$u", "1"), event("a-$u", "2")],
        ["1", "2"],
        reader("a-$u"),
    ),
    Delivery(
        "what is private with a grant for everything",
        [("$m", "a-$u")],
        [private("a-$u", "1")],
        ["1"],
        reader("*"),
    ),
    Delivery(
        "private by any value",
        [("$m", "a-$u")],
        [event("a-$u", "1", ("private", "false")), event("a-$u", "2", ("private", ""))],
        [],
    ),
    Delivery(
        "a grant for an alternate topic is enough",
        [("$m", "a-$u")],
        [private("a-$u", "1", ("topic", "b-$u")), private("a-$u", "2")],
        ["1"],
        reader("b-$u"),
    ),
    Delivery(
        "a grant alone is no subscription",
        [("$m", "a-$u")],
        [private("b-$u", "1"), private("a-$u", "2")],
        ["2"],
        reader("*"),
    ),
    Delivery(
        "two matchers, of which only what is granted",
        [("$m", "a-$u"), ("$m", "b-$u")],
        [private("a-$u", "1"), private("b-$u", "2")],
        ["2"],
        reader("b-$u"),
    ),
    Delivery(
        "a template in the grant",
        [("topic", "https://example.com/$u/1")],
        [private("https://example.com/$u/1", "1")],
        ["1"],
        reader("https://example.com/$u/{id}"),
        versions=(OLD,),
    ),
    Delivery(
        "a pattern in the grant",
        [("match", "https://example.com/$u/1"), ("match", "https://example.com/$u/1/2")],
        [private("https://example.com/$u/1", "1"), private("https://example.com/$u/1/2", "2")],
        ["1"],
        reader(("urlpattern", "https://example.com/$u/:id")),
        versions=(NEW,),
    ),
    Delivery(
        "a name with a colon in the grant is exact",
        [("match", "https://example.com/$u/1")],
        [private("https://example.com/$u/1", "1")],
        [],
        reader("https://example.com/$u/:id"),
        versions=(NEW,),
    ),
    Delivery(
        "a private event by one who may publish that topic only",
        [("$m", "a-$u")],
        [private("a-$u", "1")],
        ["1"],
        reader("a-$u"),
        Token(publish=("a-$u",)),
    ),
]

CASES: Sequence[Case] = [*MATCHING, *FIELDS, *PRIVATE]
