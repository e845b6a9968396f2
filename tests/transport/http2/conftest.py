"""
One hub for all HTTP/2 tests, each of which opens connections of its own.
"""

from collections.abc import Iterator

import pytest

from tests.transport.http2.hub import HubTestCase, secure_hub


@pytest.fixture(scope="package", autouse=True)
def _hub() -> Iterator[None]:
    """
    Start the hub, and stop it after the last test.
    """
    with secure_hub() as hub:
        HubTestCase.hub = hub
        yield
