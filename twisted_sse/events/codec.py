"""
The event-stream format: encodes events as bytes, and decodes bytes to events.

Follows "Parsing an event stream" and "Interpreting an event stream" of
https://html.spec.whatwg.org/multipage/server-sent-events.html.  Comments that
begin with "HTML:" quote it.

Nothing here does I/O, keeps time, or imports Twisted.  No other module writes
`data:`.
"""

from __future__ import annotations

import re

from twisted_sse.errors import EventTooLarge
from twisted_sse.events.event import MAX_RETRY, ServerSentEvent, unchecked

__all__ = ["MAX_EVENT_SIZE", "Decoder", "encode", "encode_data"]

#: The default size limit of a decoder's events, in bytes: larger than any sensible
#: event, and small enough that many streams fit into memory.
MAX_EVENT_SIZE = 1024 * 1024

# HTML: "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM),
# if any."
_BOM = b"\xef\xbb\xbf"

_DIGITS = re.compile("[0-9]+")

# Matches the block that most servers write: one line of data, and an ID before or after the
# event type.  All other blocks are parsed line by line, with the same result; matching is
# faster (benchmarks/decoding.py).  ` ?+` is possessive, or "event: " would be a type of one
# space.  `(?:x|)` means `(?:x)?` and is a fifth faster, because CPython makes a loop of that.
_PLAIN_BLOCK = re.compile(
    "(?:id: ?+([^\n\0]*)\n|)(?:event: ?+([^\n]+)\n|)(?:id: ?+([^\n\0]*)\n|)data: ?+([^\n]*)"
).fullmatch


def encode(event: ServerSentEvent, *, id: str | None = None) -> bytes:
    """
    Encode *event* as one frame, including its final blank line.

    The order of the lines is comment, event, retry, id, data.  Encode once, and
    send the same bytes to every connection.

    Args:
        id: Replaces the event's ID, for example with the ID given by history.
            Without CR, LF and NUL.
    """
    data = event.data
    if id is None:
        id = event.id
    # An event is checked when made: no CR anywhere, and LF in data and comment only.
    frame = "" if data is None else "data: " + data.replace("\n", "\ndata: ") + "\n"
    if id is not None:
        frame = f"id: {id}\n{frame}"
    if event.retry is not None:
        frame = f"retry: {event.retry}\n{frame}"
    if event.event is not None:
        frame = f"event: {event.event}\n{frame}"
    if event.comment is not None:
        frame = _comment(event.comment) + frame
    return (frame + "\n").encode()


def encode_data(data: str) -> bytes:
    """
    Return ``encode(ServerSentEvent(data))``, without making the event.

    This takes a fifth of the time, and encoding is most of the cost of an item of
    a generator (``python -m benchmarks generator``).

    Raises:
        InvalidEvent: UTF-8 cannot express *data*.
    """
    if type(data) is not str or "\r" in data:
        return encode(ServerSentEvent(data))
    try:
        return ("data: " + data.replace("\n", "\ndata: ") + "\n\n").encode()
    except UnicodeEncodeError:
        # Making the event raises InvalidEvent, with a reason.
        return encode(ServerSentEvent(data))


def _without_last_comments(lines: bytes) -> bytes:
    end = len(lines)
    while end:
        start = lines.rfind(b"\n", 0, end - 1) + 1
        if lines[start : start + 1] != b":":
            break
        end = start
    return lines[:end]


def _comment(text: str) -> str:
    # The keepalive is an empty comment; it is sent often, so it has no space.
    return ": " + text.replace("\n", "\n: ") + "\n" if text else ":\n"


