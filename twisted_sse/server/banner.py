"""
What the log says first.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.logger import Logger

from twisted_sse.server.listening import Port

__all__ = ["StartupBanner"]


class StartupBanner(Service):
    """
    Shows, when the hub starts, how to use it.

    Args:
        token: The one that was made for this run, if none was given.
    """

    _log = Logger()

    def __init__(self, scheme: str, ports: Sequence[Port], token: str | None) -> None:
        self._scheme = scheme
        self._ports = ports
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
                "This token lasts until the hub stops; --publish-token-file sets others."
            )

    def _base(self) -> str:
        """
        How curl is told where the hub is, with an open quote.
        """
        for port in self._ports:
            if port.number is not None:
                insecure = "-k " if self._scheme == "https" else ""
                return f"{insecure}'{self._scheme}://localhost:{port.number}"
        return f"--unix-socket PATH '{self._scheme}://localhost"
