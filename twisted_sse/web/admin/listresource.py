"""
What the resources that list something have in common.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.web.admin.processes import Processes
from twisted_sse.web.cors import CORS
from twisted_sse.web.notfound import NotFound
from twisted_sse.web.resource import Authorize, MethodResource

__all__ = ["ListResource"]


class ListResource(MethodResource, ABC):
    """
    ``GET`` lists something; a child may be one of it.
    """

    def __init__(self, processes: Processes, authorize: Authorize) -> None:
        super().__init__({"GET": self._list, "HEAD": self._list}, authorize, CORS())
        self._processes = processes
        self._access = authorize

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`.
        """
        return self if path == b"" else self.one(path.decode("utf-8", "replace"))

    def one(self, name: str) -> Resource:
        """
        The resource of the one with *name*.
        """
        return NotFound()

    @abstractmethod
    async def answer(self, request: Request) -> None:
        """
        Answer *request* with the list.
        """

    def _list(self, request: Request, grant: Grant) -> Deferred[None]:
        return Deferred.fromCoroutine(self.answer(request))
