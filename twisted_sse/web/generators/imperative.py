"""
Streams for handlers that send: the opposite of sources, which are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.errors import TwistedSSEError
from twisted_sse.events.jsontext import Encoder
from twisted_sse.transport.sinks.request import RequestSink
from twisted_sse.web.cors import CORS
from twisted_sse.web.dialects.dialect import Dialect
from twisted_sse.web.generators.framing import ItemFraming
from twisted_sse.web.generators.response import ErrorEvent, EventSourceResponse, ResponseOwner
from twisted_sse.web.generators.responsestream import ResponseStream
from twisted_sse.web.generators.source import Item
from twisted_sse.web.generators.writer import StreamWriter

__all__ = ["EventStream", "StreamClosed", "event_stream_for"]

# More calls that wait at once are not meant to be waited for.
_MAX_WAITING = 1000


class StreamClosed(TwistedSSEError, CancelledError):
    """
    The stream has ended, or the request needs none: a ``HEAD`` is answered already.

    It is a `CancelledError`, so that Klein does not log it.
    """


class EventStream(ResponseStream):
    """
    A stream that a handler sends to; made by `event_stream_for`.

    As an async context manager, it closes the stream at the end of the block.  If the
    block raises, the response does not look complete, as for `EventSourceResponse`.
    """

    _log = Logger()

    __slots__ = ("_framing", "_removed", "_request", "_waiting")

    # The handler itself closes it when it has sent everything.
    _closed_as = "done"

    def __init__(self, request: Request, framing: ItemFraming) -> None:
        super().__init__()
        self._request = request
        self._framing = framing
        self._removed: Callable[[ResponseStream], None] = _ignore
        self._waiting: list[Deferred[None]] = []

    async def __aenter__(self) -> EventStream:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.fail(Failure(error))

    def send(self, item: Item) -> Deferred[None]:
        """
        Send an event, a string as data, or anything else as JSON; ``None`` sends
        nothing.

        Returns:
            Fires when the next item may be sent: at once, or when the reader has
            caught up.  It fires too when the stream ends meanwhile.  It fails with
            `StreamClosed` if the stream had ended before.

        Raises:
            InvalidEvent: *item* cannot be sent.

            RuntimeError: Too many calls are not waited for.
        """
        writer = self._writer
        if writer is None or writer.closed:
            return fail(StreamClosed(f"The stream has ended: {self.reason}"))
        if len(self._waiting) >= _MAX_WAITING:
            raise RuntimeError(
                f"{_MAX_WAITING} calls of send() wait for a slow reader: await each of them"
            )
        if writer.write(self._framing.frame_of(item, self)):
            return succeed(None)
        return self.ready(writer)

    def ready(self, writer: StreamWriter) -> Deferred[None]:
        """
        Wait until more may be written to *writer*, or the stream ends.
        """
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            writer.drained().addCallback(lambda _: self._wake())
        return waiting

    def open(self, writer: StreamWriter, removed: Callable[[ResponseStream], None]) -> None:
        """
        Begin, and take the request over.

        Args:
            removed: Called with the stream when it has ended.
        """
        self._removed = removed
        self.begin(writer, self._ended, self._framing.last_events)
        # The headers that were sent are shared by all requests.
        self._request.responseHeaders = Headers()
        # Klein finishes the request when the handler returns, and reports its errors by
        # a page.
        vars(self._request).update(finish=self.close, processingFailed=self._handler_failed)

    def fail(self, failure: Failure) -> None:
        """
        See `ResponseStream.fail`.
        """
        if not self.closed:
            super().fail(failure)
            self._ended()

    def _handler_failed(self, failure: Failure) -> Failure:
        self._log.failure("The handler of a stream failed", failure)
        self.fail(failure)
        return failure

    def _complete(self, writer: StreamWriter, frames: Iterable[bytes]) -> None:
        self._give_back()
        super()._complete(writer, frames)

    def _truncate(self, writer: StreamWriter, frames: Iterable[bytes]) -> None:
        super()._truncate(writer, frames)
        # Whatever follows would make the response look complete.
        ignored = dict.fromkeys(("write", "finish", "processingFailed"), _ignore)
        vars(self._request).update(ignored)

    def _ended(self) -> None:
        self._give_back()
        self._removed(self)
        self._wake()

    def _give_back(self) -> None:
        ours = vars(self._request)
        for name in ("finish", "processingFailed"):
            if ours.get(name) is not _ignore:
                ours.pop(name, None)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


def _ignore(*_: object) -> None:
    pass


class _Opening(EventSourceResponse):
    """
    A response that opens one stream instead of asking a source.

    Attributes:
        opened: Fires with the stream; ``None`` if the request is answered without
            one.
    """

    opened: Deferred[EventStream] | None = None

    _given = "send() got"

    def _stream(self, request: Request, grant: Grant) -> None:
        self._streams.check_open()
        reading, framing = self._read(request)
        stream = EventStream(request, framing)
        # Not the fastest sink: the request stays the one that its framework knows, and
        # tells the framework that the reader has left.
        writer = self._streams.writer(RequestSink(request), self._keepalive, self._send_timeout)
        self._begin(request, stream, reading)
        self.opened = stream.ready(writer).addCallback(self._check_open, stream)
        self.opened.addErrback(self._close, stream)
        stream.open(writer, self._streams.remove)

    def _check_open(self, _: None, stream: EventStream) -> EventStream:
        if stream.closed:
            raise StreamClosed("The reader left before the stream was open")
        return stream

    def _close(self, failure: Failure, stream: EventStream) -> Failure:
        # The handler does not wait any more.
        stream.fail(failure)
        return failure


def event_stream_for(
    request: Request,
    *,
    keepalive: float | None = 15.0,
    retry: int | None = None,
    retry_spread: int | None = None,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    status: int = 200,
    methods: Iterable[str] = ("GET", "POST"),
    cors: CORS | None = None,
    error: bool | ErrorEvent | None = None,
    dialect: Dialect | None = None,
    send_timeout: float | None = 60.0,
    encoder: Encoder | None = None,
    hub: ResponseOwner | None = None,
    clock: IReactorTime | None = None,
) -> Deferred[EventStream]:
    """
    Answer *request* with a stream, and send to it.

    Use it in a handler of twisted.web or Klein that decides itself when it sends; see
    `EventSourceResponse` for the opposite, and for the arguments.  With *hub*, the
    stream is told when the hub stops and ends with it.

    Returns:
        The stream, once it can be written to.  It fails with `StreamClosed` if the
        request was answered without a stream, for example because it is a ``HEAD``.

    Raises:
        TypeError, ValueError: An argument is wrong.
    """
    response = _Opening(
        (),
        keepalive=keepalive,
        retry=retry,
        retry_spread=retry_spread,
        headers=headers,
        status=status,
        methods=methods,
        cors=cors,
        error=error,
        dialect=dialect,
        send_timeout=send_timeout,
        encoder=encoder,
        hub=hub,
        clock=clock,
    )
    response.render(request)
    if response.opened is None:
        return fail(StreamClosed("The request was answered without a stream"))
    return response.opened
