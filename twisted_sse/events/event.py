"""
One event of an event stream, sent or received.

The words are those of "Server-sent events" in
https://html.spec.whatwg.org/multipage/server-sent-events.html; comments that
begin with "HTML:" quote it.

An event is checked when it is made and never changes.  So the encoder need not
check it, and `decode(encode(event)) == [event]` for every event.

Of this package, only `twisted_sse.errors` and `jsontext` are imported here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, overload

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.jsontext import Encoder, check_encoder, json_writer

__all__ = ["MAX_RETRY", "ServerSentEvent"]

#: The longest reconnection time, in milliseconds: about 24.8 days.  The
#: standard sets no bound ("interpret the field value as an integer in base
#: ten"), but browsers count timers in signed 32-bit milliseconds: a longer time
#: overflows, and the browser reconnects at once, again and again.
MAX_RETRY = 2**31 - 1


class _MakeFromJSON(Protocol):
    """
    The type of `ServerSentEvent.json`, read from the class.
    """

    def __call__(
        self,
        value: object,
        *,
        event: str | None = None,
        id: str | None = None,
        retry: int | None = None,
        comment: str | None = None,
        encoder: Encoder | None = None,
    ) -> ServerSentEvent: ...


class _JSON:
    """
    The attribute `json`: writes JSON on the class, and reads JSON on an event.
    """

    @overload
    def __get__(self, instance: None, owner: type[ServerSentEvent]) -> _MakeFromJSON: ...

    @overload
    def __get__(
        self, instance: ServerSentEvent, owner: type[ServerSentEvent]
    ) -> Callable[[], Any]: ...

    def __get__(
        self, instance: ServerSentEvent | None, owner: type[ServerSentEvent]
    ) -> _MakeFromJSON | Callable[[], Any]:
        if instance is not None:
            return instance._read_json
        return owner._write_json


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """
    An event, or a block without data: a comment, a reconnection time, an ID.

    At least one argument must be given.

    Args:
        data: The payload, any text.  CR LF and CR become LF, because the format
            cannot tell line breaks apart and they would arrive as LF.  Browsers
            dispatch "" as an event, and nothing for ``None``, which writes no
            data line.

        event: The event type, without line breaks.  ``None`` is the default type,
            which browsers call "message".

        id: The event ID, without line breaks and NUL.  "" makes the client
            forget its last event ID; ``None`` leaves it unchanged.

        retry: The reconnection time in milliseconds, 0 to `MAX_RETRY`.

        comment: Text that clients ignore.  Line breaks are treated as in *data*.

    Raises:
        InvalidEvent: An argument has the wrong type, or cannot be written
            without changing the meaning of the event.
    """

    data: str | None = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None

    json = _JSON()

    def __post_init__(self) -> None:
        data, event, id, retry, comment = self.data, self.event, self.id, self.retry, self.comment
        if data is None and event is None and id is None and retry is None and comment is None:
            raise InvalidEvent("The event is empty: give it data, or at least a comment.")
        if data is not None:
            _set_data(self, _text("data", data))
        if event is not None:
            _set_event(self, _event(event))
        if id is not None:
            _set_id(self, _id(id))
        if retry is not None:
            _set_retry(self, _retry(retry))
        if comment is not None:
            _set_comment(self, _text("comment", comment))

    @classmethod
    def _write_json(
        cls,
        value: object,
        *,
        event: str | None = None,
        id: str | None = None,
        retry: int | None = None,
        comment: str | None = None,
        encoder: Encoder | None = None,
    ) -> ServerSentEvent:
        """
        Make an event whose data is *value* as compact JSON.

        Args:
            value: Anything that the standard library's `json` can write, and in it
                dataclasses and pydantic models, as objects; `datetime`, `date` and
                `time`, in ISO 8601; `UUID` and `Decimal`, as strings; members of an
                `Enum`, as their values.

            encoder: Called first for values that `json` cannot write, like the
                *default* of `json.dumps`; raises `TypeError` for what it does not know.

        Raises:
            InvalidEvent: JSON cannot express *value*, for example NaN or
                infinity.
        """
        check_encoder(encoder)
        write = _write if encoder is None else json_writer(encoder, _GIVEN)
        return cls(write(value), event, id, retry, comment)

    def _read_json(self) -> Any:
        """
        Read the data as JSON.

        Raises:
            ValueError: The data is not JSON, or the event has no data.
        """
        if self.data is None:
            raise ValueError("The event has no data.")
        return json.loads(self.data)


_GIVEN = "ServerSentEvent.json() got"
_write = json_writer(None, _GIVEN)


def unchecked(
    data: str | None, event: str | None, id: str | None, retry: int | None, comment: str | None
) -> ServerSentEvent:
    """
    Make an event without checking its fields.

    For `twisted_sse.events.codec` only: parsed fields are valid, and checking
    them again would halve the decoder's speed.
    """
    made = _new(ServerSentEvent)
    _set_data(made, data)
    _set_event(made, event)
    _set_id(made, id)
    _set_retry(made, retry)
    _set_comment(made, comment)
    return made


# The setters of the slots, because a frozen class refuses `made.data = data`, and
# `object.__setattr__` looks up the slot by name each time.
_new = object.__new__
_set_data, _set_event, _set_id, _set_retry, _set_comment = (
    vars(ServerSentEvent)[_slot].__set__ for _slot in ("data", "event", "id", "retry", "comment")
)


def _text(name: str, value: str) -> str:
    """
    Check a text of one or more lines, and replace its line ends with LF.
    """
    # HTML: "end-of-line = ( cr lf / cr / lf )".
    return _encodable(name, value).replace("\r\n", "\n").replace("\r", "\n")


def _event(value: str) -> str:
    # HTML: "If the event type buffer is a value other than the empty string,
    # change the type": an empty type would arrive as "message".
    if value == "":
        raise InvalidEvent("The event type is empty: use None for the default type.")
    return _line("event", value)


def _id(value: str) -> str:
    # HTML: "If the field value does not contain U+0000 NULL, then set the
    # last event ID buffer to the field value. Otherwise, ignore the field."
    line = _line("id", value)
    if "\0" in line:
        raise InvalidEvent("The id contains a NUL, and clients ignore such an ID: remove it.")
    return line


def _line(name: str, value: str) -> str:
    line = _encodable(name, value)
    if "\n" in line or "\r" in line:
        raise InvalidEvent(f"The {name} contains a line break: it must be one line.")
    return line


def _encodable(name: str, value: str) -> str:
    if not isinstance(value, str):
        _refuse_type(name, value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidEvent(
                f"The {name} contains a lone surrogate at index {error.start}, which UTF-8 cannot"
                " express: decode its source with errors='replace'."
            ) from error
    # A subclass may format itself differently, as a member of an Enum does.
    return value if type(value) is str else str.__str__(value)


def _retry(value: int) -> int:
    # bool is a subclass of int, but True is not meant as 1 ms.
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidEvent(f"The retry is a {type(value).__name__}: give whole milliseconds, int.")
    if not 0 <= value <= MAX_RETRY:
        raise InvalidEvent(f"The retry is out of range: give 0 to {MAX_RETRY} milliseconds.")
    return int(value)


def _refuse_type(name: str, value: object) -> NoReturn:
    kind = type(value).__name__
    advice = "use ServerSentEvent.json(...) for values" if name == "data" else "give a str"
    raise InvalidEvent(f"The {name} is a {kind}: {advice}.")
