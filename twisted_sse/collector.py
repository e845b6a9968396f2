"""
The garbage collector, in a process that is all streams.
"""

from __future__ import annotations

import gc

from twisted.application.service import Service

__all__ = ["Collector"]


class Collector(Service):
    """
    Keeps the garbage collector from holding the reactor.

    A full collection looks at every object there is: measured, 142 ms with
    8,000 streams.  Streams leave no cycles behind when they end (a test says
    so), so the youngest objects are all that has to be looked at often.
    """

    # Net allocations between collections of the youngest; how many of those
    # between collections of the middle ones, about 3 ms each; and of all.
    _THRESHOLDS = (2_000, 10, 10_000)

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        gc.collect()
        # What was imported stays: nobody needs to look at it again.
        gc.freeze()
        gc.set_threshold(*self._THRESHOLDS)
