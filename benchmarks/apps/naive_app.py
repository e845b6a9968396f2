"""
Naive Twisted, the usual snippet: a resource has a set of requests and writes to each.

    python naive_app.py PORT [CERTIFICATE KEY]

With a certificate it speaks TLS, and HTTP/2 by ALPN, which Site supports.
"""

# mypy: ignore-errors
# The usual code, unannotated as it is usually written.

import sys
from pathlib import Path

from twisted.internet import endpoints, reactor, ssl
from twisted.web import resource, server

SAMPLE = b"data: " + b"x" * 161 + b"~t=0000000000000000;s=00000000;\n\n"
clients = set()


def begin(request):
    request.setHeader(b"Content-Type", b"text/event-stream")
    request.setHeader(b"Cache-Control", b"no-cache")
    request.write(b"")


class Events(resource.Resource):
    isLeaf = True

    def render_GET(self, request):
        begin(request)
        clients.add(request)
        request.notifyFinish().addBoth(lambda _: clients.discard(request))
        return server.NOT_DONE_YET


class Publish(resource.Resource):
    isLeaf = True

    def render_POST(self, request):
        event = b"data: " + request.content.read() + b"\n\n"
        for client in clients:
            client.write(event)
        request.setResponseCode(204)
        return b""


class Gen(resource.Resource):
    """
    A pull producer: one event each time the transport asks for more.
    """

    isLeaf = True

    def render_GET(self, request):
        begin(request)
        request.registerProducer(Source(request, int(request.args[b"n"][0])), False)
        return server.NOT_DONE_YET


class Source:
    def __init__(self, request, n):
        self.request, self.n = request, n

    def resumeProducing(self):
        self.n -= 1
        self.request.write(SAMPLE)
        if not self.n:
            self.request.unregisterProducer()
            self.request.finish()

    def stopProducing(self):
        pass


root = resource.Resource()
root.putChild(b"events", Events())
root.putChild(b"publish", Publish())
root.putChild(b"gen", Gen())
where = {"backlog": 4096, "interface": "127.0.0.1"}
port, *pem = sys.argv[1:]
if pem:
    certificate = ssl.PrivateCertificate.loadPEM("".join(Path(path).read_text() for path in pem))
    options = certificate.options()
    endpoint = endpoints.SSL4ServerEndpoint(reactor, int(port), options, **where)
else:
    endpoint = endpoints.TCP4ServerEndpoint(reactor, int(port), **where)
endpoint.listen(server.Site(root))
reactor.run()
