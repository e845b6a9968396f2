"""
What the tests of HTTP/2 share: a hub with TLS, and clients that leave.
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
    A hub with TLS, which has to stop in good order.
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
    Has the hub that conftest starts, whose log has to be clean at the end.
    """

    hub: HubProcess

    def connect(self, settings: dict[int, int] | None = None, **options: Any) -> H2Client:
        """
        A client of this hub, with options as `H2Client` takes them.
        """
        client = H2Client(self.hub.port, settings, **options)
        self.addCleanup(client.close)
        return client

    def publish(self, topic: str, *data: str) -> list[int]:
        """
        Publish over a connection of its own.

        Returns:
            How many connections each was handed to.
        """
        client = self.connect()
        answer = client.answer(client.post(*[(topic, one) for one in data]))
        client.close()
        return [receipt["subscribers"] for receipt in json.loads(answer.body)]

    def assert_ends(self, client: H2Client, code: int | None) -> None:
        """
        See that the server says *code*, and closes the connection.
        """
        said = client.rest()

        self.assertEqual(said, code)

    def subscribed(self) -> tuple[H2Client, int]:
        """
        A client with an event stream, to see whether it lives.
        """
        client = self.connect()
        return client, client.subscribe("/events?topic=alive")

    def assert_alive(self, client: H2Client, stream: int) -> None:
        """
        See that *stream* of `subscribed` still gets what is published.
        """
        before = len(client.response(stream).data)
        self.publish("alive", "yes")
        client.wait(lambda: len(client.response(stream).data) > before)

        self.assertEqual(client.response(stream).data[-1], "yes")
