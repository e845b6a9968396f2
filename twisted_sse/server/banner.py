"""
The first lines of the log: how to use the hub.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.logger import Logger

from twisted_sse.server.listening import EndpointService

__all__ = ["StartupBanner"]


class StartupBanner(Service):
    """
    Logs, when the hub starts, commands that subscribe and publish.

    Args:
        scheme: ``http`` or ``https``.

        endpoints: They must be listening when this service starts.

        token: The publishing token that was generated for this run; ``None`` if
            tokens were configured.
    """

    _log = Logger()

    def __init__(
        self, scheme: str, endpoints: Sequence[EndpointService], token: str | None
    ) -> None:
        self._scheme = scheme
        self._endpoints = endpoints
        self._token = token

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        base = self._base()
        self._log.info("Subscribe: curl -N {base}/events?topic=news'", base=base)
        self._log.info(
            "Publish:   curl {base}/events' -H 'Authorization: Bearer {token}'"
            " -d topic=news -d data=hello",
            base=base,
            token=self._token or "TOKEN",
        )
        if self._token is not None:
            self._log.info(
                "The token is valid until the hub stops. To set your own, use --publish-token-file."
            )

    def _base(self) -> str:
        """
        The hub's address as arguments for curl, with an open quote.
        """
        for endpoint in self._endpoints:
            if endpoint.port is not None:
                insecure = "-k " if self._scheme == "https" else ""
                return f"{insecure}'{self._scheme}://localhost:{endpoint.port}"
        return f"--unix-socket PATH '{self._scheme}://localhost"
