"""
Requests for a stream, and how they are answered.
"""

from collections.abc import Sequence

from tests.mercure.case import Ask, Case
from tests.mercure.hub import FORM
from tests.mercure.tokens import NEW, OLD

__all__ = ["CASES"]

STREAM = {"Content-Type": r"text/event-stream(;.*)?"}
FORM_TYPE = {"Content-Type": FORM}
MANY = "&".join(f"$m={number}" for number in range(101))


def bad(name: str, query: str, *versions: str) -> Ask:
    """
    A query that is refused.
    """
    return Ask(name, 400, f"?{query}", versions=versions or (OLD, NEW))


def query(name: str, status: int, body: bytes, headers: dict[str, str] | None = None) -> Ask:
    """
    A request with the method ``QUERY``, by default with a form.
    """
    given = FORM_TYPE if headers is None else headers
    return Ask(name, status, method="QUERY", headers=given, body=body)


CASES: Sequence[Case] = [
    Ask("a stream", 200, "?$m=$u", want={**STREAM, "Cache-Control": ".*no-(cache|store).*"}),
    Ask("several matchers", 200, "?$m=a&$m=b", want=STREAM),
    Ask("everything", 200, "?$m=*", want=STREAM),
    Ask("a URI template", 200, "?topic=%2Fa%2F%7Bb%7D", want=STREAM, versions=(OLD,)),
    Ask("an exact matcher", 200, "?match_exact=a", want=STREAM, versions=(NEW,)),
    Ask("an exact matcher with braces", 200, "?match=%7Ba", want=STREAM, versions=(NEW,)),
    Ask("a URL pattern", 200, "?match_urlpattern=%2Fa%2F:b", want=STREAM, versions=(NEW,)),
    Ask(
        "a URL pattern with a host",
        200,
        "?match_urlpattern=https:%2F%2Fexample.com%2F*",
        want=STREAM,
        versions=(NEW,),
    ),
    Ask("everything as a URL pattern", 200, "?match_urlpattern=*", want=STREAM, versions=(NEW,)),
    Ask(
        "all types together",
        200,
        "?match=a&match_exact=b&match_urlpattern=%2Fc",
        want=STREAM,
        versions=(NEW,),
    ),
    Ask("unknown parameters", 200, "?$m=a&x=1&utm_source=b", want=STREAM),
    Ask("a value of 1,024 bytes", 200, "?$m=" + "a" * 1024, want=STREAM),
    Ask("a hundred matchers", 200, "?" + MANY.removesuffix("&$m=100"), want=STREAM),
    bad("no matcher", ""),
    bad("no matcher but other parameters", "x=1"),
    bad("an empty value", "$m="),
    bad("a name in another case", "TOPIC=a", OLD),
    bad("no value", "$m"),
    bad("an unknown type", "match=a&match_regexp=b", NEW),
    bad("an unknown type alone", "match_cel=b", NEW),
    bad("a type in another case", "Match_exact=a", NEW),
    bad("match in capitals", "match=a&MATCH=b", NEW),
    bad("a longer name", "match=a&matches=b", NEW),
    bad("a NUL", "$m=a%00"),
    bad("a line break", "$m=a%0Ab"),
    bad("an escape", "$m=%1B"),
    bad("a DEL", "$m=a%7F"),
    bad("a C1 control", "$m=a%C2%85"),
    bad("a zero-width joiner", "$m=a%E2%80%8Db"),
    bad("a right-to-left override", "$m=%E2%80%AEa"),
    bad("a byte order mark", "$m=%EF%BB%BFa"),
    bad("bytes that are no UTF-8", "$m=%FF"),
    bad("a truncated character", "$m=%E2%80"),
    bad("a surrogate", "$m=%ED%A0%80"),
    bad("a value of 4,097 bytes", "$m=" + "a" * 4097),
    bad("101 matchers", MANY),
    bad("a template that is not closed", "topic=%7Ba", OLD),
    bad("a pattern that is not closed", "match_urlpattern=%2F%7Ba", NEW),
    bad("a pattern with a broken group", "match_urlpattern=%2F(", NEW),
    bad("an empty pattern", "match_urlpattern=", NEW),
    Ask("Accept of streams", 200, "?$m=a", headers={"Accept": "text/event-stream"}, want=STREAM),
    Ask("Accept of everything", 200, "?$m=a", headers={"Accept": "*/*"}, want=STREAM),
    Ask("Accept of text", 200, "?$m=a", headers={"Accept": "image/png, text/*;q=0.1"}),
    Ask("Accept of others", 406, "?$m=a", headers={"Accept": "application/json"}),
    Ask("Accept with q=0", 406, "?$m=a", headers={"Accept": "*/*, text/event-stream;q=0"}),
    Ask("Accept of text with q=0", 406, "?$m=a", headers={"Accept": "*/*;q=1, text/*;q=0"}),
    Ask("an empty Accept", 200, "?$m=a", headers={"Accept": ""}, want=STREAM),
    Ask("HEAD", 200, "?$m=a", method="HEAD", want=STREAM),
    Ask("HEAD without a matcher", 400, "", method="HEAD"),
    Ask("an unknown method", 405, "?$m=a", method="DELETE", want={"Allow": ".*GET.*POST.*"}),
    query("QUERY", 200, b"$m=a"),
    query(
        "QUERY with parameters of the type", 200, b"$m=a", {"Content-Type": f"{FORM};charset=utf-8"}
    ),
    query("QUERY with a type in capitals", 200, b"$m=a", {"Content-Type": FORM.upper()}),
    query("QUERY without a type", 400, b"$m=a", {}),
    query("QUERY with a type that is none", 400, b"$m=a", {"Content-Type": "form"}),
    query("QUERY with JSON", 415, b'{"match":"a"}', {"Content-Type": "application/json"}),
    query("QUERY with text", 415, b"$m=a", {"Content-Type": "text/plain"}),
    query("QUERY without a matcher", 400, b"x=1"),
    query("QUERY with an empty body", 400, b""),
    query("QUERY with bad UTF-8", 400, b"$m=%FF"),
    query("QUERY with 101 matchers", 400, MANY.encode()),
    query("QUERY with a form that is too large", 413, b"$m=" + b"a" * 5_000_000),
    Ask("QUERY with matchers in the URL", 200, "?$m=a", "QUERY", FORM_TYPE, b"", want=STREAM),
]
