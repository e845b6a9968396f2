"""
Runs: generators that outlive their readers.

A run belongs to a hub, not to a request: it is begun once, its events are published to
a topic of its own, and any number of readers follow it, from anywhere in it, on any
node that shares the history.  It goes on without readers, and it ends once, in the one
order, with an outcome.
"""

from twisted_sse.events.runstatus import ActiveRun, RunState, RunStatus
from twisted_sse.runs.run import Run
from twisted_sse.runs.runs import Runs

__all__ = ["ActiveRun", "Run", "RunState", "RunStatus", "Runs"]
