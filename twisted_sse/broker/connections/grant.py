"""
A grant: what one request may read and publish, as an ``authorize`` function returns it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any

from twisted_sse.broker.connections.authority import Authority
from twisted_sse.errors import Unauthorized
from twisted_sse.events.presence import encode_info
from twisted_sse.topics import Interest, Selection, Selector

__all__ = ["ANONYMOUS", "Grant", "Selectors", "check_grant", "may_read_any"]

#: Selectors, of which a str is parsed by `parse_selector`.
Selectors = Iterable[str | Selector] | Selection


class Grant:
    """
    The user of a request, the topics it may read and publish to, and until when.

    Args:
        user: A name that the user's connections can be found by, or ``None``.

        subscribe: Selectors of the topics it may read, including private
            publications; or a `Selection`.

        publish: Selectors of the topics it may publish to; or a `Selection`.

        public: Whether it may also read every publication that is not private.

        expires: When the grant expires, in seconds since 1970 (`time.time`, the
            ``exp`` of a token) or as a `datetime` with a time zone; ``None`` for
            never.  An open stream ends then.

        state: The initial content of ``connection.state``; copied.

        info: What presence tells others about the user, a value for JSON of at most
            1,024 bytes; kept as JSON.

        payloads: What others may be told about the user's subscriptions: pairs of
            the selectors that a value is for and the value, which can be written as
            JSON.  The first pair that selects a topic counts.

        authority: What vouches for the grant, such as a key.  An open stream ends
            when it is revoked.

    Raises:
        InvalidSelector: A selector cannot be understood.

        ValueError: *expires* is not a point in time, or *info* is too large.

        TypeError: *info* is not a value for JSON.
    """

    __slots__ = (
        "authority",
        "expires",
        "info",
        "payloads",
        "public",
        "publish",
        "state",
        "subscribe",
        "user",
    )

    def __init__(
        self,
        user: str | None = None,
        *,
        subscribe: Selectors = (),
        publish: Selectors = (),
        public: bool = False,
        expires: float | datetime | None = None,
        state: Mapping[str, Any] | None = None,
        info: object = None,
        payloads: Iterable[tuple[Selectors, Any]] = (),
        authority: Authority | None = None,
    ) -> None:
        self.user = user
        self.subscribe = _selection(subscribe)
        self.publish = _selection(publish)
        self.public = public
        self.expires = None if expires is None else _seconds(expires)
        self.state = None if state is None else dict(state)
        self.info = encode_info(info)
        self.payloads = tuple((_selection(one), value) for one, value in payloads)
        self.authority = authority

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grant):
            return NotImplemented
        return (
            self._values() == other._values()
            and self.state == other.state
            and self.payloads == other.payloads
            and self.authority is other.authority
        )

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        # Without the state and the payloads, which may be secret: a grant may be logged.
        values = zip(
            ("user", "subscribe", "publish", "public", "expires"), self._values(), strict=False
        )
        return f"<Grant {' '.join(f'{name}={value!r}' for name, value in values)}>"

    def check_time(self, now: float) -> None:
        """
        Refuse a grant that has expired.

        Args:
            now: In seconds since 1970.

        Raises:
            Unauthorized: The grant has expired.
        """
        if self.expires is not None and self.expires <= now:
            raise Unauthorized("Your authorization has expired: log in again, or get a new token.")

    def interest(self, wanted: Selection) -> Interest:
        """
        The interest of a subscriber that selects *wanted*.
        """
        return Interest(wanted, self.subscribe, self.public)

    def may_read(self, wanted: Selection) -> bool:
        """
        Whether it may read anything that *wanted* selects; see `may_read_any`.
        """
        return may_read_any(self.public, self.subscribe, wanted)

    def may_publish(self, topics: Iterable[str]) -> bool:
        """
        Whether it may publish to every one of *topics*.
        """
        granted = self.publish
        return granted is not None and all(granted.matches((topic,)) for topic in topics)

    def payload_of(self, matcher: str) -> Any:
        """
        What others may be told about the subscription of *matcher*.

        Args:
            matcher: A selector as the subscriber wrote it.  It is looked for like
                a topic.

        Returns:
            The value of the first pair of *payloads* that selects it; ``None`` if
            there is none.
        """
        for selection, value in self.payloads:
            if selection is not None and selection.matches((matcher,)):
                return value
        return None

    def _values(self) -> tuple[object, ...]:
        return self.user, self.subscribe, self.publish, self.public, self.expires, self.info


def may_read_any(public: bool, readable: Selection | None, wanted: Selection) -> bool:
    """
    Whether anything that *wanted* selects may be read.

    A pattern may select any topic, so only a list of exact names can be refused as a
    whole.

    Args:
        public: Whether everything that is not private may be read.

        readable: The topics that may be read, including private publications.
    """
    if public:
        return True
    if readable is None:
        return False
    exact_only = not wanted.everything and not wanted.patterns
    return not exact_only or readable.matches(tuple(wanted.exact))


def check_grant(value: object) -> Grant:
    """
    Return *value*, which an ``authorize`` function has returned, if it is a grant.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, Grant):
        raise TypeError(
            f"authorize returned {value!r}: return a Grant, or raise Unauthorized or Forbidden"
        )
    return value


def _seconds(expires: float | datetime) -> float:
    if isinstance(expires, datetime):
        if expires.utcoffset() is None:
            raise ValueError(
                f"{expires!r} has no time zone: use an aware datetime such as datetime.now(UTC), "
                "or seconds since 1970."
            )
        return expires.timestamp()
    if not isfinite(expires):
        raise ValueError(
            f"{expires!r} is not a point in time: use None for a grant that never expires."
        )
    return float(expires)


def _selection(selectors: Selectors) -> Selection | None:
    if isinstance(selectors, Selection):
        return selectors
    given = (selectors,) if isinstance(selectors, str) else tuple(selectors)
    return Selection.of(given) if given else None


#: May read what is not private, and may publish nothing.
ANONYMOUS = Grant(public=True)
