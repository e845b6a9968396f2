"""
Parses the requests that a hostile server receives.
"""

from typing import NamedTuple

__all__ = ["Request", "parse"]


class Request(NamedTuple):
    """
    One request.

    Attributes:
        headers: Their names in lower case.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: str

    @property
    def redirected(self) -> bool:
        """
        Whether it follows a redirect.
        """
        return self.target.startswith("/redirected/")


def parse(received: bytes) -> Request | None:
    """
    Parse *received*; return ``None`` if the request is not complete.
    """
    top, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    line, *lines = top.decode("utf-8").split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    if len(body) < int(headers.get("content-length", "0")):
        return None
    method, target, _ = line.split(" ")
    return Request(method, target, headers, body.decode())
