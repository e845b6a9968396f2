"""
Requests to an admin endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from OpenSSL import SSL
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import ResponseFailed, ResponseNeverReceived
from twisted.web.http_headers import Headers

from twisted_sse.cli.admin.options import AdminOptions
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.client.response import check_status, read
from twisted_sse.errors import InvalidResponse, UnexpectedStatus

__all__ = ["Endpoint", "admin_refusal"]

# How long an answer may take, in seconds, and how large it may be, in bytes: a thousand
# connections with long topics.
_TIMEOUT = 30.0
_LARGEST = 64 * 1024 * 1024

# What the endpoint itself says of a run that it does not know.
_NO_RUN = "There is no run"

_UNREACHABLE = (
    *(ConnectError, ConnectionClosed, DNSLookupError, ResponseFailed, ResponseNeverReceived),
    *(SSL.Error, TimeoutError),
)


class Endpoint:
    """
    The admin endpoint of *options*.
    """

    def __init__(self, options: AdminOptions, clock: IReactorTime) -> None:
        self._options = options
        self._agent = options.agent()
        self._clock = clock

    async def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """
        Return what the hub tells at *path*.

        Raises:
            CommandFailed: It tells nothing.
        """
        text = await self._ask(b"GET", path, query or {})
        try:
            return json.loads(text)
        except ValueError as error:
            raise self._elsewhere(path) from error

    async def delete(self, path: str) -> None:
        """
        End what is at *path*.

        Raises:
            CommandFailed: The hub does not.
        """
        await self._ask(b"DELETE", path, {})

    async def _ask(self, method: bytes, path: str, query: Mapping[str, object]) -> bytes:
        url = self._options.endpoint(path)
        asking = Deferred.fromCoroutine(
            self._request(method, f"{url}?{urlencode(query)}" if query else url)
        )
        try:
            return await asking.addTimeout(_TIMEOUT, self._clock)
        except UnexpectedStatus as error:
            raise admin_refusal(error, self._options) from error
        except InvalidResponse as error:
            raise self._elsewhere(path) from error
        except _UNREACHABLE as error:
            sentence = f"{url} cannot be reached: {str(error).rstrip('.') or type(error).__name__}."
            raise CommandFailed(Status.UNREACHABLE, sentence) from error

    def _elsewhere(self, path: str) -> CommandFailed:
        sentence = f"{self._options.endpoint(path)} is not at the admin endpoint of a hub."
        return CommandFailed(Status.REFUSED, sentence)

    async def _request(self, method: bytes, url: str) -> bytes:
        headers = Headers({"Accept": ["application/json"], **self._options.headers})
        response = await self._agent.request(method, url.encode("ascii"), headers)
        if method == b"DELETE" and response.code == 204:
            return b""
        await check_status(response)
        return await read(response, _LARGEST)


def admin_refusal(error: UnexpectedStatus, options: AdminOptions) -> CommandFailed:
    """
    Say what to do about *error*, an answer of the admin endpoint.
    """
    advice = ""
    if error.status == 401 and options["token"] is None:
        advice = " Pass a token of --admin-token-file with --token-file."
    elif error.status == 404 and not error.detail.startswith(_NO_RUN):
        advice = " Pass the URL of --admin, which is not that of the hub."
    return CommandFailed(Status.REFUSED, f"{error}{advice}")
