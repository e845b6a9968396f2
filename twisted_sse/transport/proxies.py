"""
The address of a client behind proxies.

Law: only what a trusted proxy has said counts.  A list of addresses is read from the
right, where the nearest proxy has appended what it saw; the first address that is not
a trusted proxy's is the client's, and everything to its left was sent by the client.

Comments that begin with "RFC 7239:" quote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from twisted.internet.address import IPv4Address as TCP4Address
from twisted.internet.address import IPv6Address as TCP6Address
from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IAddress

__all__ = ["PROXY_HEADERS", "TrustedProxies", "numeric_address"]

#: The headers by which proxies report clients; the first is the default.
PROXY_HEADERS = ("x-forwarded-for", "forwarded")

# The word for proxies that connect to a UNIX socket.
_UNIX = "unix"

# RFC 7239: "forwarded-pair = token "=" value", "value = token / quoted-string".  A comma
# inside a quoted string is not accepted: no address has one, and without it the right
# end of the header can be read, whatever a client has sent to its left.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR = re.compile(rf'({_TOKEN})=(?:({_TOKEN})|"((?:[^"\\,]|\\[^,])*)")')

# An address with an optional port: 192.0.2.1:80, [2001:db8::1]:80.
_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::\d{1,5})?", re.ASCII)


class TrustedProxies:
    """
    The networks of trusted proxies, and what they say.

    Args:
        networks: Such as ``10.0.0.0/8``, ``2001:db8::1`` or ``unix``, which is every
            proxy that connects to a UNIX socket.

        header: The header that the proxies append the client's address to, one of
            `PROXY_HEADERS`.  The other one is not read: a proxy that does not know it
            passes on what the client has written there.

    Raises:
        ValueError: One of *networks* is not a network, or *header* is not known.
    """

    def __init__(self, networks: Iterable[str], header: str = PROXY_HEADERS[0]) -> None:
        given = [networks] if isinstance(networks, str) else list(networks)
        self._unix = _UNIX in given
        self._networks = [_network(one) for one in given if one != _UNIX]
        if header.lower() not in PROXY_HEADERS:
            raise ValueError(f"{header!r} is not a header for addresses: use {_or(PROXY_HEADERS)}")
        self._header = header.lower().encode("ascii")
        self._hops = _forwarded if self._header == b"forwarded" else _x_forwarded_for

    def trusts(self, address: IAddress) -> bool:
        """
        Whether *address* is that of a trusted proxy.
        """
        if isinstance(address, UNIXAddress):
            return self._unix
        host = _parse(getattr(address, "host", ""))
        return host is not None and any(
            host.version == network.version and host in network for network in self._networks
        )

    def client_of(self, peer: IAddress, headers: Any) -> IAddress:
        """
        Return the address of the client of a request.

        Args:
            peer: Where the connection comes from.

            headers: The request's `twisted.web.http_headers.Headers`.

        Returns:
            *peer* if it is not a trusted proxy's.  If a trusted proxy does not say
            who its client is, the proxy counts as the client.  The port is 0.
        """
        if not self.trusts(peer):
            return peer
        client = peer
        for hop in self._hops(headers.getRawHeaders(self._header, [])):
            found = numeric_address(hop)
            if found is None:
                break
            client = found
            if not self.trusts(client):
                break
        return client


def numeric_address(host: str, port: int = 0) -> TCP4Address | TCP6Address | None:
    """
    Return the address with *host*, or ``None`` if that is not a numeric address.
    """
    parsed = _parse(host)
    if parsed is None:
        return None
    kind = TCP4Address if parsed.version == 4 else TCP6Address
    return kind("TCP", str(parsed), port)


def _parse(host: str) -> Any:
    """
    Parse a numeric address; one of IPv4 that is written as IPv6 becomes IPv4.
    """
    try:
        parsed = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return parsed if mapped is None else mapped


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        host_bits = "has host bits set" in str(error)
        advice = (
            f"did you mean {ip_network(text, strict=False)}?"
            if host_bits
            else ("write an address such as 192.0.2.1, a network such as 10.0.0.0/8, or unix")
        )
        raise ValueError(f"{text!r} is not a network: {advice}") from None


def _from_the_right(lines: Iterable[bytes]) -> Iterator[str]:
    """
    The elements of a list that may be spread over several lines, the last one first.
    """
    for line in reversed(list(lines)):
        rest = line.decode("latin-1")
        more = True
        while more:
            before, comma, element = rest.rpartition(",")
            rest, more = before, bool(comma)
            yield element.strip(" \t")


def _x_forwarded_for(lines: Iterable[bytes]) -> Iterator[str]:
    # Some proxies add the port.
    return (_host(element) or element for element in _from_the_right(lines))


def _forwarded(lines: Iterable[bytes]) -> Iterator[str]:
    for element in _from_the_right(lines):
        yield _for_parameter(element)


def _for_parameter(element: str) -> str:
    """
    Return the host of the ``for`` parameter; "" if there is none, or the element is
    malformed.

    RFC 7239: "Note that IPv6 addresses may not be quoted in X-Forwarded-For and may not
    be enclosed by square brackets, but they are quoted and enclosed in square brackets
    in Forwarded".
    """
    found: list[str] = []
    for part in element.split(";"):
        pair = _PAIR.fullmatch(part.strip(" \t"))
        if pair is None:
            return ""
        if pair[1].lower() == "for":
            found.append(_host(pair[2] or pair[3] or ""))
    # RFC 7239: "Each parameter MUST NOT occur more than once per field-value."
    return found[0] if len(found) == 1 else ""


def _host(node: str) -> str:
    match = _NODE.fullmatch(node)
    return "" if match is None else match[1] or match[2]


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)
