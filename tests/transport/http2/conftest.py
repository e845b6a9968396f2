"""
One hub for all HTTP/2 tests, each of which opens connections of its own.
"""

from collections.abc import Iterator

import pytest

from tests.support.ports import free_port
from tests.transport.http2.hub import HubTestCase, secure_hub


@pytest.fixture(scope="package", autouse=True)
def _hub() -> Iterator[None]:
    """
    Start the hub, and stop it after the last test.
    """
    plain = free_port()
    with secure_hub("--port", f"tcp:{plain}:interface=127.0.0.1") as hub:
        HubTestCase.hub = hub
        HubTestCase.plain_port = plain
        yield
