"""
Test an application that streams, without ports and without waiting.

Run:  python -m pytest examples/test_news.py
Or:   python -m twisted.trial examples/test_news.py
"""

from klein import Klein
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse import Hub
from twisted_sse.testing import StreamClient


def make_app(reactor):
    app, hub = Klein(), Hub(reactor=reactor)

    @app.route("/news")
    def news(request):
        return hub.subscribe("news")

    @app.route("/say/<text>", methods=["POST"])
    def say(request, text):
        return hub.publish("news", text).addCallback(lambda receipt: receipt.id)

    return app


class NewsTests(SynchronousTestCase):
    def setUp(self):
        clock = Clock()
        self.client = StreamClient(make_app(clock), clock)
        self.addCleanup(self.client.close)

    def test_news(self):
        stream = self.client.get("/news")
        self.client.post("/say/hello")
        self.assertEqual([event.data for event in stream.events], ["hello"])

    def test_missed(self):
        stream = self.client.get("/news")
        stream.disconnect()
        self.client.post("/say/hello")
        self.assertEqual([event.data for event in stream.resume().events], ["hello"])
