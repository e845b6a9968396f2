"""
What the HTTP/2 tests share: a hub with TLS, and clients that are closed.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.h2_client import H2Client
from tests.support.hub_process import HubProcess

__all__ = ["HubTestCase", "secure_hub"]


@contextmanager
def secure_hub(*options: str) -> Iterator[HubProcess]:
    """
    Run a hub with TLS, which must stop without an error.
    """
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = map(str, write_certificate(Path(directory)))
        hub = HubProcess("--tls-cert", certificate, "--tls-key", key, *options)
        try:
            yield hub
        finally:
            hub.stop()


class HubTestCase(SynchronousTestCase):
    """
    Has the hub that conftest starts, whose log must be clean at the end.

    Attributes:
        plain_port: The port of the hub without TLS.

        tls: Whether the clients use TLS.
    """

    hub: HubProcess
    plain_port: int
    tls = True

    def connect(self, settings: dict[int, int] | None = None, **options: Any) -> H2Client:
        """
        Connect a client to this hub, with the options of `H2Client`.
        """
        port = self.hub.port if self.tls else self.plain_port
        client = H2Client(port, settings, tls=self.tls, **options)
        self.addCleanup(client.close)
        return client

    def publish(self, topic: str, *data: str) -> list[int]:
        """
        Publish over a separate connection.

        Returns:
            How many connections each event was sent to.
        """
        client = self.connect()
        answer = client.answer(client.post(*[(topic, one) for one in data]))
        client.close()
        return [receipt["subscribers"] for receipt in json.loads(answer.body)]

    def assert_ends(self, client: H2Client, code: int | None) -> None:
        """
        Check that the server sends GOAWAY with *code*, and closes the connection.
        """
        self.assertEqual(client.rest(), code)

    def subscribed(self) -> tuple[H2Client, int]:
        """
        Connect a client that has an event stream, for `assert_alive`.
        """
        client = self.connect()
        return client, client.subscribe("/events?topic=alive")

    def assert_alive(self, client: H2Client, stream: int) -> None:
        """
        Check that *stream* of `subscribed` still receives events.
        """
        before = len(client.response(stream).data)
        self.publish("alive", "yes")
        client.wait(lambda: len(client.response(stream).data) > before)

        self.assertEqual(client.response(stream).data[-1], "yes")
