"""
The hub that is tested, as the cases see it.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.mercure.tokens import Keys, Token
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Answer", "HubUnderTest", "Mismatch"]

FORM = "application/x-www-form-urlencoded"

# How long the hub may take for anything, in seconds.
PATIENCE = 10.0

Pairs = Sequence[tuple[str, str]]


class Mismatch(Exception):
    """
    The hub does something else than the protocol wants.
    """


class Answer:
    """
    A response, whose body may go on.
    """

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._response = connection.getresponse()
        self._decoder = Decoder()
        self._events: list[ServerSentEvent] = []
        self.status = self._response.status

    def header(self, name: str) -> str | None:
        """
        The value of a header.
        """
        return self._response.getheader(name)

    def body(self) -> bytes:
        """
        The whole body.
        """
        try:
            return self._response.read()
        finally:
            self.close()

    def next(self) -> ServerSentEvent:
        """
        Wait for the next event that a program would be told of.
        """
        while True:
            while self._events:
                event = self._events.pop(0)
                # Types that begin so are of the hub's own stream control.
                if event.data is not None and not (event.event or "").startswith("stream-"):
                    return event
            data = self._response.read1(65536)
            if not data:
                raise Mismatch("the stream ended")
            self._events += self._decoder.feed(data)

    def close(self) -> None:
        """
        Leave.
        """
        self._response.close()
        self._connection.close()


class HubUnderTest:
    """
    A hub at *url*.

    Args:
        version: The version of the protocol that the cases are of.
    """

    def __init__(self, url: str, keys: Keys, version: str) -> None:
        self.keys = keys
        self.version = version
        self.parts = urlsplit(url)

    @property
    def path(self) -> str:
        """
        The path of its URL.
        """
        return self.parts.path

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        token: Token | None = None,
    ) -> Answer:
        """
        Send a request.

        Args:
            target: What follows the path of the hub; or another path, if it begins with
                ``//``, of which one slash is left out.
        """
        port = self.parts.port
        host = self.parts.hostname or ""
        connection: http.client.HTTPConnection
        if self.parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {self.keys.sign(token, self.version)}")
        path = target[1:] if target.startswith("//") else self.path + target
        # A hub may answer before it has read everything.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, sent)
        return Answer(connection)

    def publish(self, fields: Pairs, token: Token) -> str:
        """
        Publish a form, and return the ID.

        Raises:
            Mismatch: The hub refuses it.
        """
        body = urlencode(fields).encode()
        answer = self.ask("POST", "", {"Content-Type": FORM}, body, token)
        text = answer.body().decode()
        if answer.status != 200:
            raise Mismatch(f"publishing was answered with {answer.status}: {text}")
        return text

    def subscribe(
        self,
        pairs: Pairs,
        token: Token | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> Answer:
        """
        Open a stream.

        Raises:
            Mismatch: The hub refuses it.
        """
        query = urlencode(pairs)
        if method == "GET":
            answer = self.ask("GET", f"?{query}", headers, None, token)
        else:
            sent = {"Content-Type": FORM, **(headers or {})}
            answer = self.ask(method, "", sent, query.encode(), token)
        if answer.status != 200:
            raise Mismatch(f"subscribing was answered with {answer.status}: {answer.body()!r}")
        return answer


def expect(what: str, found: Any, wanted: Any) -> None:
    """
    Compare what was found with what is wanted.

    Raises:
        Mismatch: They differ.
    """
    if found != wanted:
        raise Mismatch(f"{what} is {found!r}, not {wanted!r}")
