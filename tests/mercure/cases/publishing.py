"""
Publications, and how they are answered.
"""

from collections.abc import Sequence

from tests.mercure.case import ALL, Ask, Case, form
from tests.mercure.hub import FORM
from tests.mercure.tokens import NEW, OLD

__all__ = ["CASES"]

PLAIN = {"Content-Type": r"text/plain; ?charset=utf-8"}
TOPIC = ("topic", "https://example.com/$u")
FORM_TYPE = {"Content-Type": FORM}
MANY = [("topic", f"https://example.com/{number}") for number in range(100)]

# The text of 1.0 says that it is a bad request; hubs of 0.x say that it is forbidden.
RESERVED = (400, 403)


def raw(name: str, status: int, body: bytes) -> Ask:
    """
    A form as it is sent.
    """
    return Ask(name, status, "", "POST", FORM_TYPE, body, ALL)


CASES: Sequence[Case] = [
    form("an event", 200, TOPIC, ("data", "x"), want=PLAIN),
    form("a topic alone", 200, TOPIC, want=PLAIN),
    form("empty data", 200, TOPIC, ("data", "")),
    form("several topics", 200, TOPIC, ("topic", "b-$u"), ("data", "x")),
    form("a hundred topics", 200, *MANY),
    form("a topic that is no URL", 200, ("topic", "a b ä {c} :d-$u")),
    form("a URN", 200, ("topic", "urn:isbn:$u")),
    form("unknown fields", 200, TOPIC, ("x", "1"), ("target", "y")),
    form("private with a value", 200, TOPIC, ("private", "on")),
    form("an event type", 200, TOPIC, ("type", "update")),
    form("an ID", 200, TOPIC, ("id", "urn:uuid:$u")),
    form("an ID that is no URN", 200, TOPIC, ("id", "my-$u")),
    form("a reconnection time", 200, TOPIC, ("retry", "3000")),
    form("a reconnection time of zero", 200, TOPIC, ("retry", "0")),
    form("all fields", 200, TOPIC, ("data", "x"), ("id", "a-$u"), ("type", "t"), ("retry", "5")),
    form("much data", 200, TOPIC, ("data", "x" * 100_000)),
    form("data with line breaks", 200, TOPIC, ("data", "a\nb\r\nc")),
    raw("private without a value", 200, b"topic=$u&private"),
    raw("data that begins with an equals sign", 200, b"topic=$u&data==x"),
    form("no topic", 400, ("data", "x")),
    raw("an empty form", 400, b""),
    form("a topic in capitals", 400, ("TOPIC", "a")),
    form("an empty topic", 400, ("topic", "")),
    form("the topic *", 400, ("topic", "*")),
    form("the topic * beside another", 400, TOPIC, ("topic", "*")),
    form("a NUL in a topic", 400, ("topic", "a\x00")),
    form("a line break in a topic", 400, ("topic", "a\nb")),
    form("a DEL in a topic", 400, ("topic", "a\x7f")),
    form("a C1 control in a topic", 400, ("topic", "a\x9f")),
    form("an invisible character in a topic", 400, ("topic", "a\u200b\u200d")),
    form("a bad alternate", 400, TOPIC, ("topic", "a\x00")),
    raw("a topic that is no UTF-8", 400, b"topic=%FF"),
    raw("data that is no UTF-8", 400, b"topic=a&data=%C3%28"),
    raw("an ID that is no UTF-8", 400, b"topic=a&id=%FF"),
    form("101 topics", 413, *MANY, TOPIC),
    form("a topic of 5,000 bytes", 413, ("topic", "a" * 5000)),
    form("a body that is too large", 413, TOPIC, ("data", "x" * 8_000_000)),
    form("the hub as a topic", RESERVED, ("topic", "$hub")),
    form("a subscription as a topic", RESERVED, ("topic", "$hub/subscriptions/exact/a/b")),
    form("the hub at another host", RESERVED, ("topic", "https://other.example$hub")),
    form("the hub with another scheme", RESERVED, ("topic", "custom://other.example$hub/x")),
    form("the hub with a query", RESERVED, ("topic", "$hub?a=b")),
    form("the hub with dot segments", RESERVED, ("topic", "/a/..$hub")),
    form("the hub with encoded dots", RESERVED, ("topic", "/a/%2e%2E$hub/x")),
    form("the hub as an alternate", RESERVED, TOPIC, ("topic", "$hub/x")),
    form("a topic that only looks like the hub", 200, ("topic", "$hub" + "x")),
    form("the hub in a query", 200, ("topic", "https://example.com/?next=$hub")),
    form("an ID that begins with #", 400, TOPIC, ("id", "#1")),
    form("the ID earliest", 400, TOPIC, ("id", "earliest")),
    form("a NUL in an ID", 400, TOPIC, ("id", "a\x00b")),
    form("a line break in an ID", 400, TOPIC, ("id", "a\nid: b")),
    form("an invisible character in an ID", 400, TOPIC, ("id", "a\u200eb")),
    form("the type mercure", 400, TOPIC, ("type", "mercure")),
    form("a line break in a type", 400, TOPIC, ("type", "a\ndata: b")),
    form("a control in a type", 400, TOPIC, ("type", "a\x1b")),
    form("an invisible character in a type", 400, TOPIC, ("type", "a\u2060")),
    form("the type mercury", 200, TOPIC, ("type", "mercury")),
    form("a negative reconnection time", 400, TOPIC, ("retry", "-1")),
    form("a reconnection time with a unit", 400, TOPIC, ("retry", "3s")),
    form("a reconnection time with a fraction", 400, TOPIC, ("retry", "1.5")),
    form("a reconnection time with a sign", 400, TOPIC, ("retry", "+1")),
    form("a reconnection time in other digits", 400, TOPIC, ("retry", "١٢")),
    Ask(
        "JSON",
        (400, 415),
        method="POST",
        headers={"Content-Type": "application/json"},
        body=b'{"topic":"a"}',
        token=ALL,
    ),
    form("a topic with a fragment", 200, ("topic", "https://example.com/$u#x")),
    form("a reserved topic beside a query", 400, ("topic", "$hub/x?y"), versions=(NEW,)),
    form("old clients send empty fields", 200, TOPIC, ("id", ""), ("type", ""), versions=(OLD,)),
]
