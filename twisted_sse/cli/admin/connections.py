"""
``twisted-sse connections``: lists the connections of a hub.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from twisted_sse.cli.admin.endpoint import Endpoint
from twisted_sse.cli.admin.options import ConnectionsOptions
from twisted_sse.cli.admin.table import connection_lines
from twisted_sse.cli.console import Console
from twisted_sse.cli.running import Status

__all__ = ["connections"]

# How many connections the hub tells at once, and how many it leaves out at most.
_PAGE = 1000
_LARGEST_OFFSET = 2000


async def connections(options: ConnectionsOptions, out: Console, err: Console) -> int:
    """
    List the connections that match.

    Raises:
        CommandFailed: The hub does not tell.
    """
    from twisted.internet import reactor

    clock: Any = reactor
    pages = _Pages(Endpoint(options, clock), options.query, options["count"])
    shown: list[Any] = []
    async for rows in pages.read():
        if options["json"]:
            for row in rows:
                out.write_json(json.dumps(row, ensure_ascii=False))
            await out.drained()
        shown += rows
    if not options["json"]:
        for line in connection_lines(shown):
            out.write(line)
    if pages.total > len(shown):
        err.say(f"These are {len(shown)} of {pages.total} connections.")
    return Status.DONE


class _Pages:
    """
    The pages of the answer.

    In the order of IDs, a page begins after the last connection of the page before, so
    that nobody is missed or told twice; in any other order, after as many connections.

    Attributes:
        total: How many connections match.
    """

    def __init__(self, endpoint: Endpoint, query: dict[str, str], most: int | None) -> None:
        self._endpoint = endpoint
        self._query = query
        self._most = most
        self.total = 0

    async def read(self) -> AsyncIterator[list[Any]]:
        """
        Yield the connections, page by page.
        """
        place: dict[str, object] = {}
        found = 0
        while True:
            limit = _PAGE if self._most is None else min(_PAGE, self._most - found)
            page = await self._endpoint.get("connections", {**self._query, **place, "limit": limit})
            rows = page["connections"]
            if not place:
                self.total = page["total"]
            found += len(rows)
            yield rows
            if len(rows) < limit or found == self._most:
                return
            if self._query["sort"] == "id":
                place = {"after": rows[-1]["id"]}
            elif found > _LARGEST_OFFSET:
                return
            else:
                place = {"offset": found}
