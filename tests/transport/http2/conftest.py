"""
One hub for all tests of HTTP/2: each connects to it anew.
"""

from collections.abc import Iterator

import pytest

from tests.transport.http2.hub import HubTestCase, secure_hub


@pytest.fixture(scope="package", autouse=True)
def _hub() -> Iterator[None]:
    """
    Start the hub, and stop it in good order.
    """
    with secure_hub() as hub:
        HubTestCase.hub = hub
        yield
