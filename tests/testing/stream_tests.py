"""
What the tests of `StreamClient` share: a hub to subscribe to, and a resource that echoes.
"""

import json

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse import Hub
from twisted_sse.testing import StreamClient

__all__ = ["Echo", "StreamTests"]


class StreamTests(SynchronousTestCase):
    """
    A hub in memory, with the topic ``news`` at ``/news``.
    """

    def setUp(self) -> None:
        """
        Make the hub, its site and a client.
        """
        self.clock = Clock()
        self.hub = Hub(reactor=self.clock)
        self.root = Resource()
        self.root.putChild(b"news", self.hub.subscribe("news"))
        self.client = StreamClient(self.root, self.clock)
        self.addCleanup(self.client.close)

    def publish(self, *data: str) -> None:
        """
        Publish to ``news``, without waiting.
        """
        for each in data:
            self.hub.publish("news", each)


class Echo(Resource):
    """
    Answers with the request as JSON.
    """

    isLeaf = True

    def render(self, request: Request) -> bytes:
        """
        See `twisted.web.resource.IResource.render`.
        """
        request.setHeader("Content-Type", "application/json")
        names = ("Accept", "Content-Type", "Host", "Last-Event-ID", "X-Several")
        content: object = request.content
        asked = {
            "method": request.method.decode(),
            "uri": request.uri.decode(),
            "secure": request.isSecure(),
            "headers": {name: request.requestHeaders.getRawHeaders(name) for name in names},
            "body": content.read().decode(),  # type: ignore[attr-defined]
        }
        return json.dumps(asked).encode()
