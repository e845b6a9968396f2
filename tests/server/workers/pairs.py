"""
Parent and workers in one process, connected in memory.
"""

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.support.hubs import make_hub
from twisted_sse import Hub
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.server.workers.calls import AnswerCall, Calls
from twisted_sse.server.workers.hubwide import HubWide
from twisted_sse.server.workers.siblings import OtherWorkers
from twisted_sse.server.workers.topics import answer_change
from twisted_sse.web.admin.processes import ProcessReport

__all__ = ["StubWorker", "connect"]


def connect(
    here: Mapping[str, AnswerCall], there: Mapping[str, AnswerCall]
) -> tuple[Calls, Calls, Callable[[], None]]:
    """
    Connect two ends.

    Returns:
        Both, and a function that delivers what they have written so far.
    """
    to_there: list[bytes] = []
    to_here: list[bytes] = []
    one, other = Calls(to_there.append, here), Calls(to_here.append, there)

    def deliver() -> None:
        while to_there or to_here:
            if to_there:
                other.feed(to_there.pop(0))
            if to_here:
                one.feed(to_here.pop(0))

    return one, other, deliver


class StubWorker:
    """
    A hub that has joined *hub_wide*.

    Attributes:
        hub: The hub, on a clock of its own.

        parent: The parent's end of the calls.

        report: What it tells of itself.

        others: What it knows of the others.

        silent: Whether it answers no request to change topics.

        deliver: Delivers what parent and worker have written.
    """

    def __init__(
        self, hub_wide: HubWide, history: IHistoryProvider | None = None, **limits: Any
    ) -> None:
        self.hub: Hub
        self.clock: Clock
        self.hub, self.clock = make_hub(history, **limits)
        self.silent = False
        handlers: dict[str, AnswerCall] = {}
        self.parent, self._calls, self.deliver = connect(
            handlers,
            {
                "admin": lambda *asked: self.report.answer(*asked),
                "count": self._count,
                "elsewhere": lambda total, networks, workers: self.others.learn(total, networks),
                "find": lambda number: self.others.find_own(number),
                "submit": lambda number: self.others.submit_own(number),
                "topics": lambda *asked: self._change_topics(*asked),
            },
        )
        self.report = ProcessReport(self.hub.broker, lambda: 0, self.hub.runs)
        self.others = OtherWorkers(self._calls, self.clock)
        handlers |= hub_wide.handlers(self.parent)
        self.hub.broker.join(self.others)
        hub_wide.join(self.parent)
        self.deliver()

    def settle(self) -> None:
        """
        Let one turn of its reactor pass.
        """
        self.clock.advance(0)
        self.deliver()

    def _change_topics(self, *asked: Any) -> Any:
        if self.silent:
            return Deferred()
        return answer_change(self.hub.broker.admission.topic_changes, *asked)

    def _count(self, asked: list[Any]) -> list[int]:
        event = ServerSentEvent("")
        publications = [Publication(tuple(topics), event, private) for topics, private in asked]
        return self.hub.broker.distribution.count(publications)
