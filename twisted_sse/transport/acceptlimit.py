"""
How many connections are accepted per second.

Law: a crowd waits, and a flood is closed.  Above the rate of all, the ports are not read
for a moment: newcomers wait in the kernel's queue, while those who are in are served.
Above the rate of one address, its connections are closed as soon as they are accepted:
they would fill that queue, and everybody else would wait behind them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress, IProtocol, IReadDescriptor

from twisted_sse.transport.addresses import network_of
from twisted_sse.transport.keyedrate import KeyedRate
from twisted_sse.transport.proxies import TrustedProxies
from twisted_sse.transport.refusals import Refusals

__all__ = ["AcceptLimit"]

# How many times a second ports may be read.  A burst is what may be accepted between two
# of them: 10 connections of 1,000 a second, which take some 3 ms with TLS.
_SLICES = 100

# How many connections a port accepts in one turn of the reactor, be it to be closed, before
# others get their turn.  Twisted adds 20 to a smaller number that was not enough.
_AT_ONCE = 20

# An address that was silent may open as many connections at once as in this many seconds.
_BURST = 4.0

# A proxy on this machine connects from these, for any number of clients, whether the hub
# knows of it or not; and so does a UNIX socket, which has no address.
_LOCAL = frozenset({"", "127.0.0.1", "::/64"})

# The most addresses that are remembered: 5 MB.
_MOST = 20_000


class AcceptLimit:
    """
    Pauses ports when more connections arrive than *rate* allows.

    Args:
        rate: Connections per second, of all ports together; ``None`` for no limit.

        rate_per_address: Connections per second of one network address (IPv6: of one
            /64 network) that is not this machine's own; ``None`` for no limit.

        clock: An `IReactorTime`.

        refusals: Counts the pauses, as ``accepts``, and the connections that are closed,
            as ``accepts_per_address``.

        proxies: Those that have no limit of their own.
    """

    def __init__(
        self,
        rate: int | None,
        rate_per_address: int | None,
        clock: Any,
        refusals: Refusals,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self._rate = rate or float("inf")
        self._clock = clock
        self._refusals = refusals
        self._proxies = proxies
        self._burst = max(1.0, self._rate / _SLICES)
        self._left = self._burst
        self._since = clock.seconds()
        self._ports: list[Any] = []
        self._call: Any = None
        self._addresses: KeyedRate | None = None
        if rate_per_address is not None:
            self._addresses = KeyedRate(
                rate_per_address, burst=_BURST, most=_MOST, seconds=clock.seconds
            )

    def add(self, port: Any) -> None:
        """
        Limit the connections of *port*.

        Args:
            port: An `IListeningPort`.  One that is no `IReadDescriptor`, as those of
                Twisted are, cannot be limited.
        """
        pausable: Any = IReadDescriptor(port, None)
        if pausable is None:
            return
        # The outermost factory, so that nothing is made for what is closed.
        pausable.factory = _Gate(pausable, self)
        self._ports.append(pausable)
        self._slow_down(pausable)
        if self._call is not None:
            pausable.stopReading()

    def remove(self, port: Any) -> None:
        """
        Forget *port*, which is about to be closed.
        """
        if port in self._ports:
            self._ports.remove(port)
        if not self._ports and self._call is not None:
            self._call.cancel()
            self._call = None

    def accepts(self, address: IAddress) -> bool:
        """
        Count a connection from *address*; False if it has to be closed.
        """
        if self._addresses is not None and not self._trusts(address):
            network = network_of(address)
            if network not in _LOCAL and self._addresses.take(network):
                self._refusals.count("accepts_per_address")
                return False
        now = self._clock.seconds()
        elapsed = max(0.0, now - self._since)
        self._since = now
        self._left = min(self._burst, self._left + elapsed * self._rate) - 1
        # Twisted accepts more connections in this turn, so some may follow.
        if self._left < 1 and self._call is None:
            self._refusals.count("accepts")
            self._pause()
        return True

    def _trusts(self, address: IAddress) -> bool:
        return self._proxies is not None and self._proxies.trusts(address)

    def _pause(self) -> None:
        for port in self._ports:
            port.stopReading()
            # It may be read once more in this turn.
            port.numberAccepts = 1
        # Until a whole burst may be accepted, so that this happens `_SLICES` times a second.
        self._call = self._clock.callLater((self._burst - self._left) / self._rate, self._resume)

    def _resume(self) -> None:
        self._call = None
        missing = self._burst - self._left - self._rate * (self._clock.seconds() - self._since)
        if missing > self._burst / 2:
            # More were accepted after the pause was decided.
            self._call = self._clock.callLater(missing / self._rate, self._resume)
            return
        for port in self._ports:
            self._slow_down(port)
            port.startReading()

    def _slow_down(self, port: Any) -> None:
        # Twisted's ports begin with 100 connections in one turn of the reactor, and
        # adapt that number to what arrives.
        port.numberAccepts = int(min(self._burst, _AT_ONCE))


class _Gate:
    """
    The factory of a port, which builds no protocol for connections that are to be closed.
    """

    def __init__(self, port: Any, limit: AcceptLimit) -> None:
        self._factory = port.factory
        self._port = port
        self._limit = limit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._factory, name)

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        """
        See `IProtocolFactory.buildProtocol`.
        """
        if self._port.numberAccepts >= _AT_ONCE:
            # Otherwise Twisted adds 20 here too.
            self._port.numberAccepts = 0
        if not self._limit.accepts(addr):
            return None
        protocol: IProtocol | None = self._factory.buildProtocol(addr)
        return protocol
