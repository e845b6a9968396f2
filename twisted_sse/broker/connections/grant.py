"""
What a request is allowed: the answer of an ``authorize`` function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any

from twisted_sse.errors import Unauthorized
from twisted_sse.topics import Interest, Selection

__all__ = ["ANONYMOUS", "Grant"]


class Grant:
    """
    Who asks, and which topics it may read and publish to, and until when.

    Args:
        user: A name to find its connections by, or ``None``.

        subscribe: Selectors of the topics it may read, private publications
            included.

        publish: Selectors of the topics it may publish to.

        public: It may also read every publication that is not private.

        expires: When that is over, in seconds since 1970 (`time.time`, the
            ``exp`` of a token) or as a `datetime` with a time zone; ``None``:
            never.  A stream ends then, and who comes back is asked again.

        state: What ``connection.state`` begins with; copied.

    Raises:
        InvalidSelector: A selector cannot be understood.

        ValueError: *expires* is no point in time.
    """

    __slots__ = ("expires", "public", "publish", "state", "subscribe", "user")

    def __init__(
        self,
        user: str | None = None,
        *,
        subscribe: Iterable[str] = (),
        publish: Iterable[str] = (),
        public: bool = False,
        expires: float | datetime | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.user = user
        self.subscribe = _selection(subscribe)
        self.publish = _selection(publish)
        self.public = public
        self.expires = None if expires is None else _seconds(expires)
        self.state = None if state is None else dict(state)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grant):
            return NotImplemented
        return self._said() == other._said() and self.state == other.state

    def __hash__(self) -> int:
        return hash(self._said())

    def __repr__(self) -> str:
        # Not the state, which may be secret: a grant may come to be logged.
        said = zip(("user", "subscribe", "publish", "public", "expires"), self._said(), strict=True)
        return f"<Grant {' '.join(f'{name}={value!r}' for name, value in said)}>"

    def check_time(self, now: float) -> None:
        """
        See that it is not over.

        Args:
            now: In seconds since 1970.

        Raises:
            Unauthorized: It is.
        """
        if self.expires is not None and self.expires <= now:
            raise Unauthorized("What let you in has expired: log in again, or get a new token.")

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

    def _said(self) -> tuple[object, ...]:
        return self.user, self.subscribe, self.publish, self.public, self.expires


def _seconds(expires: float | datetime) -> float:
    if isinstance(expires, datetime):
        if expires.utcoffset() is None:
            raise ValueError(
                f"{expires!r} has no time zone: give it one, as datetime.now(UTC) has, or give "
                "seconds since 1970."
            )
        return expires.timestamp()
    if not isfinite(expires):
        raise ValueError(f"{expires!r} is no point in time: give None for a grant without an end.")
    return float(expires)


def _selection(selectors: Iterable[str]) -> Selection | None:
    given = (selectors,) if isinstance(selectors, str) else tuple(selectors)
    return Selection.of(given) if given else None


#: Reads what is not private, publishes nothing.
ANONYMOUS = Grant(public=True)
