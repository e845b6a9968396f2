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
from twisted_sse.web.content import MAX_BODY, read_body
from twisted_sse.web.problem import Problem

__all__ = ["raw_query", "take_form"]

_FORM = "application/x-www-form-urlencoded"

# Everything that may stand in a form as it is, the percent sign of what is encoded
# already included.
_SAFE = "".join(map(chr, range(33, 127)))


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


def take_form(request: Request) -> None:
    """
    Add the form in the body of *request* to its query.

    Raises:
        Problem: The body is not a form, or too large.
    """
    kind = (request.getHeader(b"Content-Type") or b"").decode("latin-1")
    if media_type(kind) != _FORM:
        raise Problem(
            415,
            f"Send the topics as {_FORM}: topic=NAME, once for each topic.",
            {"Accept": _FORM, "Accept-Query": _FORM},
        )
    body = read_body(request, MAX_BODY).strip()
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
    form = request.getComponent(_IForm)
    return b"&".join(filter(None, [in_url, b"" if form is None else form.encoded]))
