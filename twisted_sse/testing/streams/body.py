"""
A request body that is sent at once.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

__all__ = ["MemoryBody"]


@implementer(IBodyProducer)
class MemoryBody:
    """
    Writes its body at once; Twisted's `FileBodyProducer` needs the global reactor.

    Args:
        body: Text is encoded as UTF-8.
    """

    def __init__(self, body: bytes | str) -> None:
        self._body = body.encode("utf-8") if isinstance(body, str) else body
        self.length = len(self._body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        See `IBodyProducer.startProducing`.
        """
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        See `IBodyProducer`: the body is already written.
        """

    def resumeProducing(self) -> None:
        """
        See `IBodyProducer`.
        """

    def stopProducing(self) -> None:
        """
        See `IBodyProducer`.
        """
