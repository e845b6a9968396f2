"""
The PROXY protocol, versions 1 and 2: the first bytes of a connection name its client.

Law: only a trusted proxy is listened to, and a connection that does not begin with a
valid header within the time limit is closed.  What is wrapped is connected after the
header, so that it sees the client's address from the beginning; Twisted's own wrapper
connects it before, trusts everybody, and closes when a header comes in small pieces.

Follows https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt; comments that begin
with "PROXY:" quote it.  camelCase methods are called by Twisted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import directlyProvides, providedBy

from twisted_sse.transport.proxies import TrustedProxies, numeric_address

__all__ = ["Header", "ProxyProtocolFactory", "read_header"]

# PROXY: "The maximum line lengths the receiver must support including the CRLF are [...]
# worst case [...] 107 chars".
_LONGEST_1 = 107

# The longest header of version 2, in bytes: room for a TLS certificate's subject and
# other extras, which are not read.
_LONGEST_2 = 4096

_LINE = re.compile(rb"PROXY (?:TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})|UNKNOWN[^\r\n]*)\r\n")

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"

# The second half of the 13th byte.  PROXY: "LOCAL: the connection was established on
# purpose by the proxy without being relayed", such as a health check.
_LOCAL, _PROXY = 0x20, 0x21

# The 14th byte, and how many bytes its addresses and ports have: TCP over IPv4 and IPv6.
_ADDRESS_SIZES = {0x11: 4, 0x21: 16}


class Header(NamedTuple):
    """
    A complete header.

    Attributes:
        size: Its length in bytes.

        client: The address of the client; ``None`` if the proxy speaks for itself, or
            does not know.
    """

    size: int
    client: IAddress | None


def read_header(data: bytes) -> Header | None:
    """
    Read the header at the beginning of *data*.

    Returns:
        ``None`` if more bytes are needed.

    Raises:
        ValueError: It is not a header.
    """
    if data[:12] == _SIGNATURE[: len(data)]:
        return _read_2(data) if len(data) >= 16 else None
    if not data.startswith(b"PROXY "[: len(data)]):
        raise ValueError("neither version of the PROXY protocol begins like this")
    end = data.find(b"\n", 0, _LONGEST_1)
    if end < 0:
        if len(data) >= _LONGEST_1:
            raise ValueError("the line is too long")
        return None
    line = _LINE.fullmatch(data[: end + 1])
    if line is None:
        raise ValueError("the line is malformed")
    if line[1] is None:
        return Header(end + 1, None)
    return Header(end + 1, _client(line[2].decode("latin-1"), int(line[4]), line[1] == b"4"))


def _read_2(data: bytes) -> Header | None:
    command, family = data[12], data[13]
    size = 16 + int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXY):
        raise ValueError("the version or the command is unknown")
    if size > _LONGEST_2:
        raise ValueError("the header is too long")
    if len(data) < size:
        return None
    width = _ADDRESS_SIZES.get(family)
    if command == _LOCAL or width is None:
        # PROXY: "the receiver must accept this connection as valid and must use the
        # real connection endpoints".
        return Header(size, None)
    if size < 16 + 2 * width + 4:
        raise ValueError("the addresses are incomplete")
    packed, port = data[16 : 16 + width], data[16 + 2 * width : 18 + 2 * width]
    return Header(size, _client(_written(packed), int.from_bytes(port, "big"), width == 4))


def _written(packed: bytes) -> str:
    if len(packed) == 4:
        return ".".join(map(str, packed))
    return ":".join(packed[index : index + 2].hex() for index in range(0, 16, 2))


def _client(host: str, port: int, version_4: bool) -> IAddress:
    address = numeric_address(host, port)
    if address is None or port > 65535 or (version_4 and ":" in host):
        raise ValueError("the address is malformed")
    return address


class _ProxyProtocol(ProtocolWrapper):
    """
    Reads the header, and then connects what is wrapped.
    """

    factory: Any
    transport: Any
    wrappedProtocol: Any

    _client: IAddress | None = None
    _connected = False
    _deadline: Any = None

    def __init__(self, factory: Any, wrapped: IProtocol) -> None:
        super().__init__(factory, wrapped)
        self._received = b""

    def makeConnection(self, transport: Any) -> None:
        """
        See `IProtocol.makeConnection`.
        """
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)
        if not self.factory.trusts(transport.getPeer()):
            self.factory.refused("proxies")
            transport.abortConnection()
        elif self.factory.timeout is not None:
            self._deadline = self.factory.clock.callLater(self.factory.timeout, self._expired)

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self._connected:
            self.wrappedProtocol.dataReceived(data)
            return
        self._received += data
        try:
            header = read_header(self._received)
        except ValueError:
            self.factory.refused("proxies")
            self.transport.abortConnection()
            return
        if header is not None:
            self._begin(header)

    def getPeer(self) -> IAddress:
        """
        See `ITransport.getPeer`: the client, if the proxy has named one.
        """
        peer: IAddress = self.transport.getPeer()
        return peer if self._client is None else self._client

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self._forget_deadline()
        self.factory.unregisterProtocol(self)
        if self._connected:
            self.wrappedProtocol.connectionLost(reason)
        # Breaks a circle, as `ProtocolWrapper` does.
        self.wrappedProtocol = None

    def _begin(self, header: Header) -> None:
        self._forget_deadline()
        rest, self._received = self._received[header.size :], b""
        self._client = header.client
        self._connected = True
        self.wrappedProtocol.makeConnection(self)
        if rest and self.wrappedProtocol is not None:
            self.wrappedProtocol.dataReceived(rest)

    def _forget_deadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None:
            deadline.cancel()

    def _expired(self) -> None:
        self._deadline = None
        self.factory.refused("handshake_timeout")
        self.transport.abortConnection()


class ProxyProtocolFactory(WrappingFactory):
    """
    Connects *wrapped* to the clients of trusted proxies.

    Args:
        proxies: Others are refused.

        timeout: The seconds that a header may take; ``None`` waits forever.

        clock: An `IReactorTime`.

        refused: Called with the name of the limit for each connection that is closed.
    """

    protocol = _ProxyProtocol
    noisy = False

    def __init__(
        self,
        wrapped: IProtocolFactory,
        proxies: TrustedProxies,
        *,
        timeout: float | None,
        clock: Any,
        refused: Callable[[str], None],
    ) -> None:
        super().__init__(wrapped)
        self.trusts = proxies.trusts
        self.timeout = timeout
        self.clock = clock
        self.refused = refused
