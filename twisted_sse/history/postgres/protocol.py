"""
The PostgreSQL protocol on one connection: libpq, driven by the reactor.

There is no thread, and no other event loop.  libpq is always in pipeline mode: answers come
in the order of the questions, and each `run` is one implicit transaction, all of its
statements or none, which is committed when it is answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime

from twisted_sse.history.postgres.binary import Statement
from twisted_sse.history.postgres.errors import SQLRefused
from twisted_sse.history.postgres.watch import SocketWatch
from twisted_sse.history.storeconnection import ConnectionGone

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

__all__ = ["PostgresProtocol"]

_BINARY = 1


class PostgresProtocol:
    """
    One connection to PostgreSQL.

    Args:
        raw: libpq's connection, which has been made.

        reactor: An ``IReactorFDSet``.

    Attributes:
        heard: When PostgreSQL last sent something, or was asked while it owed no answer; in
            seconds of *clock*.

        notified: Called with the channel of each notification.
    """

    def __init__(self, raw: PGconn, reactor: Any, clock: IReactorTime) -> None:
        from psycopg import pq

        self.heard = clock.seconds()
        self.notified: Callable[[str], None] = _ignore
        self._pq = pq
        self._clock = clock
        self._raw: PGconn | None = raw
        self._waiting: deque[Deferred[list[PGresult]]] = deque()
        self._results: list[PGresult] = []
        self._watching: list[Deferred[Exception]] = []
        self._last_words = ""
        self._reason: Exception | None = None
        raw.nonblocking = 1
        raw.notice_handler = self._noticed
        raw.enter_pipeline_mode()
        self._watch = SocketWatch(raw.socket, self._ready, reactor)
        self._watch.want(True, False)
        self._reactor = reactor

    @property
    def waiting(self) -> int:
        """
        The number of answers that PostgreSQL owes.
        """
        return len(self._waiting)

    @property
    def backend(self) -> int:
        """
        The number of the server's process, as it was told when the connection was made.
        """
        return 0 if self._raw is None else self._raw.backend_pid

    def run(self, *statements: Statement) -> Deferred[list[PGresult]]:
        """
        Run *statements* in one transaction.

        Returns:
            The result of each.

        Raises:
            SQLRefused: PostgreSQL has answered with an error, and changed nothing.

            ConnectionGone: The connection ended before PostgreSQL answered.
        """
        raw = self._raw
        if raw is None:
            return fail(ConnectionGone(self._why()))
        if not self._waiting:
            self.heard = self._clock.seconds()
        answer: Deferred[list[PGresult]] = Deferred()
        try:
            for text, values, formats in statements:
                raw.send_query_params(text, values, None, formats, _BINARY)
            raw.pipeline_sync()
        except self._pq_error as error:
            self._ended(error)
            return fail(ConnectionGone(self._why()))
        self._waiting.append(answer)
        self._flush()
        return answer

    def run_script(self, script: str) -> Deferred[list[PGresult]]:
        """
        Run statements without parameters, in one transaction.  Nothing else may be under way.
        """
        assert self._raw is not None
        assert not self._waiting
        self._raw.exit_pipeline_mode()
        self._raw.send_query(script.encode())
        self.heard = self._clock.seconds()
        answer: Deferred[list[PGresult]] = Deferred()
        self._waiting.append(answer)
        self._flush()
        return answer

    def drop(self, reason: Exception) -> None:
        """
        Close the connection because of *reason*.
        """
        raw, self._raw = self._raw, None
        if raw is None:
            return
        self._reason = reason
        self._watch.end()
        raw.notice_handler = None
        raw.finish()
        watching, self._watching = self._watching, []
        for gone in watching:
            gone.callback(reason)
        waiting, self._waiting = self._waiting, deque()
        for answer in waiting:
            answer.errback(ConnectionGone(reason))

    def when_gone(self) -> Deferred[Exception]:
        """
        Wait until the connection has ended.

        Returns:
            The reason.  This fires before the pending statements fail.
        """
        if self._raw is None:
            return succeed(self._why())
        gone: Deferred[Exception] = Deferred(self._watching.remove)
        self._watching.append(gone)
        return gone

    def _why(self) -> Exception:
        return self._reason or ConnectionError("the connection has ended")

    @property
    def _pq_error(self) -> type[Exception]:
        from psycopg import Error

        return Error

    def _flush(self) -> None:
        assert self._raw is not None
        try:
            more = self._raw.flush()
        except self._pq_error:
            # Not the end yet: what the server has said before may still be read.
            self._reactor.callLater(0, self._ready)
            return
        self._watch.want(True, bool(more))

    def _ready(self) -> None:
        raw = self._raw
        if raw is None:
            return
        try:
            raw.consume_input()
            self.heard = self._clock.seconds()
            self._take(raw)
            if self._raw is not None:
                self._flush()
        except self._pq_error as error:
            self._ended(error)

    def _ended(self, error: Exception) -> None:
        # Why, the server has said before: in a result, or in a notice if nothing was asked.
        said = [refused for one in self._results if (refused := self._refused(one)) is not None]
        if said:
            self.drop(said[0])
        else:
            self.drop(ConnectionError(self._last_words or str(error)))

    def _noticed(self, result: PGresult) -> None:
        field = self._pq.DiagnosticField
        if (result.error_field(field.SEVERITY_NONLOCALIZED) or b"") == b"FATAL":
            self._last_words = _first_line(result.error_field(field.MESSAGE_PRIMARY) or b"")

    def _take(self, raw: PGconn) -> None:
        status = self._pq.ExecStatus
        while self._raw is not None and self._waiting and not raw.is_busy():
            result = raw.get_result()
            if result is None:
                if raw.pipeline_status == self._pq.PipelineStatus.OFF:
                    raw.enter_pipeline_mode()
                    self._answer()
                # Otherwise it stands between two statements.
            elif result.status == status.PIPELINE_SYNC:
                self._answer()
            elif result.status in (status.COPY_IN, status.COPY_OUT, status.COPY_BOTH):
                # In pipeline mode its results never end.
                self.drop(ConnectionError("it wants to copy"))
            else:
                self._results.append(result)
                if raw.status == self._pq.ConnStatus.BAD:
                    self._ended(ConnectionError(_first_line(result.error_message)))
        if self._raw is not None:
            if not self._waiting:
                # This parses what came unasked.
                raw.is_busy()
            while self._raw is not None and (notification := raw.notifies()) is not None:
                self.notified(notification.relname.decode("utf-8", "replace"))

    def _answer(self) -> None:
        results, self._results = self._results, []
        answer = self._waiting.popleft()
        for one in results:
            refused = self._refused(one)
            if refused is not None:
                answer.errback(refused)
                return
        answer.callback(results)

    def _refused(self, result: PGresult) -> SQLRefused | None:
        status, field = self._pq.ExecStatus, self._pq.DiagnosticField
        if result.status not in (status.FATAL_ERROR, status.BAD_RESPONSE):
            return None
        sqlstate = (result.error_field(field.SQLSTATE) or b"").decode("ascii", "replace")
        message = result.error_field(field.MESSAGE_PRIMARY) or result.error_message
        return SQLRefused(sqlstate, _first_line(message))


def _first_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").splitlines()
    return lines[0].strip() if lines else ""


def _ignore(_: str) -> None:
    pass
