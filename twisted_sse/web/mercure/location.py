"""
Where a hub is: its path, and the URLs that clients know it by.

The header ``Host`` is chosen by the client.  So it decides nothing that others share,
such as what URL Patterns are relative to; only what this client alone is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from twisted.web.server import Request

from twisted_sse.web.cors import parse_origin
from twisted_sse.web.problem import Problem

__all__ = ["DEFAULT_PATH", "METADATA", "HubLocation"]

#: Mercure: "The URL of the hub MUST be the well-known [...] fixed path".
DEFAULT_PATH: Final = "/.well-known/mercure"

#: RFC 9728, 3.1: the well-known string is inserted before the path of the resource.
METADATA: Final = "/.well-known/oauth-protected-resource"

# A host with its port, without what could end a quoted string.
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")

# As urllib.parse.quote leaves it, with slashes.
_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+")


class HubLocation:
    """
    The place of a hub.

    Args:
        path: The path of its URL, without a slash at the end.

        public_urls: The origins that it is known by, such as ``https://example.com``;
            the first one is in the URLs that it writes.  Requests to others are refused.
            If there is none, every origin is served.

    Attributes:
        base: The URL of the hub that URL Patterns are relative to; empty if no public
            URL was given: paths then match paths, and URLs match URLs.

    Raises:
        ValueError: *path* is not a path, or one of *public_urls* is not an origin.
    """

    def __init__(self, path: str, public_urls: Iterable[str]) -> None:
        if not _PATH.fullmatch(path):
            raise ValueError(
                f"path is {path!r}: write the path of the hub's URL, such as {DEFAULT_PATH}"
            )
        urls = [public_urls] if isinstance(public_urls, str) else list(public_urls)
        origins = [_origin(url) for url in urls]
        self.path = path
        self.base = f"{origins[0]}{path}" if origins else ""
        self._origins = origins
        self._hosts = {origin.partition("://")[2] for origin in origins}

    def check(self, request: Request) -> None:
        """
        Refuse *request* if it is for another hub.

        Only the host is compared: a proxy may have decrypted the request.

        Raises:
            Problem: Its host is none of the public URLs'.
        """
        if not self._hosts:
            return
        default_port = ":443" if request.isSecure() else ":80"
        host = _host(request).lower()
        if host not in self._hosts and host.removesuffix(default_port) not in self._hosts:
            raise Problem(
                421, f"This hub is at {self._origins[0]}, not at this host: ask it there."
            )

    def url(self, request: Request) -> str | None:
        """
        The URL of the hub; without public URLs, as the client of *request* sees it.
        """
        return self._absolute(request, self.path)

    def metadata_url(self, request: Request) -> str | None:
        """
        The URL of the metadata by RFC 9728.
        """
        return self._absolute(request, METADATA + self.path)

    def _absolute(self, request: Request, path: str) -> str | None:
        if self._origins:
            return self._origins[0] + path
        host = _host(request)
        if not _HOST.fullmatch(host):
            return None
        return f"{'https' if request.isSecure() else 'http'}://{host}{path}"


def _host(request: Request) -> str:
    return (request.getHeader(b"Host") or b"").decode("latin-1")


def _origin(url: str) -> str:
    origin = parse_origin(url.removesuffix("/")).decode("ascii")
    if origin == "null" or "*" in origin:
        raise ValueError(
            f"{url!r} is not the origin of a hub: write one such as https://example.com"
        )
    return origin
