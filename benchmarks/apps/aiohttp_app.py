"""
aiohttp and aiohttp-sse, one asyncio.Queue per client: the chat example of its repository.
"""

# mypy: ignore-errors
# The docs' code, unchanged; its libraries need not be installed to check this project.

import asyncio
import sys

from aiohttp import web
from aiohttp_sse import sse_response

clients: set[asyncio.Queue] = set()
SAMPLE = "x" * 161 + "~t=0000000000000000;s=00000000;"


async def events(request):
    async with sse_response(request) as response:
        queue = asyncio.Queue()
        clients.add(queue)
        try:
            while response.is_connected():
                await response.send(await queue.get())
        finally:
            clients.discard(queue)
    return response


async def publish(request):
    message = await request.text()
    for queue in clients:
        queue.put_nowait(message)
    return web.Response(status=204)


async def gen(request):
    async with sse_response(request) as response:
        for _ in range(int(request.query["n"])):
            await response.send(SAMPLE)
    return response


app = web.Application()
app.add_routes([web.get("/events", events), web.post("/publish", publish), web.get("/gen", gen)])

if __name__ == "__main__":
    if sys.argv[2:] == ["uvloop"]:
        import uvloop

        uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
