"""
Streams that resume, and what their headers tell.
"""

from collections.abc import Sequence

from tests.mercure.case import Case, Resumption
from tests.mercure.tokens import NEW, OLD, Token

__all__ = ["CASES"]

Pairs = Sequence[tuple[str, str]]


def event(data: str, *more: tuple[str, str]) -> Pairs:
    """
    The form of a publication to the topic that resumes.
    """
    return [("topic", "resume-$u"), ("data", data), *more]


def private(data: str, *more: tuple[str, str]) -> Pairs:
    """
    The form of a private publication.
    """
    return event(data, ("private", "on"), *more)


THREE = [event("0"), event("1"), event("2")]
READER = Token(subscribe=("resume-$u",), key="subscriber")

CASES: Sequence[Case] = [
    Resumption("after the first event", THREE, 0, ["1", "2"], 0),
    Resumption("after the second event", THREE, 1, ["2"], 1),
    Resumption("after the newest event", THREE, 2, [], 2),
    Resumption("from the earliest event", THREE, "earliest", ["0", "1", "2"], "earliest"),
    Resumption("after an unknown event", THREE, "unknown", [], "earliest"),
    Resumption("an ID in the query", THREE, 0, ["1", "2"], 0, ("last_event_id",), versions=(NEW,)),
    Resumption("an ID in the query", THREE, 0, ["1", "2"], 0, ("lastEventID",), versions=(OLD,)),
    Resumption(
        "earliest in the query",
        THREE,
        "earliest",
        ["0", "1", "2"],
        "earliest",
        ("last_event_id",),
        versions=(NEW,),
    ),
    Resumption(
        "the header precedes the query",
        THREE,
        1,
        ["2"],
        1,
        others={"last_event_id": 0},
        versions=(NEW,),
    ),
    Resumption(
        "the header precedes the query",
        THREE,
        1,
        ["2"],
        1,
        others={"lastEventID": 0},
        versions=(OLD,),
    ),
    Resumption(
        "an ID in the form of QUERY",
        THREE,
        0,
        ["1", "2"],
        0,
        ("last_event_id",),
        method="QUERY",
        versions=(NEW,),
    ),
    Resumption(
        "an ID that the publisher chose",
        [event("0", ("id", "urn:$u")), event("1"), event("2")],
        "urn:$u",
        ["1", "2"],
        "urn:$u",
    ),
    Resumption(
        "an ID that was used twice stands for its first event",
        [event("0", ("id", "twice-$u")), event("1"), event("2", ("id", "twice-$u")), event("3")],
        "twice-$u",
        ["1", "2", "3"],
        "twice-$u",
    ),
    Resumption(
        "events of other topics are left out",
        [event("0"), [("topic", "other-$u"), ("data", "1")], event("2")],
        0,
        ["2"],
        0,
    ),
    Resumption(
        "after an event of another topic",
        [event("0"), [("topic", "other-$u"), ("data", "1")], event("2")],
        1,
        ["2"],
        1,
    ),
    Resumption(
        "no private event without a grant", [event("0"), private("1"), event("2")], 0, ["2"], 0
    ),
    Resumption(
        "private events with a grant",
        [event("0"), private("1"), event("2")],
        0,
        ["1", "2"],
        0,
        token=READER,
    ),
    Resumption(
        "private events with a grant, from the earliest",
        [private("0"), event("1")],
        "earliest",
        ["0", "1"],
        "earliest",
        token=READER,
    ),
    Resumption(
        "the ID of a private event is not known without a grant",
        [event("0"), private("1", ("id", "secret-$u")), event("2")],
        "secret-$u",
        ["0", "2"],
        "earliest",
    ),
    Resumption(
        "the ID of a private event is known with a grant",
        [event("0"), private("1", ("id", "secret-$u")), event("2")],
        "secret-$u",
        ["2"],
        "secret-$u",
        token=READER,
    ),
]
