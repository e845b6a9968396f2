"""
sse-starlette under uvicorn, one asyncio.Queue per client: the pattern of its docs.
"""

# mypy: ignore-errors
# The docs' code, unchanged; its libraries need not be installed to check this project.

import asyncio

from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

clients: set[asyncio.Queue] = set()
SAMPLE = "x" * 161 + "~t=0000000000000000;s=00000000;"


async def events(request):
    queue = asyncio.Queue()
    clients.add(queue)

    async def stream():
        try:
            while True:
                yield {"data": await queue.get()}
        finally:
            clients.discard(queue)

    return EventSourceResponse(stream())


async def publish(request):
    message = (await request.body()).decode()
    for queue in clients:
        queue.put_nowait(message)
    return Response(status_code=204)


async def gen(request):
    async def stream():
        for _ in range(int(request.query_params["n"])):
            yield {"data": SAMPLE}

    return EventSourceResponse(stream())


app = Starlette(
    routes=[
        Route("/events", events),
        Route("/publish", publish, methods=["POST"]),
        Route("/gen", gen),
    ]
)
