"""
Reads the form that a publisher posts.

Lenient, as the protocol wants it: unknown fields are ignored, a field that was not filled
in counts as absent, and only what would break a rule is refused.
"""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import parse_qsl

from twisted_sse.events.publication import MAX_ID_SIZE, Publication
from twisted_sse.topics import MAX_TOPIC_SIZE, MAX_TOPICS
from twisted_sse.web.mercure.reserved import is_reserved
from twisted_sse.web.mercure.versions import Version
from twisted_sse.web.problem import Problem

__all__ = ["EVENT_TYPE", "FormReader"]

#: The event type of what the hub itself publishes, in version 1.0.
EVENT_TYPE: Final = "mercure"

# The most fields of a form: all topics, and ten times as many that are ignored.
_MOST_FIELDS = 11 * MAX_TOPICS

# The most digits of a reconnection time: more than any that is valid has.
_MOST_DIGITS = 20


class FormReader:
    """
    Makes publications of forms.

    Args:
        hub_path: The path of the hub's URL, whose topics are reserved.

        versions: Those that the hub speaks.
    """

    def __init__(self, hub_path: str, versions: frozenset[Version]) -> None:
        self._hub_path = hub_path
        # The reference hub of 0.x says that it is forbidden, and 1.0 that it is wrong.
        self._reserved_status = 400 if "mercure-1.0" in versions else 403

    def read(self, body: bytes) -> Publication:
        """
        Parse a form with ``topic`` (repeatable), ``data``, ``private``, ``id``,
        ``type`` and ``retry``.

        Raises:
            Problem, InvalidTopic, InvalidEvent: It cannot be published.
        """
        pairs = _pairs(body)
        topics = [value for name, value in pairs if name == "topic"]
        self._check_topics(topics)
        # The first one of each counts.
        fields = dict(reversed(pairs))
        return Publication.of(
            topics,
            fields.get("data", ""),
            event=_event_type(fields.get("type")),
            id=_id(fields.get("id")),
            retry=_retry(fields.get("retry")),
            private="private" in fields,
        )

    def _check_topics(self, topics: list[str]) -> None:
        if not topics:
            raise Problem(400, "Say what to publish to: add topic=NAME, once for each topic.")
        if len(topics) > MAX_TOPICS:
            raise Problem(413, f"At most {MAX_TOPICS} topics are allowed, not {len(topics)}.")
        for topic in topics:
            if len(topic.encode("utf-8")) > MAX_TOPIC_SIZE:
                raise Problem(413, f"A topic may have at most {MAX_TOPIC_SIZE} bytes of UTF-8.")
            # An empty one is no topic at all.
            if topic and is_reserved(topic, self._hub_path):
                raise Problem(
                    self._reserved_status,
                    f"Topics at {self._hub_path} are reserved for the hub: choose another.",
                )


def _pairs(body: bytes) -> list[tuple[str, str]]:
    if body.count(b"&") >= _MOST_FIELDS:
        raise Problem(413, f"The form has too many fields: send at most {_MOST_FIELDS}.")
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Problem(400, "The form must be percent-encoded UTF-8.") from None


def _event_type(text: str | None) -> str | None:
    if not text:
        return None
    if text == EVENT_TYPE:
        raise Problem(400, f"The type {EVENT_TYPE!r} is reserved for the hub: choose another.")
    _check_visible("type", text)
    return text


def _id(text: str | None) -> str | None:
    if not text:
        return None
    # Mercure: IDs that begin so are those that hubs make.
    if text.startswith("#"):
        raise Problem(400, "An id must not begin with #: choose another.")
    _check_visible("id", text)
    if len(text.encode("utf-8")) > MAX_ID_SIZE:
        raise Problem(413, f"An id may have at most {MAX_ID_SIZE} bytes of UTF-8.")
    return text


def _check_visible(name: str, text: str) -> None:
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cf"):
            raise Problem(400, f"The {name} contains U+{ord(character):04X}: remove it.")


def _retry(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS):
        raise Problem(400, "'retry' must be a number of milliseconds, in digits.")
    return int(text)
