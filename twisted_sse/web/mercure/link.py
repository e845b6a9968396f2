"""
Discovery: the header ``Link`` that tells a client of an application where the hub is.

Mercure, and https://www.rfc-editor.org/rfc/rfc8288.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

from twisted.web.iweb import IRequest

__all__ = ["discovery", "encoded_id", "hub_link", "link"]

P = ParamSpec("P")
T = TypeVar("T")

# RFC 3986: what a URI reference is made of; everything else is percent-encoded.
_URI_SAFE = "!#$%&'()*+,/:;=?@[]~-._"

# RFC 9110, 5.6.4: what stands in a quoted string as it is.
_QUOTABLE = re.compile(r"[ !#-\[\]-~]*")

# Mercure: an ID is percent-encoded where it could not stand as it is.
_ID_SAFE = "".join(map(chr, range(0x21, 0x7F))).translate({ord(one): None for one in '"%\\'})


def encoded_id(event_id: str) -> str:
    """
    Write an event ID so that it can stand between quotes.
    """
    return quote(event_id, safe=_ID_SAFE)


def link(target: str, **parameters: str | None) -> bytes:
    """
    Write one value of ``Link``.

    Args:
        target: A URL, or a path.

        parameters: By name, with underscores instead of hyphens; ``None`` is left out.

    Raises:
        ValueError: A parameter has a character that a header cannot have.
    """
    value = f"<{quote(target, safe=_URI_SAFE)}>"
    for name, text in parameters.items():
        if text is not None:
            value += f"; {name.replace('_', '-')}={_quoted(name, text)}"
    return value.encode("ascii")


def hub_link(
    request: IRequest,
    hub: str = "/.well-known/mercure",
    *,
    topic: str | None = None,
    last_event_id: str | None = None,
    content_type: str | None = None,
    event_type: str | None = None,
) -> None:
    """
    Add to the response where the hub is that publishes the changes of what is sent.

    Call it before the response is written.

    Args:
        hub: The URL of the hub, or its path.

        topic: The canonical topic, if it is not the URL of the request: it becomes
            a link with ``rel="self"``.

        last_event_id: The ID of the newest event that the response reflects, such as
            ``receipt.id``.  A client that subscribes after it misses nothing.

        content_type: The content type of the events' data.

        event_type: The event type of the events.

    Raises:
        ValueError: An argument has a character that a header cannot have.
    """
    values = [
        link(
            hub,
            rel="mercure",
            last_event_id=None if last_event_id is None else encoded_id(last_event_id),
            content_type=content_type,
            type=event_type,
        )
    ]
    if topic is not None:
        values.append(link(topic, rel="self"))
    for value in values:
        request.responseHeaders.addRawHeader(b"Link", value)


def discovery(
    hub: str = "/.well-known/mercure", *, topic: str | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """
    Decorate a Klein route, or a ``render_GET``, so that its responses have the header
    ``Link`` of `hub_link`.

    Put it below ``@app.route``.

    Raises:
        TypeError: When the function is called without a request.
    """

    def decorate(route: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(route)
        def linked(*args: P.args, **kwargs: P.kwargs) -> T:
            hub_link(_request_among(args), hub, topic=topic)
            return route(*args, **kwargs)

        return linked

    return decorate


def _request_among(args: tuple[Any, ...]) -> IRequest:
    # A method has its object before the request.
    for one in args:
        if IRequest.providedBy(one):
            return one
    raise TypeError("discovery() decorates functions that take a request")


def _quoted(name: str, text: str) -> str:
    if not _QUOTABLE.fullmatch(text):
        raise ValueError(
            f"{name} is {text!r}: a header can have printable ASCII characters, and no quotes or"
            " backslashes"
        )
    return f'"{text}"'
