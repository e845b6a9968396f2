"""
The active subscriptions, and the events that tell about them.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tests.mercure.case import BOTH, Ask, Case, Script
from tests.mercure.hub import Answer, HubUnderTest, Mismatch, expect
from tests.mercure.tokens import NEW, OLD, Token

__all__ = ["CASES"]

# It may read everything, and others may be told a payload.
READER = Token(subscribe=("*",), payload={"user": "alice"}, key="subscriber")
ACCEPT = {NEW: "application/json", OLD: "application/ld+json"}
LINK = r'<\S*$hub>; rel="?mercure"?.*last-event-id="[^"]+".*'

Step = Callable[[HubUnderTest, Answer, Answer, str], None]


def watched(steps: Step) -> Callable[[HubUnderTest, str], None]:
    """
    Run *steps* with a stream of all events about one subscription, and that subscription.
    """

    def run(hub: HubUnderTest, unique: str) -> None:
        topic = f"watched {unique}/é"
        base = f"{hub.path}/subscriptions"
        if hub.version == NEW:
            pattern = ("match_urlpattern", f"{base}/exact/{encoded(topic)}/:subscriber")
        else:
            pattern = ("topic", f"{base}/{encoded(topic)}/{{subscriber}}")
        watching = hub.subscribe([pattern], READER)
        stream = hub.subscribe([_exactly(hub, topic)], READER)
        try:
            steps(hub, watching, stream, topic)
        finally:
            stream.close()
            watching.close()

    return run


def encoded(text: str) -> str:
    """
    Percent-encode *text* once.
    """
    return quote(text, safe="")


def _exactly(hub: HubUnderTest, topic: str) -> tuple[str, str]:
    return ("match" if hub.version == NEW else "topic", topic)


def _read(hub: HubUnderTest, target: str, token: Token = READER, **headers: str) -> Answer:
    sent = {"Accept": ACCEPT[hub.version]}
    sent |= {name.replace("_", "-"): one for name, one in headers.items()}
    return hub.ask("GET", target, sent, None, token)


def _document(hub: HubUnderTest, target: str) -> Any:
    answer = _read(hub, target)
    body = answer.body()
    expect("the status", answer.status, 200)
    return json.loads(body)


def _one(hub: HubUnderTest, topic: str) -> Mapping[str, Any]:
    (found,) = _document(hub, _below(hub, topic))["subscriptions"]
    return found


def _below(hub: HubUnderTest, topic: str) -> str:
    kind = "/exact" if hub.version == NEW else ""
    return f"/subscriptions{kind}/{encoded(topic)}"


def _began(hub: HubUnderTest, watching: Answer, stream: Answer, topic: str) -> None:
    event = watching.next()
    document = json.loads(event.data or "")
    expect("the type of the event", event.event, "mercure" if hub.version == NEW else None)
    _check(hub, document, topic, active=True)


def _ended(hub: HubUnderTest, watching: Answer, stream: Answer, topic: str) -> None:
    began = json.loads(watching.next().data or "")
    stream.close()
    ended = json.loads(watching.next().data or "")
    _check(hub, ended, topic, active=False)
    expect("the subscriber", ended["subscriber"], began["subscriber"])
    expect("the ID", ended["id"], began["id"])


def _check(hub: HubUnderTest, document: Any, topic: str, *, active: bool) -> None:
    subscriber = document["subscriber"]
    if not re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", subscriber):
        raise Mismatch(f"the subscriber is {subscriber!r}")
    path = f"{hub.path}{_below(hub, topic)}/{encoded(subscriber)}"
    wanted: dict[str, Any]
    if hub.version == NEW:
        wanted = {"type": "subscription", "match_type": "exact", "match": topic}
    else:
        wanted = {"@context": "https://mercure.rocks/", "type": "Subscription", "topic": topic}
    common = {"id": path, "subscriber": subscriber, "active": active, "payload": {"user": "alice"}}
    expect("the document", document, {**wanted, **common})


def _listed(hub: HubUnderTest, watching: Answer, stream: Answer, topic: str) -> None:
    watching.next()
    document = _document(hub, "/subscriptions")
    expect("the ID", document["id"], f"{hub.path}/subscriptions")
    kind = "subscriptions" if hub.version == NEW else "Subscriptions"
    expect("the type", document["type"], kind)
    name = "match" if hub.version == NEW else "topic"
    (found,) = [one for one in document["subscriptions"] if one[name] == topic]
    _check(hub, found, topic, active=True)


def _of_topic(hub: HubUnderTest, watching: Answer, stream: Answer, topic: str) -> None:
    watching.next()
    document = _document(hub, _below(hub, topic))
    expect("the ID", document["id"], hub.path + _below(hub, topic))
    expect("the number", len(document["subscriptions"]), 1)
    _check(hub, document["subscriptions"][0], topic, active=True)


def _single(hub: HubUnderTest, watching: Answer, stream: Answer, topic: str) -> None:
    watching.next()
    found = _one(hub, topic)
    expect("the document", _document(hub, found["id"].removeprefix(hub.path)), found)


def _gone(hub: HubUnderTest, watching: Answer, stream: Answer, topic: str) -> None:
    watching.next()
    found = _one(hub, topic)
    stream.close()
    watching.next()
    answer = _read(hub, found["id"].removeprefix(hub.path))
    answer.close()
    expect("the status", answer.status, 404)


def _not_modified(hub: HubUnderTest, watching: Answer, stream: Answer, topic: str) -> None:
    watching.next()
    first = _read(hub, _below(hub, topic))
    first.body()
    second = _read(hub, _below(hub, topic), If_None_Match=first.header("ETag") or "none")
    second.close()
    # Another case may not end at this moment: the newest event counts.
    expect("the status", second.status, 304)


def _several(hub: HubUnderTest, watching: Answer, stream: Answer, topic: str) -> None:
    topics = [f"{topic}/{number}" for number in range(3)]
    other = hub.subscribe([_exactly(hub, one) for one in topics], READER)
    try:
        found = _eventually(hub, topics)
        expect("the subscribers", len({one["subscriber"] for one in found}), 1)
    finally:
        other.close()


def _eventually(hub: HubUnderTest, topics: Sequence[str]) -> list[Any]:
    for _ in range(100):
        members = [_document(hub, _below(hub, one))["subscriptions"] for one in topics]
        if all(members):
            return [one for several in members for one in several]
    raise Mismatch("the subscriptions are not told")


def _hidden(hub: HubUnderTest, watching: Answer, stream: Answer, topic: str) -> None:
    end = f"end {topic}"
    pattern = ("topic", "*") if hub.version == OLD else ("match", "*")
    public = hub.subscribe([pattern], Token(key="subscriber"))
    other = hub.subscribe([_exactly(hub, f"other {topic}")], READER)
    try:
        hub.publish([("topic", end), ("data", end)], Token(publish=("*",)))
        while (event := public.next()).data != end:
            if "subscription" in (event.data or "").lower():
                raise Mismatch("a subscriber without a grant is told of another")
    finally:
        other.close()
        public.close()


def refused(name: str, status: int, target: str, token: Token | None, *versions: str) -> Ask:
    """
    A request for subscriptions that is refused.
    """
    return Ask(name, status, f"/subscriptions{target}", token=token, versions=versions or BOTH)


def granted(*selectors: str | tuple[str, str]) -> Token:
    """
    A token that may read.
    """
    return Token(subscribe=selectors, key="subscriber")


CASES: Sequence[Case] = [
    Script("an event when it begins", watched(_began)),
    Script("an event when it ends", watched(_ended)),
    Script("all subscriptions", watched(_listed)),
    Script("those of a matcher", watched(_of_topic)),
    Script("one subscription", watched(_single)),
    Script("one that has ended", watched(_gone)),
    Script("a document that has not changed", watched(_not_modified)),
    Script("several matchers of one subscriber", watched(_several)),
    Script("nothing without a grant", watched(_hidden)),
    Ask(
        "the headers of the collection",
        200,
        "/subscriptions",
        headers={"Accept": "application/json"},
        token=READER,
        want={
            "Content-Type": "application/json(;.*)?",
            "Link": LINK + 'type="mercure".*',
            "ETag": '".+"',
        },
        versions=(NEW,),
    ),
    Ask(
        "the headers of the collection",
        200,
        "/subscriptions",
        headers={"Accept": "application/ld+json"},
        token=READER,
        want={"Content-Type": "application/ld\\+json(;.*)?"},
        want_json={"@context": "https://mercure.rocks/", "type": "Subscriptions"},
        versions=(OLD,),
    ),
    Ask(
        "no subscriptions of a matcher",
        200,
        "/subscriptions/exact/$u",
        token=READER,
        versions=(NEW,),
    ),
    Ask("no subscriptions of a topic", 200, "/subscriptions/$u", token=READER, versions=(OLD,)),
    Ask("HEAD", 200, "/subscriptions", "HEAD", token=READER),
    refused("no token", 401, "", None),
    refused("a token for other topics", 403, "", granted("other")),
    refused("a token that may publish", 403, "", Token(publish=("*",), key="subscriber")),
    refused("a token for one matcher", 403, "", granted("$hub/subscriptions/exact/a"), NEW),
    Ask(
        "the path that is granted",
        200,
        "/subscriptions/exact/a",
        token=granted("$hub/subscriptions/exact/a"),
        versions=(NEW,),
    ),
    Ask(
        "the path that is granted, with a query",
        200,
        "/subscriptions/exact/a?b=c",
        token=granted("$hub/subscriptions/exact/a"),
        versions=(NEW,),
    ),
    Ask(
        "the path that a template grants",
        200,
        "/subscriptions/a",
        token=granted("$hub/subscriptions/{topic}"),
        versions=(OLD,),
    ),
    refused("a bad token", 401, "", Token(text="nonsense")),
    refused("a bad escape", 400, "/exact/%zz", READER, NEW),
    refused("an escape that is no UTF-8", 400, "/exact/%FF", READER, NEW),
    refused("an unknown type", 400, "/regexp/a/urn%3Auuid%3Ax", READER, NEW),
    refused("an unknown subscriber", 404, "/exact/a/urn%3Auuid%3Ax", READER, NEW),
    refused("an unknown subscriber", 404, "/a/urn%3Auuid%3Ax", READER, OLD),
    Ask("another method", 405, "/subscriptions", "POST", body=b"", token=READER),
]
