"""
Subscribing with a form in the body, for lists of topics that fit no URL.

``QUERY`` is for clients that know it, ``POST`` to ``subscribe`` for all others.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import quote

from twisted.web.server import Request
from zope.interface import Interface, implementer

from twisted_sse.events.media import media_type
from twisted_sse.topics import MAX_REQUEST_SIZE
from twisted_sse.web.content import read_body
from twisted_sse.web.problem import Problem

__all__ = ["raw_form", "raw_query", "take_form"]

_FORM = "application/x-www-form-urlencoded"

# The largest form, in bytes: all selectors that a request may have, with each byte
# percent-encoded, and the names of the fields.
_LARGEST = 3 * MAX_REQUEST_SIZE + 64 * 1024

# Fields beside the topics, such as the last event ID.
_OTHER_FIELDS = 16
_OTHER_BYTES = 4 * 1024

# The most bytes that are not percent-encoded and should be, such as those of
# ``curl -d topic=grüße``.
_RAW_BYTES = 4 * 1024

# Everything that may stand in a form as it is, the percent sign of what is encoded
# already included.
_SAFE = bytes(range(33, 127))


class _IForm(Interface):
    """
    A form that `take_form` has added to a request.
    """


@implementer(_IForm)
class _Form:
    """
    Attributes:
        encoded: The form, written like the query of a URL.
    """

    __slots__ = ("encoded",)

    def __init__(self, encoded: bytes) -> None:
        self.encoded = encoded


def take_form(request: Request, max_topics: int | None) -> None:
    """
    Add the form in the body of *request* to its query.

    Args:
        max_topics: The most topics; ``None`` for no limit.  More fields than they need
            are not parsed.

    Raises:
        Problem: The body is not a form, has too many fields, or is too large.
    """
    kind = (request.getHeader(b"Content-Type") or b"").decode("latin-1")
    if media_type(kind) != _FORM:
        raise Problem(
            415,
            f"Send the topics as {_FORM}: topic=NAME, once for each topic.",
            {"Accept": _FORM, "Accept-Query": _FORM},
        )
    body = read_body(request, _LARGEST).strip()
    fields = body.count(b"&")
    if max_topics is not None and fields > max_topics + _OTHER_FIELDS:
        detail = f"At most {max_topics} topics are allowed in one request."
        raise Problem(400, detail, limit="topics")
    # Decoding takes time, so what will be refused is not decoded.
    decoded = len(body) - 2 * body.count(b"%") - len("topic=&") * (fields + 1)
    if decoded > MAX_REQUEST_SIZE + _OTHER_BYTES:
        raise Problem(
            413, f"The topics are too long: use at most {MAX_REQUEST_SIZE} bytes of UTF-8 in all."
        )
    if len(body.translate(None, _SAFE)) > _RAW_BYTES:
        raise Problem(400, "Percent-encode the form: encode each value with encodeURIComponent.")
    request.setComponent(_IForm, _Form(quote(body, safe=_SAFE).encode("ascii")))
    # A stream may last for days, and a large body is an open file.
    content: Any = request.content
    content.close()
    request.content = BytesIO()


def raw_query(request: Request) -> bytes:
    """
    The query of the URL of *request*, and its form if it has one.
    """
    in_url: bytes = request.uri.partition(b"?")[2]
    # The usual methods have none, and looking for it takes time.
    if request.method in (b"GET", b"HEAD"):
        return in_url
    return b"&".join(filter(None, [in_url, raw_form(request)]))


def raw_form(request: Request) -> bytes:
    """
    The form of *request*, written like the query of a URL; empty if it has none.
    """
    form = request.getComponent(_IForm)
    return b"" if form is None else form.encoded
