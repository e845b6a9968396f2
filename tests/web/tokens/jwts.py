"""
A hub whose requests are authorized by a `JWT`, on one clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Request

from tests.support.http import Answer, Served
from tests.support.tokens import SECRET
from twisted_sse import CORS, JWT

__all__ = ["FORM", "JWTTestCase", "bearer"]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def bearer(token: str) -> dict[str, str]:
    """
    The header that sends *token*.
    """
    return {"Authorization": f"Bearer {token}"}


class JWTTestCase(SynchronousTestCase):
    """
    Serves a hub.
    """

    def serve(self, *, cors: CORS | None = None, **options: Any) -> JWT:
        """
        Serve a hub, and return what authorizes requests.

        Args:
            options: The arguments of `JWT`; the key is a secret by default.
        """
        self.served = Served(authorize=lambda request: self.authorize(request), cors=cors)
        self.clock = self.served.clock
        if not options.keys() & {"key", "key_file", "jwks_file", "jwks_url"}:
            options["key"] = SECRET
        self.jwt = JWT(reactor=self.clock, **options)
        return self.jwt

    def authorize(self, request: Request) -> Any:
        """
        See `Authorize`.
        """
        return self.jwt(request)

    def subscribe(
        self, headers: Mapping[str, str | bytes] | None = None, target: str = "/events?topic=a"
    ) -> Answer:
        """
        Ask for a stream.
        """
        return self.served.get(target, headers or {})

    def publish(
        self, headers: Mapping[str, str | bytes], topic: str = "a", target: str = "/events"
    ) -> Answer:
        """
        Publish an event.
        """
        body = f"topic={topic}&data=x".encode()
        return self.served.call("POST", target, {**FORM, **headers}, body).answer

    def reasons(self, headers: Mapping[str, str | bytes], target: str = "/events?topic=a") -> str:
        """
        Ask for a stream, see that it is refused, and return what the log says.
        """
        with capturedLogs() as logged:
            answer = self.subscribe(headers, target)
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.header("WWW-Authenticate"), 'Bearer error="invalid_token"')
        return "\n".join(str(formatEvent(event)) for event in logged)
