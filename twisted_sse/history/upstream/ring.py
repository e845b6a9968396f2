"""
Finds edges that follow themselves, directly or through others.

Every request of an edge names the edge and all edges that are known to follow it.
An edge that is asked in its own name is part of a ring, in which no event would ever
be kept.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict

from twisted.logger import Logger
from zope.interface import Interface, implementer

__all__ = ["HEADER", "IEdge", "Ring"]

#: The request header: the names of edges, separated by commas.
HEADER = b"Twisted-SSE-Edges"

_NAME = re.compile("[0-9a-f]{16}")

# The most edges that are remembered: so many names fit into a header.
_MOST = 100


class IEdge(Interface):
    """
    A history that is another hub's.
    """

    def follows(names: str) -> bool:
        """
        Whether this edge is one of those that ask, so that it would ask itself.

        Args:
            names: The value of `HEADER`; trust nothing about it.
        """


@implementer(IEdge)
class Ring:
    """
    The names of one edge, and of those that follow it.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._own = secrets.token_hex(8)
        self._followers: OrderedDict[str, None] = OrderedDict()
        self._logged = False

    @property
    def names(self) -> str:
        """
        The value of `HEADER` in requests of this edge.
        """
        return ",".join((self._own, *self._followers))

    def follows(self, names: str) -> bool:
        """
        See `IEdge.follows`.
        """
        known = _NAME.findall(names)[: _MOST + 1]
        if self._own in known:
            if not self._logged:
                self._log.error(
                    "This edge follows itself, directly or through other edges: give one of"
                    " them another upstream hub"
                )
            self._logged = True
            return True
        for name in known:
            self._followers[name] = None
            self._followers.move_to_end(name)
        while len(self._followers) > _MOST:
            self._followers.popitem(last=False)
        return False
