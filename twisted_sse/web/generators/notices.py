"""
What the log says of sources that block the reactor, or that need another one.
"""

from __future__ import annotations

from twisted.logger import Logger

__all__ = ["HELD", "HeldWarning", "explain_asyncio", "name_of"]

#: How long a source may hold the reactor without being named, in seconds.
HELD = 0.5

# What is raised where asyncio, sniffio or anyio miss a running event loop.  The fifth is
# raised by asyncio's locks, events and queues.
_WITHOUT_LOOP = (
    "no running event loop",
    "no current event loop",
    "await wasn't used with future",
    "unknown async library",
    "'NoneType' object has no attribute 'create_future'",
    "not currently running on any asynchronous event loop",
)

_log = Logger()


class HeldWarning:
    """
    Names, once each, the sources that hold the reactor.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._named: set[str] = set()

    def warn(self, source: object, seconds: float) -> None:
        """
        Log that *source* held the reactor for *seconds*, unless it was named before.
        """
        name = name_of(source)
        if name not in self._named:
            self._named.add(name)
            self._log.warn(
                "The source {source} held the reactor for {seconds:.1f} s, and nothing else"
                " could run.  If it is a plain generator, write EventSourceResponse(...,"
                " thread=True); if it is async, await instead of blocking.",
                source=name,
                seconds=seconds,
            )


def explain_asyncio(error: BaseException | None) -> None:
    """
    Log what to install, if *error* says that a source awaited asyncio without its
    reactor.
    """
    text = str(error)
    if isinstance(error, RuntimeError | AttributeError) and any(
        known.lower() in text.lower() for known in _WITHOUT_LOOP
    ):
        # Critical, as failures are: a program without a log prints nothing else.
        _log.critical(
            "The source awaits asyncio, which needs Twisted's asyncio reactor.  Before anything"
            " imports twisted.internet.reactor or klein, write: from twisted.internet import"
            " asyncioreactor; asyncioreactor.install().  With twistd, write:"
            " twistd --reactor=asyncio."
        )


def name_of(source: object) -> str:
    """
    The name of a generator, or of the type of another source.
    """
    return str(getattr(source, "__qualname__", type(source).__name__))
