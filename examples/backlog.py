"""
A generator with a backlog, over HTTP/2: each reader gets the lines so far, and then new ones.

openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=localhost -keyout key.pem -out cert.pem

Run:  python examples/backlog.py [PORT] [CERTIFICATE] [KEY]
Then: open https://localhost:8080/ in a browser, or: curl -kN https://localhost:8080/lines
"""

import sys
from pathlib import Path
from secrets import token_hex

from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.web.resource import Resource
from twisted.web.static import File

from twisted_sse import EventSourceResponse, Hub, ServerSentEvent
from twisted_sse.transport.http.site import StreamSite

# After a restart the numbers begin again, so an ID says which life it is from.
life, lines, waiting = token_hex(4), [], []


def write():
    lines.append(f"line {len(lines) + 1}")
    woken, waiting[:] = waiting[:], []
    for one in woken:
        one.callback(None)


async def follow(last_event_id):
    then, _, number = (last_event_id or "").partition(" ")
    sent = int(number) if then == life and number.isdecimal() else 0
    while True:
        while sent < len(lines):
            sent += 1
            yield ServerSentEvent(lines[sent - 1], id=f"{life} {sent}")
        # It is cancelled when the reader leaves, so every reader has its own.
        waiting.append(more := Deferred())
        await more


root = Resource()
root.putChild(b"", File(str(Path(__file__).with_suffix(".html"))))
root.putChild(b"lines", EventSourceResponse(follow, hub=Hub()))

port, certificate, key = [*sys.argv[1:], *["8080", "cert.pem", "key.pem"][len(sys.argv) - 1 :]]
description = f"ssl:{port}:certKey={certificate}:privateKey={key}"
endpoints.serverFromString(reactor, description).listen(StreamSite(root))
LoopingCall(write).start(0.5)
reactor.run()
