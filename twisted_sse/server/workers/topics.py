"""
How a request to change the topics of a stream travels to the worker that has the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted_sse.broker.topicchanges import ChangeRefused, TopicChanges, TopicRequest
from twisted_sse.topics import Matcher

__all__ = ["answer_change", "read_change", "write_request"]


def write_request(request: TopicRequest) -> list[Any]:
    """
    Write *request* for a call.
    """
    return [*map(_written, request[:2]), *request[2:]]


async def answer_change(
    changes: TopicChanges, name: str, user: str | None, written: Sequence[Any]
) -> dict[str, Any] | None:
    """
    Answer a call: obey a request that `write_request` has written.

    Returns:
        What `read_change` reads; ``None`` if the connection is not here.
    """
    add, remove, *others = written
    request = TopicRequest(_read(add), _read(remove), *others)
    try:
        topics = await changes.change(name, user, request)
    except ChangeRefused as refused:
        return {"refused": refused.refusal, "detail": refused.detail}
    return None if topics is None else {"topics": list(topics)}


def read_change(answer: dict[str, Any] | None) -> Sequence[str] | None:
    """
    Read what `answer_change` has returned.

    Raises:
        ChangeRefused: The topics were not changed.
    """
    if answer is None:
        return None
    if "refused" in answer:
        raise ChangeRefused(answer["refused"], answer["detail"])
    topics: Sequence[str] = answer["topics"]
    return topics


def _written(selectors: Sequence[str | Matcher]) -> list[Any]:
    return [one if isinstance(one, str) else list(one) for one in selectors]


def _read(written: Sequence[Any]) -> tuple[str | Matcher, ...]:
    return tuple(one if isinstance(one, str) else Matcher(*one) for one in written)
