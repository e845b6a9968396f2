"""
Builds the URL, the headers and the body of a request from convenient forms.
"""

from __future__ import annotations

import json as json_
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from hyperlink import URL
from twisted.web.http_headers import Headers

__all__ = ["Pairs", "body_of", "headers_of", "target_of"]

#: Names and values; a name may have several values.
Pairs = Mapping[str, "str | Sequence[str]"] | Sequence[tuple[str, str]]

_ORIGIN = "http://localhost"


def target_of(url: str, params: Pairs) -> bytes:
    """
    Make a complete URL from a URL or a path, with *params* added to its query.
    """
    url = url if "://" in url else f"{_ORIGIN}/{url.removeprefix('/')}"
    if params:
        url += ("&" if "?" in url else "?") + urlencode(params, doseq=True)
    # Characters that are not ASCII are percent-encoded, as by a browser.
    return URL.from_text(url).to_uri().to_text().encode("ascii")


def headers_of(given: Mapping[str, str | Sequence[str]] | Headers, kind: str | None) -> Headers:
    """
    Copy headers, and add the content type *kind* if they have none.
    """
    headers = given.copy() if isinstance(given, Headers) else Headers()
    if not isinstance(given, Headers):
        for name, value in given.items():
            headers.setRawHeaders(name, [value] if isinstance(value, str) else list(value))
    if kind is not None and not headers.hasHeader("Content-Type"):
        headers.setRawHeaders("Content-Type", [kind])
    return headers


def body_of(
    data: bytes | str | Pairs | None, json: object
) -> tuple[bytes | str | None, str | None]:
    """
    Return the body, and its content type if it is a form or JSON.

    Raises:
        TypeError: Both *data* and *json* are given.
    """
    if json is not None:
        if data is not None:
            raise TypeError("Give data or json, not both")
        return json_.dumps(json), "application/json"
    if data is None or isinstance(data, bytes | str):
        return data, None
    return urlencode(data, doseq=True), "application/x-www-form-urlencoded"
