"""
The kinds of cases.

In a text, ``$u`` is another word in each run, so that cases do not meet each other's events;
``$m`` is the name of the parameter for an exact topic, and ``$hub`` the path of the hub.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar
from urllib.parse import quote_plus
from uuid import uuid4

from tests.mercure.hub import FORM, Answer, HubUnderTest, Mismatch, expect
from tests.mercure.tokens import NEW, OLD, Token

__all__ = ["ALL", "BOTH", "Ask", "Case", "Delivery", "Resumption", "Script", "form"]

BOTH = (OLD, NEW)

#: May do everything.
ALL = Token(publish=("*",), subscribe=("*",))

Pairs = Sequence[tuple[str, str]]
T = TypeVar("T")


class Case(Protocol):
    """
    One case.

    Attributes:
        name: What the hub is to do, in a few words.

        versions: Those of the protocol that want it.
    """

    name: str
    versions: tuple[str, ...]

    def run(self, hub: HubUnderTest) -> None:
        """
        Test *hub*.

        Raises:
            Mismatch: It does something else.
        """


@dataclass(frozen=True)
class Ask:
    """
    One request, and what its answer must be.

    Attributes:
        status: The status, or several that are right.

        target: What follows the path of the hub.

        want: Regular expressions for headers; ``None`` for one that must be absent.

        want_json: Members that the body must have.

        cookie: The name of the cookie that has the token; ``None`` for the header.
    """

    name: str
    status: int | tuple[int, ...]
    target: str = ""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    token: Token | None = None
    want: Mapping[str, str | None] = field(default_factory=dict)
    want_json: Mapping[str, Any] | None = None
    cookie: str | None = None
    versions: tuple[str, ...] = BOTH

    def run(self, hub: HubUnderTest) -> None:
        """
        See `Case.run`.
        """
        case = _filled(self, _words(hub))
        headers, token = dict(case.headers), case.token
        if case.cookie is not None and token is not None:
            headers["Cookie"] = f"{case.cookie}={hub.keys.sign(token, hub.version)}"
            token = None
        answer = hub.ask(case.method, case.target, headers, case.body, token)
        try:
            case._check(answer)
        finally:
            answer.close()

    def _check(self, answer: Answer) -> None:
        statuses = self.status if isinstance(self.status, tuple) else (self.status,)
        if answer.status not in statuses:
            raise Mismatch(f"the status is {answer.status}, not {self.status}")
        for name, pattern in self.want.items():
            value = answer.header(name)
            if pattern is None:
                expect(f"the header {name}", value, None)
            elif value is None or not re.fullmatch(pattern, value):
                raise Mismatch(f"the header {name} is {value!r}, not {pattern}")
        if self.want_json is not None:
            document = json.loads(answer.body())
            for key, wanted in self.want_json.items():
                expect(f"the member {key}", document.get(key), wanted)


def form(name: str, status: int | tuple[int, ...], *fields: tuple[str, str], **rest: Any) -> Ask:
    """
    A publication of a form, by default with a token that may do everything.

    Args:
        rest: Arguments of `Ask`.
    """
    # A dollar sign stays, because it begins a word.
    body = "&".join(f"{key}={quote_plus(value, safe='$')}" for key, value in fields).encode()
    rest.setdefault("token", ALL)
    headers = {"Content-Type": FORM, **rest.pop("headers", {})}
    return Ask(name, status, "", "POST", headers, body, **rest)


@dataclass(frozen=True)
class Delivery:
    """
    A stream, publications, and which of them arrive.

    Attributes:
        query: What the subscriber asks for.

        publications: The forms that are published once the stream is open.

        expected: The data of those that must arrive, in this order.

        fields: What else the first one that arrives must have.
    """

    name: str
    query: Pairs
    publications: Sequence[Pairs]
    expected: Sequence[str]
    token: Token | None = None
    publisher: Token = ALL
    method: str = "GET"
    fields: Mapping[str, Any] = field(default_factory=dict)
    versions: tuple[str, ...] = BOTH

    def run(self, hub: HubUnderTest) -> None:
        """
        See `Case.run`.
        """
        words = _words(hub)
        case, end = _filled(self, words), f"end-{words['$u']}"
        # An event that arrives in any case ends the stream.
        last = (words["$m"], end)
        stream = hub.subscribe([*case.query, last], case.token, method=case.method)
        try:
            ids = [hub.publish(fields, case.publisher) for fields in case.publications]
            hub.publish([("topic", end), ("data", "end")], ALL)
            received = []
            while (event := stream.next()).data != "end":
                received.append(event)
        finally:
            stream.close()
        expect("what arrived", [event.data for event in received], list(case.expected))
        if not all(event.id in ids for event in received):
            raise Mismatch("an event has another ID than its publisher was told")
        for name, wanted in case.fields.items():
            expect(f"the field {name}", getattr(received[0], name), wanted)


@dataclass(frozen=True)
class Resumption:
    """
    Publications, a stream that resumes, and what it replays.

    Attributes:
        asked: The ID that is asked for: a number is that of a publication, counted from 0.

        where: The header or the parameters that ask; all with the same ID.

        others: Further parameters, with IDs as in *asked*.

        preceding: What the header of the answer must tell, as *asked*.
    """

    name: str
    publications: Sequence[Pairs]
    asked: int | str
    expected: Sequence[str]
    preceding: int | str
    where: tuple[str, ...] = ("Last-Event-ID",)
    others: Mapping[str, int | str] = field(default_factory=dict)
    token: Token | None = None
    method: str = "GET"
    versions: tuple[str, ...] = BOTH

    def run(self, hub: HubUnderTest) -> None:
        """
        See `Case.run`.
        """
        words = _words(hub)
        case, end = _filled(self, words), f"end-{words['$u']}"
        ids = [hub.publish(fields, ALL) for fields in case.publications]

        def id_of(one: int | str) -> str:
            return one if isinstance(one, str) else ids[one]

        selector = words["$m"]
        query = [(selector, f"resume-{words['$u']}"), (selector, end)]
        query += [(name, id_of(case.asked)) for name in case.where if "-" not in name]
        query += [(name, id_of(one)) for name, one in case.others.items()]
        headers = {name: id_of(case.asked) for name in case.where if "-" in name}
        stream = hub.subscribe(query, case.token, headers, case.method)
        try:
            header = "Last-Event-ID" if hub.version == OLD else "Mercure-Last-Event-ID"
            expect(f"the header {header}", stream.header(header), id_of(case.preceding))
            hub.publish([("topic", end), ("data", "end")], ALL)
            received = []
            while (event := stream.next()).data != "end":
                received.append(event.data)
        finally:
            stream.close()
        # Mercure leaves open what follows an unknown ID.
        if case.asked != "unknown":
            expect("what was replayed", received, list(case.expected))


@dataclass(frozen=True)
class Script:
    """
    Several steps, as a function.
    """

    name: str
    steps: Callable[[HubUnderTest, str], None]
    versions: tuple[str, ...] = BOTH

    def run(self, hub: HubUnderTest) -> None:
        """
        See `Case.run`.
        """
        self.steps(hub, uuid4().hex)


def _words(hub: HubUnderTest) -> dict[str, str]:
    selector = "topic" if hub.version == OLD else "match"
    return {"$u": uuid4().hex, "$m": selector, "$hub": hub.path}


def _filled(value: T, words: Mapping[str, str]) -> T:
    """
    Replace *words* in all texts of a value.
    """
    filled: Any
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(word, text)
        filled = value
    elif isinstance(value, bytes):
        filled = _filled(value.decode("latin-1"), words).encode("latin-1")
    elif isinstance(value, Mapping):
        filled = {_filled(key, words): _filled(one, words) for key, one in value.items()}
    elif isinstance(value, tuple | list):
        filled = type(value)(_filled(one, words) for one in value)
    elif isinstance(value, Ask | Delivery | Resumption | Token):
        filled = replace(value, **{key: _filled(one, words) for key, one in vars(value).items()})
    else:
        filled = value
    return filled
