"""
What the two processes say to each other: lines of JSON.  The descriptors of the sockets
accompany the answer.

The processes may be of different versions, so members that are not known are ignored,
and the version of the protocol is part of the request.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["LONGEST", "READY", "Answer", "Request", "read_answer", "read_request"]

#: The longest line, in bytes.
LONGEST = 64 * 1024

#: What the new process says when it accepts connections.
READY = b"ready\n"

_VERSION = 1


@dataclass(frozen=True)
class Request:
    """
    Attributes:
        shared: Whether the history of the new process can be used by several.
    """

    shared: bool
    version: int = _VERSION

    def encode(self) -> bytes:
        """
        Write it as a line.
        """
        return json.dumps(asdict(self)).encode("ascii") + b"\n"


@dataclass(frozen=True)
class Answer:
    """
    Attributes:
        ports: The descriptions of the sockets, in the order of their descriptors.

        wait: How long the new process has to wait at most until the old one has closed
            its history, in seconds; 0 if it need not wait.

        refusal: Why there are no sockets; empty if there are.
    """

    ports: Sequence[str] = ()
    wait: float = 0.0
    refusal: str = ""

    def encode(self) -> bytes:
        """
        Write it as a line.
        """
        return json.dumps(asdict(self)).encode("ascii") + b"\n"


def read_request(line: bytes) -> Request:
    """
    Read what `Request.encode` has written.

    Raises:
        ValueError: It is something else, or of another version.
    """
    values = _read(line)
    if values.get("version") != _VERSION:
        raise ValueError(f"this hub speaks version {_VERSION} of the takeover protocol")
    return Request(values.get("shared") is True)


def read_answer(line: bytes) -> Answer:
    """
    Read what `Answer.encode` has written.

    Raises:
        ValueError: It is something else.
    """
    values = _read(line)
    return Answer(
        [str(one) for one in values.get("ports", ())],
        float(values.get("wait", 0)),
        str(values.get("refusal", "")),
    )


def _read(line: bytes) -> dict[str, Any]:
    values = json.loads(line)
    if not isinstance(values, dict):
        raise ValueError("it is not a JSON object")
    return values
