"""
Tells systemd how the hub is: ready, reloading, stopping, and alive.

Follows https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html.  Without
systemd, nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

from twisted_sse.clock import looping_call

__all__ = ["Notifier"]

# How often the status is sent if systemd does not watch, in seconds.
_INTERVAL = 10.0


class Notifier(Service):
    """
    Sends states to the socket that systemd names in the environment.

    Args:
        connections: Returns how many streams are open, for ``systemctl status``.

        environment: ``NOTIFY_SOCKET``, and ``WATCHDOG_USEC`` if systemd restarts a
            service that is silent for that many microseconds.
    """

    _log = Logger()

    def __init__(
        self, connections: Callable[[], int], environment: Mapping[str, str], reactor: Any
    ) -> None:
        self._connections = connections
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._interval = _watchdog_interval(environment)
        self._reactor = reactor
        # The reactor must reach it, so a reactor that is held is found.
        self._loop = looping_call(reactor, self._alive)
        self._failed = False

    def startService(self) -> None:
        """
        See `IService.startService`.  The ports listen already.

        systemd may send a signal as soon as it is told, so it is told when the reactor
        runs: only then are all signals handled.
        """
        super().startService()
        if self._address is not None:
            self._reactor.callLater(0, self._ready)

    def stopService(self) -> None:
        """
        See `IService.stopService`.

        Signs of life go on while streams end, which may take longer than systemd waits
        for one.
        """
        super().stopService()
        self.stopping()

    def stopping(self) -> None:
        """
        Tell that the hub is about to stop.
        """
        self._send("STOPPING=1")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """
        Tell that the configuration is read again, and then that the hub is ready.
        """
        # The time tells systemd which of several reloads this is.
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")
        try:
            yield
        finally:
            self._send("READY=1")

    def _ready(self) -> None:
        if self.running:
            self._send("READY=1")
            self._loop.start(self._interval or _INTERVAL)

    def _alive(self) -> None:
        alive = "WATCHDOG=1\n" if self._interval else ""
        self._send(f"{alive}STATUS={self._connections()} open streams")

    def _send(self, state: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(state.encode("utf-8"), self._address)
        except OSError as error:
            if not self._failed:
                self._failed = True
                self._log.warn("systemd could not be notified: {error}", error=error)


def _address(name: str) -> str | None:
    # "If the first character is "@", the string is understood as an abstract socket."
    if name.startswith("@"):
        return f"\0{name[1:]}"
    return name if name.startswith("/") else None


def _watchdog_interval(environment: Mapping[str, str]) -> float | None:
    """
    "It is recommended to send a keep-alive notification to the service manager every
    half of the time."
    """
    limit, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not (limit.isascii() and limit.isdigit() and int(limit)):
        return None
    if process and process != str(os.getpid()):
        return None
    return int(limit) / 1_000_000 / 2
