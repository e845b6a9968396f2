"""
What the parent tells a worker before anything else: one line of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from twisted_sse.server.config.option import Given

__all__ = ["FROM_WORKER", "TO_WORKER", "Assignment", "OriginAddress"]

#: The file descriptors of a worker for what it sends to the parent, and for what it gets.
FROM_WORKER = 3
TO_WORKER = 4


@dataclass(frozen=True)
class OriginAddress:
    """
    Where the hub that keeps the history listens, and the token for it.
    """

    path: str
    token: str


@dataclass(frozen=True)
class Assignment:
    """
    Attributes:
        number: The number of the worker, from 1.

        given: The configuration, as it was given to the parent.

        token: See `Role`.

        sockets: The file descriptors of the listening sockets, one for each ``--port``.

        origin: The hub that keeps the history; ``None`` if the configured history is a
            shared one.

        reactor: The module of the reactor.
    """

    number: int
    given: Mapping[str, Given]
    token: str
    sockets: Sequence[int]
    origin: OriginAddress | None
    reactor: str

    def encode(self) -> bytes:
        """
        Write it as a line.
        """
        return json.dumps(asdict(self)).encode("ascii") + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Assignment:
        """
        Read what `encode` has written.
        """
        values = json.loads(line)
        values["given"] = {
            name: Given(tuple(texts), where, label)
            for name, (texts, where, label) in values["given"].items()
        }
        if values["origin"] is not None:
            values["origin"] = OriginAddress(**values["origin"])
        return cls(**values)
