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

    async def get(self, path: str, query: Mapping[str, object]) -> Any:
        """
        Return what the hub tells at *path*.

        Raises:
            CommandFailed: It tells nothing.
        """
        url = f"{self._options.endpoint(path)}?{urlencode(query)}"
        asking = Deferred.fromCoroutine(self._get(url))
        try:
            return await asking.addTimeout(_TIMEOUT, self._clock)
        except UnexpectedStatus as error:
            raise admin_refusal(error, self._options) from error
        except (InvalidResponse, ValueError) as error:
            sentence = f"{url} is not at the admin endpoint of a hub."
            raise CommandFailed(Status.REFUSED, sentence) from error
        except _UNREACHABLE as error:
            sentence = f"{url} cannot be reached: {str(error).rstrip('.') or type(error).__name__}."
            raise CommandFailed(Status.UNREACHABLE, sentence) from error

    async def _get(self, url: str) -> Any:
        headers = Headers({"Accept": ["application/json"], **self._options.headers})
        response = await self._agent.request(b"GET", url.encode("ascii"), headers)
        await check_status(response)
        return json.loads(await read(response, _LARGEST))


def admin_refusal(error: UnexpectedStatus, options: AdminOptions) -> CommandFailed:
    """
    Say what to do about *error*, an answer of the admin endpoint.
    """
    advice = ""
    if error.status == 401 and options["token"] is None:
        advice = " Pass a token of --admin-token-file with --token-file."
    elif error.status == 404:
        advice = " Pass the URL of --admin, which is not that of the hub."
    return CommandFailed(Status.REFUSED, f"{error}{advice}")
