"""
Follow a stream from a program, and reconnect when it is lost.

Run:  python examples/follow.py [PORT]
Then: curl http://localhost:8080/events -H "Authorization: Bearer $TOKEN" -d topic=news -d data=hi

It needs a hub on that port: twistd -n sse --port 8080
"""

import sys

from twisted.internet.task import react

from twisted_sse import ServerSentEvent
from twisted_sse.client import EventSource, Lost, Opened


async def main(reactor, port="8080"):
    url = f"http://localhost:{port}/events?topic=news"
    async with EventSource(url) as source:
        async for signal in source.signals():
            match signal:
                case ServerSentEvent():
                    print(signal.id, signal.data, flush=True)
                case Opened():
                    print("open", flush=True)
                case Lost(reason, delay):
                    print(f"lost ({reason}), again in {delay:.1f} seconds", flush=True)


react(main, sys.argv[1:])
