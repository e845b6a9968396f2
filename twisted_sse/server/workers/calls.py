"""
Calls between the parent and a worker: lines of JSON over a pair of pipes.

A call has a name and arguments, and is answered with a result or an error; a call
without a number is not answered.  Both ends are of the same version and the same user,
so what arrives is trusted; it is bounded all the same.

Nothing here does I/O: bytes in, bytes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.receipts import KeyReused
from twisted_sse.errors import (
    EndsNotKept,
    HistoryUnavailable,
    HubClosed,
    PerhapsKept,
    TopicEnded,
)

__all__ = ["AnswerCall", "Calls"]

#: Answers a call with something that JSON can hold, or with a `Deferred` or a coroutine
#: of that.
AnswerCall = Callable[..., Any]

# The errors that arrive as what they were.
_ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (EndsNotKept, HistoryUnavailable, HubClosed, KeyReused, PerhapsKept, TopicEnded)
}

# The most calls that wait for an answer.  A peer that is stuck is soon replaced, and
# until then calls fail instead of collecting.
_MOST_PENDING = 10_000


class Calls:
    """
    One end.

    Args:
        write: Takes the bytes for the other end.

        handlers: By the names of the calls that the other end may make.
    """

    _log = Logger()

    def __init__(
        self, write: Callable[[bytes], object], handlers: Mapping[str, AnswerCall]
    ) -> None:
        self._write = write
        self._handlers = handlers
        self._received: list[bytes] = []
        self._pending: dict[int, Deferred[Any]] = {}
        self._next = 0
        self._lost = False

    def feed(self, data: bytes) -> None:
        """
        Take bytes from the other end.
        """
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = b"".join((*self._received, lines[0]))
            self._received.clear()
        if rest:
            self._received.append(rest)
        for line in lines:
            self._take(json.loads(line))

    def call(self, name: str, *args: object) -> Deferred[Any]:
        """
        Make a call.

        Raises:
            PerhapsKept: As the failure of the `Deferred`; the other end is gone, or too
                busy, so the outcome is not known.

            EndsNotKept, HistoryUnavailable, HubClosed, KeyReused, TopicEnded: As failures
                too; those of the other end.
        """
        if self._lost or len(self._pending) >= _MOST_PENDING:
            return fail(PerhapsKept("Another process of the hub does not answer."))
        self._next += 1
        done: Deferred[Any] = Deferred()
        self._pending[self._next] = done
        self._send([name, args, self._next])
        return done

    def tell(self, name: str, *args: object) -> None:
        """
        Make a call that needs no answer.
        """
        if not self._lost:
            self._send([name, args])

    def tell_written(self, name: str, arguments: bytes) -> None:
        """
        Do what `tell` does, with arguments that were written as JSON before.
        """
        if not self._lost:
            self._write(b'["%b",[%b]]\n' % (name.encode("ascii"), arguments))

    def lose(self) -> None:
        """
        Fail all calls that wait: the other end is gone.
        """
        self._lost = True
        pending, self._pending = self._pending, {}
        for done in pending.values():
            done.errback(PerhapsKept("Another process of the hub has ended."))

    def _send(self, message: list[Any]) -> None:
        self._write(json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n")

    def _take(self, message: list[Any]) -> None:
        name, content, *number = message
        if name == "":
            self._end(number[0], content, None)
        elif name in _ERRORS and number:
            self._end(number[0], None, _ERRORS[name](content))
        else:
            answering = maybeDeferred(self._handlers[name], *content)
            if number:
                answering.addCallback(lambda result: self._answer(["", result, number[0]]))
                answering.addErrback(self._refuse, number[0])
            answering.addErrback(self._failed, name)

    def _end(self, number: int, result: object, error: Exception | None) -> None:
        done = self._pending.pop(number, None)
        if done is None:
            return
        if error is None:
            done.callback(result)
        else:
            done.errback(error)

    def _answer(self, message: list[Any]) -> None:
        if not self._lost:
            self._send(message)

    def _refuse(self, failure: Failure, number: int) -> None:
        for name, kind in _ERRORS.items():
            error = failure.value
            if type(error) is kind:
                content = error.topics if isinstance(error, TopicEnded) else str(error)
                self._answer([name, content, number])
                return
        self._answer([PerhapsKept.__name__, "The hub has failed; its log says how.", number])
        failure.raiseException()

    def _failed(self, failure: Failure, name: str) -> None:
        self._log.failure("The call {name} from another process has failed", failure, name=name)
