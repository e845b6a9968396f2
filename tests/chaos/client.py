"""
One client of a chaos run: it receives numbered events and checks each of them.

When its `EventSource` ends, it makes another that resumes, and tells the server why.
"""

import random
from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.chaos.behaviors import (
    CONNECT_TIMEOUT,
    END_MARKER,
    LONGEST,
    MAX_EVENT_SIZE,
    READ_TIMEOUT,
    SHORTEST,
    Behavior,
)
from tests.chaos.numbered import NumberedEvents
from twisted_sse.client import Control, EventSource, Lost, Opened, ReadyState, Signal
from twisted_sse.errors import EventTooLarge, TwistedSSEError, UnexpectedStatus
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Client"]

# A client does not wait for longer than this, in seconds.
_LONG = 60.0

# How long a slow client takes for some events, in seconds.
_PAUSES = (0.01, 0.3, 1.4)


class Client:
    """
    Follows one stream.

    Args:
        url: The URL of the stream.

        agent: Used by its sources; with ``None`` each source makes its own.

    Attributes:
        done: Whether the end marker has arrived.

        faults: Violations of the rules: kinds and sentences.

        counts: How often each thing has happened.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        url: str,
        agent: object,
        behavior: Behavior,
        log: NumberedEvents,
    ) -> None:
        self.done = False
        self.faults: list[tuple[str, str]] = []
        self.counts: Counter[str] = Counter()
        self._reactor = reactor
        self._name = name
        self._url = url
        self._agent = agent
        self._behavior = behavior
        self._log = log
        # Separate from the server's choices, which do not depend on it.
        self._rng = random.Random(name)
        self._number = 0
        self._last_event_id = ""
        self._sources = 0
        self._why = "first"
        self._source: EventSource | None = None
        self._open = self._stopping = False

    async def follow(self) -> None:
        """
        Return when the end marker has arrived, or after `stop`.
        """
        self._stopping = False
        while not (self.done or self._stopping):
            await self._follow_once()

    def stop(self) -> None:
        """
        Close the source; `follow` may be called again.
        """
        self._stopping = True
        self._leave("own")

    async def _follow_once(self) -> None:
        self._source = source = self._make()
        self._why, self._open = "over", False
        try:
            async with source:
                await getattr(self, f"_take_{self._behavior.form}")(source)
        except UnexpectedStatus as error:
            self._why = str(error.status)
        except TwistedSSEError as error:
            self._why = type(error).__name__
        except Exception as error:
            self._why = type(error).__name__
            self._fault("untyped", repr(error))
        if source.ready_state is not ReadyState.CLOSED:
            self._fault("not closed", f"{source.ready_state!r} after {self._why}")
        self.counts[f"ended by {self._why}"] += 1
        self._last_event_id = source.last_event_id

    def _make(self) -> EventSource:
        self._sources += 1
        return EventSource(
            self._url,
            client=self._agent,
            headers={"X-Source": f"{self._sources} {self._why}"},
            method="POST" if self._behavior.body else "GET",
            body=self._behavior.body or None,
            last_event_id=self._last_event_id,
            backoff=self._behavior.backoff,
            read_timeout=READ_TIMEOUT,
            connect_timeout=CONNECT_TIMEOUT,
            max_event_size=MAX_EVENT_SIZE,
            reactor=self._reactor,
        )

    def _leave(self, why: str) -> None:
        if self._source is not None and self._source.ready_state is not ReadyState.CLOSED:
            # Set first: close() resumes `_follow_once` at once.
            self._why = why
            self._source.close()

    async def _take_events(self, source: EventSource) -> None:
        async for event in source:
            await self._take(event)

    async def _take_signals(self, source: EventSource) -> None:
        async for signal in source.signals():
            if isinstance(signal, ServerSentEvent):
                await self._take(signal)
            else:
                self._hear(signal)

    async def _take_calls(self, source: EventSource) -> None:
        def take(event: ServerSentEvent) -> Deferred[None]:
            return Deferred.fromCoroutine(self._take(event))

        await source.run(take, self._hear)

    async def _take(self, event: ServerSentEvent) -> None:
        if event.event == END_MARKER:
            self._end(event)
            return
        self._check(event)
        if self._behavior.form != "events" and not self._open:
            self._fault("unopened", f"{event.id!r} without a stream")
        if self._behavior.slow and self._rng.random() < 0.05:
            await deferLater(self._reactor, self._rng.choice(_PAUSES))
        if self._behavior.restless and self._rng.random() < 0.01:
            self._leave("own")

    def _check(self, event: ServerSentEvent) -> None:
        self.counts["events"] += 1
        expected = self._log.event(self._number + 1)
        if event == expected:
            self._number += 1
        else:
            self._explain(event, expected)
        if self._source is None or self._source.last_event_id != event.id:
            self._fault("wrong ID", f"after {event.id!r}")

    def _explain(self, event: ServerSentEvent, expected: ServerSentEvent) -> None:
        number = self._log.number(event.id or "")
        if not number:
            self._fault("invented", repr(event)[:200])
        elif number <= self._number:
            self._fault("doubled", f"{number}, when {self._number + 1} was due")
        elif number > self._number + 1:
            self._fault("lost", f"{self._number + 1} to {number - 1}")
            self._number = number
        else:
            self._fault("torn", f"{event!r:.200}, not {expected!r:.200}")
            self._number = number

    def _end(self, end_marker: ServerSentEvent) -> None:
        if end_marker.data != str(self._number):
            self._fault("lost", f"{self._number + 1} to {end_marker.data}")
        self.done = True
        self._leave("own")

    def _hear(self, signal: Signal) -> None:
        kind = type(signal).__name__
        self.counts[kind] += 1
        if not isinstance(signal, Lost) and isinstance(signal, Opened) is self._open:
            self._fault("disorder", f"{kind}, and open is {self._open}")
        if isinstance(signal, Opened):
            self._open = True
            self._expect(ReadyState.OPEN, kind)
        elif isinstance(signal, Lost):
            self._lose(signal)
        elif isinstance(signal, Control) and signal.event.event != "stream-open":
            self._fault("invented", repr(signal))

    def _lose(self, lost: Lost) -> None:
        self._open = False
        self.counts[f"lost by {type(lost.reason).__name__}"] += 1
        self._expect(ReadyState.CONNECTING, "Lost")
        longest = LONGEST * (1 + self._behavior.backoff.jitter)
        if not SHORTEST <= lost.delay <= longest:
            self._fault("delay", f"{lost.delay} s")
        if isinstance(lost.reason, EventTooLarge):
            self.counts["too large"] += 1
        if lost.delay > _LONG:
            self._leave("long")

    def _expect(self, state: ReadyState, when: str) -> None:
        assert self._source is not None
        if self._source.ready_state is not state:
            self._fault("state", f"{self._source.ready_state!r} at {when}")

    def _fault(self, kind: str, what: str) -> None:
        self.faults.append((kind, f"{self._name}, source {self._sources}: {what}."))
