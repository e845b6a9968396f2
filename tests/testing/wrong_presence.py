"""
Mistakes of `exchange`.
"""

from typing import Any

from tests.testing.wrong import Wrong, breaks
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.presence import NodeChange, PresenceNews
from twisted_sse.testing.contract.case import publication

__all__: list[str] = []


@breaks("test_presence_interface")
class _Misnamed(Wrong):
    """
    Has another signature.
    """

    def exchange(self, node: str) -> Any:  # type: ignore[override]
        return None


class _Answers(Wrong):
    """
    Answers something else.
    """

    def answers(self, news: PresenceNews, node: str) -> PresenceNews:
        """
        Return an answer instead of *news*.
        """
        raise NotImplementedError

    def exchange(self, node: str, *rest: Any) -> Any:
        return self.answers(super().exchange(node, *rest), node)


@breaks("test_presence", "test_presence_order")
class _Backwards(_Answers):
    """
    Tells the newest change first.
    """

    def answers(self, news: PresenceNews, node: str) -> PresenceNews:
        return news._replace(changes=news.changes[::-1])


@breaks("test_presence_known", "test_presence_ends")
class _KnowsAll(_Answers):
    """
    Knows every hub.
    """

    def answers(self, news: PresenceNews, node: str) -> PresenceNews:
        return news._replace(known=True)


@breaks("test_presence_of_others")
class _Echo(_Answers):
    """
    Tells a hub what it has announced itself.
    """

    def answers(self, news: PresenceNews, node: str) -> PresenceNews:
        mine = [NodeChange(node, one) for one in self.store.presence.members[node].values()]
        return news._replace(changes=[*news.changes, *mine])


@breaks("test_presence_whole")
class _OnlyChanges(_Answers):
    """
    Answers a hub without a cursor with what changes from now on.
    """

    def answers(self, news: PresenceNews, node: str) -> PresenceNews:
        return news._replace(changes=[], whole=False) if news.whole else news


@breaks("test_presence_behind")
class _SilentGap(Wrong):
    """
    Tells the newest changes, although some before them are not at hand.
    """

    def exchange(self, node: str, changes: Any, after: Any, ttl: float) -> Any:
        log = self.store.presence.log
        if after is not None:
            after = f"{self.store.lives}.{max(int(after.partition('.')[2]), len(log) - 500)}"
        return super().exchange(node, changes, after, ttl)


@breaks("test_presence_ends")
class _Immortal(Wrong):
    """
    Takes every hub for alive forever.
    """

    def exchange(self, node: str, changes: Any, after: Any, ttl: float) -> Any:
        return super().exchange(node, changes, after, ttl * 1000)


@breaks("test_presence_outage")
class _Hasty(Wrong):
    """
    Takes hubs for dead although nobody could call.
    """

    def exchange(self, node: str, changes: Any, after: Any, ttl: float) -> Any:
        # Another hub, which has never called before, finds the others dead.
        super().exchange(f"watch {self.store.presence.calls}", [], None, 0.0)
        return super().exchange(node, changes, after, ttl)


@breaks("test_presence_room")
class _Publishes(Wrong):
    """
    Keeps changes as publications.
    """

    def exchange(self, *arguments: Any) -> Any:
        self.append([publication("presence")])
        return super().exchange(*arguments)


@breaks("test_presence_unavailable")
class _Forgets(Wrong):
    """
    Answers that nobody is there while the store is unavailable.
    """

    def exchange(self, *arguments: Any) -> Any:
        try:
            return super().exchange(*arguments)
        except HistoryUnavailable:
            return PresenceNews(True, "0.0", [])
