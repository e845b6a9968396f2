"""
Follows the history that the parent keeps, over the pipe to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.history.upstream.follower import UpstreamFollower
from twisted_sse.server.workers.calls import AnswerCall, Calls

__all__ = ["ParentFollower", "ParentStream"]

#: Takes blocks of the stream.
TakeBlocks = Callable[[Sequence[ServerSentEvent]], None]


class ParentStream:
    """
    Reads the stream of `twisted_sse.server.workers.recordstream`.

    Args:
        calls: Reaches the parent.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._number = 0
        self._decoder = Decoder(None)
        self._take: TakeBlocks | None = None
        self._flush: Callable[[], None] = _nothing
        self._ended: Deferred[None] = Deferred()

    @property
    def handlers(self) -> dict[str, AnswerCall]:
        """
        The handlers for the calls of the parent.
        """
        return {"frames": self._receive, "unfollowed": self._finish}

    def read(
        self, last_event_id: str, take: TakeBlocks, flush: Callable[[], None]
    ) -> Deferred[None]:
        """
        Read what follows an event.  Cancel the result to stop.

        Args:
            take: Called with what has arrived.

            flush: Called after everything that has arrived together was taken.

        Returns:
            Fires when the stream has ended; fails with what *take* raises, and with the
            error of the parent that cannot begin it.
        """
        self._number += 1
        self._decoder = Decoder(None, last_event_id)
        self._take, self._flush = take, flush
        self._ended = Deferred(lambda _: self._stop())
        number = self._number
        following = self._calls.call("follow", number, last_event_id)
        following.addErrback(lambda failure: self._finish(number, failure))
        return self._ended

    def flush(self) -> None:
        """
        Have delivered what was taken.
        """
        self._flush()

    def _receive(self, number: int, frames: str) -> None:
        if number != self._number or self._take is None:
            return
        try:
            self._take(self._decoder.feed(frames.encode("utf-8")))
        except Exception:
            self._stop()
            self._ended.errback(Failure())

    def _finish(self, number: int, failure: Failure | None = None) -> None:
        if number == self._number and self._take is not None:
            self._forget()
            self._ended.callback(failure)

    def _stop(self) -> None:
        self._forget()
        self._calls.tell("unfollow")

    def _forget(self) -> None:
        self._take, self._flush = None, _nothing


class ParentFollower(UpstreamFollower):
    """
    Args:
        stream: Reads from the parent.

        others: See `UpstreamFollower`.
    """

    def __init__(self, stream: ParentStream, *others: Any) -> None:
        self._stream = stream
        super().__init__(*others)

    async def _read(self, last_event_id: str) -> None:
        await self._stream.read(last_event_id, self._take_blocks, self._flush)

    def _open(self, note: dict[str, Any]) -> None:
        super()._open(note)
        self._log.info("The history of the parent process is followed")

    def _take_blocks(self, blocks: Sequence[ServerSentEvent]) -> None:
        for block in blocks:
            self._take_block(block)

    def _flush_soon(self) -> None:
        # The stream says when.
        return


def _nothing() -> None:
    return
