"""
Serves renewed certificates while the hub runs.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

from twisted_sse.clock import looping_call
from twisted_sse.transport.tls.context import TLSServer

__all__ = ["CertificateWatch"]

# Seconds between two checks, each of which calls stat() for every file.
_CHECK_INTERVAL = 5.0

# The longest that a key of session tickets is used, in seconds: it can decrypt the
# TLS 1.2 connections that began with a ticket.
_TICKET_KEY_AGE = 24 * 3600.0


class CertificateWatch(Service):
    """
    Reloads the certificates of a TLS server when their files change.

    A process that may not read them after dropping privileges keeps serving the
    old ones, and the log says so.

    Args:
        reactor: Schedules the checks.

        interval: Between two checks, in seconds.
    """

    _log = Logger()

    def __init__(self, tls: TLSServer, reactor: Any, interval: float = _CHECK_INTERVAL) -> None:
        self._tls = tls
        self._reactor = reactor
        self._interval = interval
        self._loop = looping_call(reactor, self._check)
        self._last_reload = 0.0

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        self._last_reload = self._reactor.seconds()
        self._loop.start(self._interval, now=False)

    def stopService(self) -> None:
        """
        See `IService.stopService`.
        """
        super().stopService()
        self._loop.stop()

    def reload(self) -> None:
        """
        Reload the certificates now, and log what has changed.
        """
        if self._reload() is False:
            self._log.info("The certificates have not changed")

    def _check(self) -> None:
        try:
            if self._reactor.seconds() - self._last_reload >= _TICKET_KEY_AGE:
                self._reload()
            else:
                self._tls.reload_if_changed()
        except Exception:
            # An error would end the checks forever.
            self._log.failure("The certificate files could not be checked")

    def _reload(self) -> bool | None:
        self._last_reload = self._reactor.seconds()
        return self._tls.reload()
