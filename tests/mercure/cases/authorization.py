"""
Who may do what, and what the refusals say.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.mercure.case import ALL, Ask, Case, form
from tests.mercure.hub import FORM
from tests.mercure.tokens import NEW, OLD, Token

__all__ = ["CASES"]

TOPIC = ("topic", "https://example.com/$u")
DETAIL = "https://mercure.rocks/authorization-detail"

OLD_COOKIE, NEW_COOKIE = "mercureAuthorization", "__Secure-mercure_access_token"
EVIL = {"Origin": "https://evil.example"}

NO_TOKEN = {"WWW-Authenticate": r"Bearer( (?!.*error=).*)?"}
INVALID = {"WWW-Authenticate": r'Bearer .*error="invalid_token".*'}
SCOPE = {"WWW-Authenticate": r'Bearer .*error="insufficient_scope".*'}
MALFORMED = {"WWW-Authenticate": r'Bearer .*error="invalid_request".*'}


def refused(name: str, token: Token, *versions: str) -> Ask:
    """
    A publication with a token that is not valid.
    """
    return form(name, 401, TOPIC, token=token, want=INVALID, versions=versions or (OLD, NEW))


def detailed(name: str, details: Any, status: int = 401) -> Ask:
    """
    A publication with these authorization details.
    """
    token = Token(claims={"authorization_details": details})
    want = {401: INVALID, 403: SCOPE}.get(status, {})
    return form(name, status, TOPIC, token=token, want=want, versions=(NEW,))


def detail(**members: Any) -> dict[str, Any]:
    """
    A detail that lets publish everything, with other *members*.
    """
    return {"type": DETAIL, "actions": ["publish"], "topics": [{"match": "*"}], **members}


def with_header(name: str, status: int, value: str, **want: Any) -> Ask:
    """
    A publication with this header ``Authorization``.
    """
    return form(name, status, TOPIC, token=None, headers={"Authorization": value}, **want)


def with_cookie(name: str, headers: dict[str, str], cookie: str, version: str) -> Ask:
    """
    A publication with a good token in a cookie.
    """
    case = form(name, 400, TOPIC, token=ALL, headers=headers, want=MALFORMED, cookie=cookie)
    return replace(case, versions=(version,))


PUBLISH: Sequence[Case] = [
    form("no token", 401, TOPIC, token=None, want=NO_TOKEN),
    form("a token for everything", 200, TOPIC, token=Token(publish=("*",))),
    form("a token for the topic", 200, TOPIC, token=Token(publish=("https://example.com/$u",))),
    form("a token for another topic", 403, TOPIC, token=Token(publish=("other",)), want=SCOPE),
    form("a token that may only read", 403, TOPIC, token=Token(subscribe=("*",)), want=SCOPE),
    form("a token for nothing", 403, TOPIC, token=Token(), want=SCOPE),
    form(
        "a token for one of two topics",
        403,
        ("topic", "a-$u"),
        ("topic", "b-$u"),
        token=Token(publish=("a-$u",)),
        want=SCOPE,
    ),
    form(
        "a token for both topics",
        200,
        ("topic", "a-$u"),
        ("topic", "b-$u"),
        token=Token(publish=("a-$u", "b-$u")),
    ),
    form(
        "a private event beyond the grant",
        403,
        TOPIC,
        ("private", "on"),
        token=Token(publish=("other",)),
        want=SCOPE,
    ),
    form(
        "a template covers the topic",
        200,
        ("topic", "https://example.com/books/1"),
        token=Token(publish=("https://example.com/books/{id}",)),
        versions=(OLD,),
    ),
    form(
        "a template does not cover the topic",
        403,
        ("topic", "https://example.com/films/1"),
        token=Token(publish=("https://example.com/books/{id}",)),
        want=SCOPE,
        versions=(OLD,),
    ),
    form(
        "a pattern covers the topic",
        200,
        ("topic", "https://example.com/books/1"),
        token=Token(publish=(("urlpattern", "https://example.com/books/:id"),)),
        versions=(NEW,),
    ),
    form(
        "a pattern does not cover the topic",
        403,
        ("topic", "https://example.com/films/1"),
        token=Token(publish=(("urlpattern", "https://example.com/books/:id"),)),
        want=SCOPE,
        versions=(NEW,),
    ),
    form(
        "an exact grant is no template",
        403,
        ("topic", "https://example.com/books/1"),
        token=Token(publish=("https://example.com/books/{id}",)),
        want=SCOPE,
        versions=(NEW,),
    ),
    form("a bad form without a token", 401, ("data", "x"), token=None),
    form(
        "a namespaced claim",
        200,
        TOPIC,
        token=Token(claims={"mercure": None, "https://mercure.rocks/": {"publish": ["*"]}}),
        versions=(OLD,),
    ),
    form("no expiry", 200, TOPIC, token=Token(publish=("*",)), versions=(OLD,)),
]

TOKENS: Sequence[Case] = [
    refused("another key", Token(publish=("*",), key="other")),
    refused("no signature", Token(publish=("*",), header={"alg": "none"})),
    refused("another algorithm", Token(publish=("*",), header={"alg": "HS384"})),
    refused("no algorithm", Token(publish=("*",), header={"alg": None})),
    refused("a critical extension", Token(publish=("*",), header={"crit": ["x"], "x": 1})),
    refused("an expired token", Token(publish=("*",), claims={"exp": int(time.time()) - 3600})),
    refused("a token of tomorrow", Token(publish=("*",), claims={"nbf": int(time.time()) + 86400})),
    refused("an expiry that is no date", Token(publish=("*",), claims={"exp": "soon"})),
    refused("no token at all", Token(text="nonsense")),
    refused("two parts", Token(text="e30.e30")),
    refused("parts that are no JSON", Token(text="AAAA.AAAA.AAAA")),
    refused("a huge token", Token(text="e30." + "e" * 12_000 + ".AAAA")),
    refused("a claim that is no object", Token(claims={"mercure": "publish"}), OLD),
    refused("selectors that are no list", Token(claims={"mercure": {"publish": "*"}}), OLD),
    refused("a selector that is no text", Token(claims={"mercure": {"publish": [1]}}), OLD),
    refused("no expiry", Token(publish=("*",), claims={"exp": None}), NEW),
    refused("another issuer", Token(publish=("*",), claims={"iss": "https://evil.example"}), NEW),
    refused("no issuer", Token(publish=("*",), claims={"iss": None}), NEW),
    refused("half an issuer", Token(publish=("*",), claims={"iss": "HTTPS://"}), NEW),
    refused("another audience", Token(publish=("*",), claims={"aud": "https://x.example"}), NEW),
    refused("no audience", Token(publish=("*",), claims={"aud": None}), NEW),
    refused("an empty list as the audience", Token(publish=("*",), claims={"aud": []}), NEW),
]

DETAILS: Sequence[Case] = [
    detailed("one detail", [detail()], 200),
    detailed("a detail of another type", [detail(type="other")], 403),
    detailed("one of another type beside", [{"type": "other", "x": 1}, detail()], 200),
    detailed("an unknown action beside", [detail(actions=["delete", "publish"])], 200),
    detailed("an unknown action alone", [detail(actions=["delete"])], 403),
    detailed("an explicit type", [detail(topics=[{"match": "*", "match_type": "exact"}])], 200),
    detailed("an unknown type", [detail(topics=[{"match": "*", "match_type": "regexp"}])]),
    detailed("a type in capitals", [detail(topics=[{"match": "*", "match_type": "Exact"}])]),
    detailed("no actions", [detail(actions=[])]),
    detailed("actions that are no list", [detail(actions="publish")]),
    detailed("no topics", [detail(topics=[])]),
    detailed("a topic that is no object", [detail(topics=["*"])]),
    detailed("a topic without match", [detail(topics=[{"match_type": "exact"}])]),
    detailed("a match that is no text", [detail(topics=[{"match": 1}])]),
    detailed("a bad pattern", [detail(topics=[{"match": "/{", "match_type": "urlpattern"}])]),
    detailed("a malformed one beside a good one", [detail(), detail(topics=[])]),
    detailed("details that are no list", detail()),
    detailed("a hundred topics", [detail(topics=[{"match": "*"}] * 100)], 200),
    detailed("101 topics", [detail(topics=[{"match": "*"}] * 101)]),
    detailed("101 details", [detail()] * 101),
]

PRESENTATION: Sequence[Case] = [
    with_header("a scheme without a token", 400, "Bearer", want=MALFORMED),
    with_header("two words", 400, "Bearer a b", want=MALFORMED),
    with_header("a token that is empty", 400, "Bearer ", want=MALFORMED),
    with_cookie("a cookie without an origin", {}, OLD_COOKIE, OLD),
    with_cookie("a cookie without an origin", {}, NEW_COOKIE, NEW),
    with_cookie("a cookie of an evil page", EVIL, OLD_COOKIE, OLD),
    with_cookie("a cookie of an evil page", EVIL, NEW_COOKIE, NEW),
    with_cookie("a cookie of a page without an origin", {"Origin": "null"}, OLD_COOKIE, OLD),
    with_cookie("a cookie of a page without an origin", {"Origin": "null"}, NEW_COOKIE, NEW),
    Ask(
        "a cookie while reading",
        200,
        "/subscriptions",
        token=Token(subscribe=("*",), key="subscriber"),
        cookie=OLD_COOKIE,
        versions=(OLD,),
    ),
    Ask(
        "a cookie while reading",
        200,
        "/subscriptions",
        token=Token(subscribe=("*",), key="subscriber"),
        cookie=NEW_COOKIE,
        versions=(NEW,),
    ),
    form(
        "the header precedes the cookie",
        200,
        TOPIC,
        headers={"Cookie": f"{OLD_COOKIE}=nonsense; {NEW_COOKIE}=nonsense"},
    ),
    Ask("a bad token while reading", 401, "?$m=a", token=Token(text="nonsense"), want=INVALID),
    Ask(
        "an expired token while reading",
        401,
        "?$m=a",
        token=Token(subscribe=("*",), claims={"exp": int(time.time()) - 5}, key="subscriber"),
        want=INVALID,
    ),
    Ask(
        "a good token while reading", 200, "?$m=a", token=Token(subscribe=("*",), key="subscriber")
    ),
    Ask("a token for others while reading", 200, "?$m=a", token=Token(key="subscriber")),
    Ask(
        "a token in the query",
        200,
        "?match=a&access_token=nonsense&authorization=nonsense",
        versions=(NEW,),
    ),
    Ask(
        "a publication with a token in the query",
        401,
        "?access_token=nonsense",
        "POST",
        {"Content-Type": FORM},
        b"topic=a",
        versions=(NEW,),
    ),
    Ask(
        "metadata of the hub",
        200,
        "//.well-known/oauth-protected-resource$hub",
        want={"Content-Type": "application/json(;.*)?"},
        want_json={"bearer_methods_supported": ["header"]},
        versions=(NEW,),
    ),
    form(
        "the refusal refers to the metadata",
        401,
        TOPIC,
        token=None,
        want={"WWW-Authenticate": r"Bearer .*resource_metadata=\"https?://.+$hub\".*"},
        versions=(NEW,),
    ),
]

CASES: Sequence[Case] = [*PUBLISH, *TOKENS, *DETAILS, *PRESENTATION]