class Decoder:
    """
    Decodes the bytes of one event stream incrementally.

    Make one decoder for each response.  The work is linear in the number of
    bytes, however they are split.  Between two calls the decoder keeps at most
    *max_event_size* bytes and the overhead of the fragments.

    Args:
        max_event_size: The largest size of one block in bytes.  Each line end
            counts as one byte, and the final blank line is not counted.
            ``None`` sets no limit; use it only with a server that you trust.

        last_event_id: The last event ID of the previous stream, if any.

        hold_comments: Whether a comment waits for the end of its block.  If not,
            comments that end the bytes fed so far are returned at once, as an event
            of their own, and do not count for *max_event_size*.
    """

    def __init__(
        self,
        max_event_size: int | None = MAX_EVENT_SIZE,
        last_event_id: str = "",
        *,
        hold_comments: bool = True,
    ) -> None:
        self._max_event_size = max_event_size
        self._last_event_id = last_event_id
        self._hold_comments = hold_comments
        self._reconnection_time: int | None = None
        # The unfinished block: fragments, joined once.  Line ends are LF here.
        self._fragments: list[bytes] = []
        self._size = 0
        # The first bytes of the stream while they may be a BOM, then None.
        self._head: bytes | None = b""
        # Whether the last byte was a CR, which an LF may follow.
        self._after_cr = False
        self._too_large = False

    @property
    def last_event_id(self) -> str:
        """
        The value to send as `Last-Event-ID` when reconnecting; "" if none.
        """
        return self._last_event_id

    @property
    def reconnection_time(self) -> int | None:
        """
        The reconnection time in milliseconds, or ``None`` if the server set none.

        HTML: "set the event stream's reconnection time to that integer" happens
        when the line ends, so a retry line counts even if its block is never
        complete.
        """
        unfinished = b"".join(self._fragments)
        if b"retry" in unfinished:
            lines = unfinished[: unfinished.rfind(b"\n") + 1].decode("utf-8", "replace")
            for line in lines.split("\n"):
                if line.startswith("retry:"):
                    self._set_retry(line[6:].removeprefix(" "))
        return self._reconnection_time

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """
        Decode the next bytes of the stream.

        Args:
            data: Any bytes.  The result does not depend on how the stream is
                split.  Invalid UTF-8 becomes U+FFFD, as the standard says.

        Returns:
            One event, in order, for every block that these bytes complete and
            that is not empty.  A browser dispatches only those with data; the
            others are comments, reconnection times and IDs.  `id` is the ID in
            this block, or ``None``.  The comments of a block are joined with LF.

        Raises:
            EventTooLarge: A block, complete or not, is larger than
                *max_event_size*.  If other events precede it, they are returned
                first and the next call raises.  Every later call raises, too;
                `last_event_id` is that of the last event returned.
        """
        if self._too_large:
            self._refuse()
        data = self._lines(data)
        if not self._fragments:
            data = data.lstrip(b"\n")
        blocks = self._complete(data)
        events = self._interpret(blocks) if blocks else []
        if self._fragments and not self._hold_comments:
            events += self._ended_comments()
        limit = self._max_event_size
        if limit is not None and self._size > limit:
            self._too_large = True
        if self._too_large and not events:
            self._refuse()
        return events

    def _refuse(self) -> None:
        self._fragments.clear()
        raise EventTooLarge(
            f"An event is larger than {self._max_event_size} bytes: if you trust the server"
            " with more memory, raise max_event_size."
        )

    def _lines(self, data: bytes) -> bytes:
        """
        Strip the BOM and replace every line end with LF.
        """
        if self._head is not None:
            data = self._strip_bom(self._head + data)
        if self._after_cr and data:
            # The CR has already ended the line.
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _strip_bom(self, head: bytes) -> bytes:
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _complete(self, data: bytes) -> bytes:
        """
        Return the complete blocks, and keep the rest.
        """
        end = data.rfind(b"\n\n") + 2
        if end < 2:
            # The blank line may be split between two calls.
            junction = data[:1] == b"\n" and self._fragments[-1][-1:] == b"\n"
            end = 1 if junction else 0
        if end:
            self._fragments.append(data[:end])
            complete = b"".join(self._fragments)
            self._fragments.clear()
            self._size = 0
            data = data[end:]
        else:
            complete = b""
        if data:
            self._fragments.append(data)
            self._size += len(data)
        return complete

    def _ended_comments(self) -> list[ServerSentEvent]:
        """
        Take the comments at the end of the unfinished block, unless a field follows.
        """
        # Between two calls, every fragment ends with a line or belongs to the last line.
        newest = self._fragments.pop()
        end = newest.rfind(b"\n") + 1
        pieces, rest = [newest[:end]], newest[end:]
        while end and self._fragments and self._fragments[-1][-1:] != b"\n":
            # The first of these lines began in an earlier call.
            pieces.append(self._fragments.pop())
        lines = b"".join(reversed(pieces))
        kept = _without_last_comments(lines) if rest[:1] in (b"", b":") else lines
        self._fragments += filter(None, (kept, rest))
        if len(kept) == len(lines):
            return []
        self._size -= len(lines) - len(kept)
        comment = self._block(lines[len(kept) : -1].decode("utf-8", "replace"))
        return [] if comment is None else [comment]

    def _interpret(self, blocks: bytes) -> list[ServerSentEvent]:
        if self._max_event_size is not None and len(blocks) > self._max_event_size:
            blocks = self._cut_at_too_large(blocks, self._max_event_size)
        events: list[ServerSentEvent] = []
        append = events.append
        for block in blocks.decode("utf-8", "replace").split("\n\n"):
            plain = _PLAIN_BLOCK(block)
            if plain is not None:
                first_id, event, id, data = plain.groups()
                if id is None:
                    id = first_id
                if id is not None:
                    self._last_event_id = id
                append(unchecked(data, event, id, None, None))
            elif block:
                other = self._block(block)
                if other is not None:
                    append(other)
        return events

    def _cut_at_too_large(self, blocks: bytes, limit: int) -> bytes:
        start = 0
        for block in blocks.split(b"\n\n"):
            # >=, because the block lost its last line end in the split.
            if len(block.lstrip(b"\n")) >= limit and self._weight(block) >= limit:
                self._too_large = True
                return blocks[:start]
            start += len(block) + 2
        return blocks

    def _weight(self, block: bytes) -> int:
        if self._hold_comments:
            return len(block.lstrip(b"\n"))
        fields = [line for line in block.split(b"\n") if line and line[:1] != b":"]
        return len(b"\n".join(fields))

    def _block(self, block: str) -> ServerSentEvent | None:
        """
        HTML: "Lines must be processed, in the order they are received".
        """
        data: list[str] = []
        comments: list[str] = []
        event = id = retry = None
        for line in block.split("\n"):
            # HTML: "Collect the characters on the line after the first U+003A
            # COLON character (:), and let value be that string. If value starts
            # with a U+0020 SPACE character, remove it from value."
            field, colon, value = line.partition(":")
            if value[:1] == " ":
                value = value[1:]
            if field == "data":
                data.append(value)
            elif field == "event":
                event = value
            elif field == "id":
                if "\0" not in value:
                    id = value
            elif field == "retry":
                retry = self._set_retry(value) if _DIGITS.fullmatch(value) else retry
            elif colon and not field:
                comments.append(value)
        return self._dispatch(data, event or None, id, retry, comments)

    def _dispatch(
        self,
        data: list[str],
        event: str | None,
        id: str | None,
        retry: int | None,
        comments: list[str],
    ) -> ServerSentEvent | None:
        if id is not None:
            self._last_event_id = id
        elif not data and not comments and event is None and retry is None:
            return None
        return unchecked(
            "\n".join(data) if data else None,
            event,
            id,
            retry,
            "\n".join(comments) if comments else None,
        )

    def _set_retry(self, value: str) -> int | None:
        """
        HTML: "If the field value consists of only ASCII digits, then interpret
        the field value as an integer in base ten".
        """
        if _DIGITS.fullmatch(value) is None:
            return None
        # Bounded before int(), which takes quadratic time for a long number.
        digits = value.lstrip("0")
        self._reconnection_time = min(int(digits[:11] or 0), MAX_RETRY)
        return self._reconnection_time
