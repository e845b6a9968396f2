"""
Where redirects lead.

Follows "HTTP-redirect fetch" of https://fetch.spec.whatwg.org/, as browsers do
for their `EventSource`.  Twisted's own agents for redirects leave the connection
of a redirect with a body open for ever, and forget the body of a request.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from twisted.web.http_headers import Headers

from twisted_sse.client.request import StreamRequest

__all__ = ["REDIRECTS", "redirected", "web_origin"]

#: Fetch: "A redirect status is a status that is 301, 302, 303, 307, or 308."
REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Fetch: "request-body-header name".
_OF_THE_BODY = ("Content-Encoding", "Content-Language", "Content-Location", "Content-Type")

# Fetch removes Authorization; a browser's cookies and what is for a proxy never
# were among the headers that a page gives.
_SECRET = ("Authorization", "Cookie", "Proxy-Authorization")

_DEFAULT_PORTS = {"http": 80, "https": 443}


def redirected(request: StreamRequest, status: int, url: str, location: str) -> StreamRequest:
    """
    The request that follows a redirect.

    Args:
        request: What was asked.

        status: One of `REDIRECTS`.

        url: Where it was asked, with its parameters.

        location: What the server says, relative to *url* or not.

    Raises:
        ValueError: It leads to nothing that can be asked by HTTP.
    """
    target = urljoin(url, location)
    parts = urlsplit(target)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"a redirect leads to {target!r}")
    headers = request.headers.copy()
    # Fetch: "status is 301 or 302 and request's method is `POST`; status is 303
    # and request's method is not `GET` or `HEAD`".
    if (status in (301, 302) and request.method == "POST") or (
        status == 303 and request.method not in ("GET", "HEAD")
    ):
        request = replace(request, method="GET", body=b"")
        _remove(headers, _OF_THE_BODY)
    if web_origin(target) != web_origin(url):
        _remove(headers, _SECRET)
    return replace(request, url=target, headers=headers, params=())


def web_origin(url: str) -> str:
    """
    The origin of *url* as browsers write it, such as ``https://example.com``.

    HTML: the "ASCII serialization of an origin" has no default port.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    if port is None or port == _DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"


def _remove(headers: Headers, names: tuple[str, ...]) -> None:
    for name in names:
        headers.removeHeader(name)
