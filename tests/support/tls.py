"""
TLS without sockets: Python's own client, which sees every record of the server.
"""

import ssl
from collections.abc import Iterator

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import StringTransport

from tests.support.certificates import names_on, trust_everything

__all__ = ["APPLICATION_DATA", "Client", "Link"]

#: RFC 8446, 5.1: the content type of records with application data; in TLS 1.3
#: also of records with session tickets.
APPLICATION_DATA = 23

_HEADER = 5  # bytes of a record before its content

# More than any handshake needs.
_ROUND_TRIPS = 5


class Client:
    """
    The client's end of a TLS connection, as bytes.

    Args:
        context: The client's context; by default it accepts any certificate.

        name: The server name to send (SNI), or ``None`` for none.

        session: The session to resume, if the server agrees.

    Attributes:
        tls: The TLS object.

        records: The content type of each record that was received.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        name: str | None = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or trust_everything()).wrap_bio(
            self._incoming, self._outgoing, server_hostname=name, session=session
        )
        self.records: list[int] = []
        self._unread = b""

    def take(self, data: bytes) -> None:
        """
        Receive *data*.
        """
        self._incoming.write(data)
        self._unread += data
        self.records += self._whole_records()

    def give(self) -> bytes:
        """
        Return the bytes to be sent.
        """
        return self._outgoing.read()

    def shake_hands(self) -> bool:
        """
        Continue the handshake as far as possible.

        Returns:
            Whether the handshake is complete.

        Raises:
            ssl.SSLError: The handshake has failed.
        """
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self) -> bytes:
        """
        Decrypt and return everything that was received and not read yet.
        """
        parts = []
        try:
            while part := self.tls.read(65536):
                parts.append(part)
        except ssl.SSLWantReadError:
            pass  # All has been read.
        return b"".join(parts)

    def _whole_records(self) -> Iterator[int]:
        while len(self._unread) >= _HEADER:
            size = _HEADER + int.from_bytes(self._unread[3:_HEADER])
            if len(self._unread) < size:
                break
            yield self._unread[0]
            self._unread = self._unread[size:]


class _TCPTransport(StringTransport):
    """
    A transport with what sites ask of TCP.
    """

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        See `ITCPTransport.setTcpNoDelay`: there is no delay.
        """


class Link:
    """
    A client, connected to the protocol that a factory builds.

    The arguments after *factory* are those of `Client`.

    Attributes:
        client: The client, after its handshake.

        transport: The server's transport.

    Raises:
        ssl.SSLError: The handshake has failed.
    """

    def __init__(
        self,
        factory: IProtocolFactory,
        context: ssl.SSLContext | None = None,
        name: str | None = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.client = Client(context, name, session)
        self.transport = _TCPTransport()
        server = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        assert server is not None
        self.server = server
        server.makeConnection(self.transport)
        for _ in range(_ROUND_TRIPS):
            if self.client.shake_hands():
                break
            self.exchange()
        else:
            raise AssertionError("The handshake does not end.")
        # For the session tickets.
        self.exchange()
        self.client.read()

    @property
    def names(self) -> list[str]:
        """
        The names in the server's certificate.
        """
        return names_on(self.client.tls.getpeercert(binary_form=True))

    def exchange(self) -> None:
        """
        Deliver what each end has sent.
        """
        data = self.client.give()
        if data:
            self.server.dataReceived(data)
        self.client.take(self.transport.value())
        self.transport.clear()

    def ask(self, data: bytes) -> bytes:
        """
        Send *data*, and return the answer.
        """
        self.client.tls.write(data)
        self.exchange()
        return self.client.read()
