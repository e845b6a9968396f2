"""
Shuts the door of every site, so that Twisted's channel reads all requests.

``PYTHONPATH=tests/support/shut_door python -m pytest tests/e2e`` runs the end-to-end tests so, and
``PYTHONPATH=tests/support/shut_door python -m tests.chaos hub`` the chaos test: Python imports this
file when it starts, in every program that the tests start too.
"""

from twisted_sse.transport.http.site import StreamSite

__all__ = ["StreamSite"]

StreamSite.buildProtocol = StreamSite.build_channel  # type: ignore[method-assign]
