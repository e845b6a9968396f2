"""
Certificates that are renewed while the hub runs.
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

# Seconds between two looks at the files; each is a stat of every one.
_LOOK_EVERY = 5.0

# The key of session tickets opens what was sent under TLS 1.2 with one of them,
# so it does not grow old.  In seconds.
_TICKET_KEY_AGE = 24 * 3600.0


class CertificateWatch(Service):
    """
    Has a TLS server take up the certificates that have changed on disk.

    It looks at the files, and reads them all on SIGHUP.  Whoever may not read
    them after dropping privileges keeps the old ones, and the log says so.

    Args:
        reactor: The clock of the looks, and what signals come to.

        interval: Between two looks, in seconds.
    """

    _log = Logger()

    def __init__(self, tls: TLSServer, reactor: Any, interval: float = _LOOK_EVERY) -> None:
        self._tls = tls
        self._reactor = reactor
        self._interval = interval
        self._loop = LoopingCall(self._look)
        self._loop.clock = reactor
        self._reloaded = 0.0
        self._installed = False
        self._before: Any = None
        self._terminal = False

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        self._reloaded = self._reactor.seconds()
        self._loop.start(self._interval, now=False)
        self._reactor.callWhenRunning(self._install)

    def stopService(self) -> None:
        """
        See `IService.stopService`.  Whoever had SIGHUP before has it again.
        """
        super().stopService()
        self._loop.stop()
        if self._installed:
            self._installed = False
            signal.signal(signal.SIGHUP, self._before)

    def _install(self) -> None:
        # Neither Twisted nor twistd has a handler for it: it would just end us.
        if self.running:
            self._terminal = _has_terminal()
            # None: it was not Python who installed it, and Python cannot put it back.
            self._before = signal.signal(signal.SIGHUP, self._heard) or signal.SIG_DFL
            self._installed = True

    def _heard(self, number: int, frame: object) -> None:
        # A handler interrupts anything: only this wakes the reactor safely.
        self._reactor.callFromThread(self._hang_up)

    def _hang_up(self) -> None:
        # The same signal says that the terminal is closed: then it is meant to
        # end us, unless somebody (nohup) has asked for the contrary.
        if self._terminal and self._before is not signal.SIG_IGN and not _has_terminal():
            self._log.info("The terminal is gone, shutting down")
            self._reactor.stop()
            return
        self._log.info("Received SIGHUP, reading the certificates again")
        self._reload()

    def _look(self) -> None:
        try:
            if self._reactor.seconds() - self._reloaded >= _TICKET_KEY_AGE:
                self._reload()
            else:
                self._tls.look()
        except Exception:
            # An error would end the looking for ever.
            self._log.failure("The certificates could not be looked at")

    def _reload(self) -> None:
        self._reloaded = self._reactor.seconds()
        self._tls.reload()


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
