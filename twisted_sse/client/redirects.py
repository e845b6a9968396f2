"""
Redirects: which request follows a redirect.

Follows "HTTP-redirect fetch" of https://fetch.spec.whatwg.org/, as browsers do
for their `EventSource`.  Twisted's redirect agents are not used: they never
close the connection of a redirect with a body, and they drop the body of a
request.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from twisted.web.http_headers import Headers

from twisted_sse.client.request import StreamRequest

__all__ = ["REDIRECTS", "redirect", "web_origin"]

#: Fetch: "A redirect status is a status that is 301, 302, 303, 307, or 308."
REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Fetch: "request-body-header name".
_BODY_HEADERS = ("Content-Encoding", "Content-Language", "Content-Location", "Content-Type")

# Fetch removes only Authorization: in a browser a page cannot set Cookie or
# Proxy-Authorization, but callers of this client can.
_CREDENTIALS = ("Authorization", "Cookie", "Proxy-Authorization")

_DEFAULT_PORTS = {"http": 80, "https": 443}


def redirect(request: StreamRequest, status: int, url: str, location: str) -> StreamRequest:
    """
    Make the request that follows a redirect.

    Args:
        request: The request that was redirected.

        status: One of `REDIRECTS`.

        url: The URL that was requested, with its parameters.

        location: The ``Location`` of the response, absolute or relative to *url*.

    Raises:
        ValueError: The target is not an HTTP URL.
    """
    target = urljoin(url, location)
    parts = urlsplit(target)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"it redirects to {target!r}, which is not an HTTP URL")
    headers = request.headers.copy()
    # Fetch: "status is 301 or 302 and request's method is `POST`; status is 303
    # and request's method is not `GET` or `HEAD`".
    if (status in (301, 302) and request.method == "POST") or (
        status == 303 and request.method not in ("GET", "HEAD")
    ):
        request = replace(request, method="GET", body=b"")
        _remove(headers, _BODY_HEADERS)
    if web_origin(target) != web_origin(url):
        _remove(headers, _CREDENTIALS)
    return replace(request, url=target, headers=headers, params=())


def web_origin(url: str) -> str:
    """
    Return the origin of *url* as browsers write it, such as ``https://example.com``.

    HTML: the "ASCII serialization of an origin" omits the default port.
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
