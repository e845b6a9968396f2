"""
What a request is allowed: the answer of an ``authorize`` function.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_sse.topics import Interest, Selection

__all__ = ["ANONYMOUS", "Grant"]


class Grant:
    """
    Who asks, and which topics it may read and publish to.

    Args:
        user: A name to find its connections by, or ``None``.

        subscribe: Selectors of the topics it may read, private publications
            included.

        publish: Selectors of the topics it may publish to.

        public: It may also read every publication that is not private.

    Raises:
        InvalidSelector: A selector cannot be understood.
    """

    __slots__ = ("public", "publish", "subscribe", "user")

    def __init__(
        self,
        user: str | None = None,
        *,
        subscribe: Iterable[str] = (),
        publish: Iterable[str] = (),
        public: bool = False,
    ) -> None:
        self.user = user
        self.subscribe = _selection(subscribe)
        self.publish = _selection(publish)
        self.public = public

    def interest(self, wanted: Selection) -> Interest:
        """
        What a subscriber that wants *wanted* gets to see.
        """
        return Interest(wanted, self.subscribe, self.public)

    def may_read(self, wanted: Selection) -> bool:
        """
        Whether anything that *wanted* selects can be readable.

        Patterns may select any topic, so only a list of exact names is refused
        as a whole.
        """
        if self.public:
            return True
        if self.subscribe is None:
            return False
        exact_only = not wanted.everything and not wanted.patterns
        return not exact_only or self.subscribe.matches(tuple(wanted.exact))

    def may_publish(self, topics: Iterable[str]) -> bool:
        """
        Whether it may publish to every one of *topics*.
        """
        granted = self.publish
        return granted is not None and all(granted.matches((topic,)) for topic in topics)


def _selection(selectors: Iterable[str]) -> Selection | None:
    given = (selectors,) if isinstance(selectors, str) else tuple(selectors)
    return Selection.of(given) if given else None


#: Reads what is not private, publishes nothing.
ANONYMOUS = Grant(public=True)
