"""
Headers that are no UTF-8, at our site and at Twisted's.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests.support.http import Served, call
from twisted_sse.server.site import hub_tree
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS

__all__ = ["HeaderBytesTests"]

NAMES = [
    *["Accept", "Accept-Encoding", "Authorization", "Content-Type", "Cookie", "Expect"],
    *["If-Modified-Since", "If-None-Match", "Last-Event-ID", "Origin", "Range", "X-Other"],
]


class HeaderBytesTests(SynchronousTestCase):
    """
    Requests with such a header.
    """

    def test_answered(self) -> None:
        """
        Each request is answered, without a server error or a traceback.
        """
        served = Served(authorize=BearerTokens(["secret"]), cors=CORS(["https://a.example"]))
        tree = hub_tree(
            served.hub.broker,
            authorize=BearerTokens(["secret"]),
            cors=CORS(["https://a.example"]),
            max_topics=10,
            max_body=1000,
        )
        sites = [served.site, Site(tree, reactor=Clock())]
        requests = [("GET", "/events?topic=a"), ("POST", "/events"), ("GET", "/static/style.css")]
        for name in NAMES:
            for value in (b"\xff", b"Bearer \xff", b"a/b;q=\xb2", b"\xc3", b"x=\xe4; y"):
                for method, target in requests:
                    for site in sites:
                        with self.subTest(name=name, value=value, method=method, target=target):
                            token = {} if name == "Authorization" else {"Authorization": TOKEN}
                            answer = call(site, method, target, {**token, name: value}).answer

                            self.assertLess(answer.status, 500)
                            self.assertEqual(self.flushLoggedErrors(), [])


TOKEN = "Bearer secret"
