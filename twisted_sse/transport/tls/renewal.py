"""
Serves renewed certificates while the hub runs.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_sse.transport.tls.context import TLSServer

__all__ = ["CertificateWatch"]

# Seconds between two checks, each of which calls stat() for every file.
_CHECK_INTERVAL = 5.0

# The longest that a key of session tickets is used, in seconds: it can decrypt the
# TLS 1.2 connections that began with a ticket.
_TICKET_KEY_AGE = 24 * 3600.0


class CertificateWatch(Service):
    """
    Reloads the certificates of a TLS server when their files change, and on SIGHUP.

    A process that may not read them after dropping privileges keeps serving the
    old ones, and the log says so.

    Args:
        reactor: Schedules the checks, and handles the signal.

        interval: Between two checks, in seconds.
    """

    _log = Logger()

    def __init__(self, tls: TLSServer, reactor: Any, interval: float = _CHECK_INTERVAL) -> None:
        self._tls = tls
        self._reactor = reactor
        self._interval = interval
        self._loop = LoopingCall(self._check)
        self._loop.clock = reactor
        self._last_reload = 0.0
        self._installed = False
        self._previous_handler: Any = None
        self._had_terminal = False

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        self._last_reload = self._reactor.seconds()
        self._loop.start(self._interval, now=False)
        self._reactor.callWhenRunning(self._install)

    def stopService(self) -> None:
        """
        See `IService.stopService`.  Restores the previous handler of SIGHUP.
        """
        super().stopService()
        self._loop.stop()
        if self._installed:
            self._installed = False
            signal.signal(signal.SIGHUP, self._previous_handler)

    def _install(self) -> None:
        # Neither Twisted nor twistd handles it, so it would end the process.
        if self.running:
            self._had_terminal = _has_terminal()
            # None: the handler was not installed by Python, which cannot restore it.
            previous = signal.signal(signal.SIGHUP, self._signaled)
            self._previous_handler = previous or signal.SIG_DFL
            self._installed = True

    def _signaled(self, number: int, frame: object) -> None:
        # A handler interrupts any code, and only this wakes the reactor safely.
        self._reactor.callFromThread(self._handle_sighup)

    def _handle_sighup(self) -> None:
        # A terminal that closes sends the same signal, to end the process, unless it
        # was ignored before (nohup).
        ignored = self._previous_handler is signal.SIG_IGN
        if self._had_terminal and not ignored and not _has_terminal():
            self._log.info("The terminal is gone, shutting down")
            self._reactor.stop()
            return
        self._log.info("Received SIGHUP, reading the certificates again")
        self._reload()

    def _check(self) -> None:
        try:
            if self._reactor.seconds() - self._last_reload >= _TICKET_KEY_AGE:
                self._reload()
            else:
                self._tls.reload_if_changed()
        except Exception:
            # An error would end the checks forever.
            self._log.failure("The certificate files could not be checked")

    def _reload(self) -> None:
        self._last_reload = self._reactor.seconds()
        self._tls.reload()


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
