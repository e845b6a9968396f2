"""
TLS without sockets: Python's own client, and every record that a server sends it.
"""

import ssl
from collections.abc import Iterator

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import StringTransport

from tests.support.certificates import names_on, trust_everything

__all__ = ["APPLICATION_DATA", "Client", "Link"]

#: RFC 8446, 5.1: the content type of records that carry what is served; in TLS
#: 1.3 of session tickets too.
APPLICATION_DATA = 23

_HEADER = 5  # bytes of a record before its content

# More than any handshake takes.
_ROUND_TRIPS = 5


class Client:
    """
    Takes and gives the bytes of a TLS connection.

    Args:
        context: Trusts everything by default.

        name: Of the server that it asks for; ``None`` does not ask.

        session: To resume, if the server lets it.

    Attributes:
        tls: The client's end.

        records: The content type of each record that has come.
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
        Have *data* come in.
        """
        self._incoming.write(data)
        self._unread += data
        self.records += self._whole_records()

    def give(self) -> bytes:
        """
        What is to go out.
        """
        return self._outgoing.read()

    def shake_hands(self) -> bool:
        """
        Go on with the handshake as far as possible.

        Returns:
            Whether it is complete.

        Raises:
            ssl.SSLError: It has failed.
        """
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self) -> bytes:
        """
        All that has come and was not read yet, decrypted.
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


class Link:
    """
    A client, connected to what a factory builds.

    Args:
        options: Of the `Client`.

    Attributes:
        client: One end; its handshake is complete.

        transport: What the other end writes to.

    Raises:
        ssl.SSLError: They do not agree.
    """

    def __init__(
        self,
        factory: IProtocolFactory,
        context: ssl.SSLContext | None = None,
        name: str | None = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.client = Client(context, name, session)
        self.transport = StringTransport()
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
        # Session tickets follow.
        self.exchange()
        self.client.read()

    @property
    def names(self) -> list[str]:
        """
        The names on the server's certificate.
        """
        return names_on(self.client.tls.getpeercert(binary_form=True))

    def exchange(self) -> None:
        """
        Hand over what either end has for the other.
        """
        data = self.client.give()
        if data:
            self.server.dataReceived(data)
        self.client.take(self.transport.value())
        self.transport.clear()

    def ask(self, data: bytes) -> bytes:
        """
        Send *data*, and read what is answered.
        """
        self.client.tls.write(data)
        self.exchange()
        return self.client.read()
