"""
Reads files again at SIGHUP, which never ends a hub that has lost no terminal.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.logger import Logger

__all__ = ["ReloadSignal", "Reloadable"]


class Reloadable(Protocol):
    """
    Something that was read from files, and can be read again.
    """

    def reload(self) -> object:
        """
        Read the files again, and log what has changed.  If they cannot be used, keep
        what is in use, and log why.
        """


class ReloadSignal(Service):
    """
    Handles SIGHUP: reloads everything that can be.

    The handler stays when the service stops: a signal while streams end must not cut
    them.

    Args:
        reloads: Returns what to reload, in this order, by what the log calls it.

        reloading: Returns a context in which they are reloaded.

        fixed: Endpoint descriptions with certificates, which only Twisted reads, once.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        reloads: Callable[[], Mapping[str, Reloadable]],
        reloading: Callable[[], AbstractContextManager[None]] = nullcontext,
        fixed: Sequence[str] = (),
    ) -> None:
        self._reactor = reactor
        self._reloads = reloads
        self._reloading = reloading
        self._fixed = fixed
        self._ignored = False
        self._had_terminal = False

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        self._had_terminal = _has_terminal()
        # Neither Twisted nor twistd handles it, so it would end the process.
        self._ignored = signal.signal(signal.SIGHUP, self._handle) is signal.SIG_IGN

    def _handle(self, number: int, frame: object) -> None:
        # A handler may interrupt any code: only this call wakes the reactor safely.
        self._reactor.callFromThread(self._reload)

    def _reload(self) -> None:
        if not self.running:
            self._log.info("Received SIGHUP, and reading nothing again: the hub is stopping")
            return
        # A terminal that closes sends the same signal, to end the process, unless it
        # was ignored before (nohup).
        if self._had_terminal and not self._ignored and not _has_terminal():
            self._log.info("The terminal is gone, shutting down")
            self._reactor.stop()
            return
        with self._reloading():
            self._reload_all()

    def _reload_all(self) -> None:
        if self._fixed:
            self._log.warn(
                "Received SIGHUP: the certificate in --port {ports} is not read again, but that of"
                " --tls-cert would be; restart the hub, or use --tls-cert with a port number",
                ports=" and ".join(self._fixed),
            )
        reloads = self._reloads()
        if not reloads:
            self._log.info(
                "Received SIGHUP: there is no --config without workers, no --tls-cert, no "
                "--publish-token-file and no key of tokens to read again"
            )
            return
        self._log.info("Received SIGHUP, reading {what} again", what=" and ".join(reloads))
        for what in reloads:
            # Another configuration may have replaced it.
            one = self._reloads().get(what)
            if one is not None:
                self._reload_one(what, one)

    def _reload_one(self, what: str, one: Reloadable) -> None:
        try:
            one.reload()
        except Exception:
            self._log.failure("Reading {what} again has failed", what=what)


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
