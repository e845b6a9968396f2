"""
Items: what the objects mean that sources yield and handlers send.
"""

from __future__ import annotations

from twisted.logger import Logger

from twisted_sse.events import codec
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.jsontext import UNWRITABLE, Encoder, json_encoder, not_json
from twisted_sse.web.generators.notices import name_of
from twisted_sse.web.generators.source import Item

__all__ = ["ItemConverter"]

# The keys of a dict that other libraries take for an event, and those that an event has.
_FIELDS = {"data", "event", "id", "retry", "comment"}
_NEEDED = {"data", "event"}


class ItemConverter:
    """
    Converts items to events, as `twisted_sse.Hub.publish` converts data.

    It warns once of items whose keys are fields of an event: other libraries would send
    the fields of such a ``dict``.

    Args:
        encoder: As for `json_encoder`.

        given: The beginning of the message for an item that cannot be sent, in which
            ``{source}`` is the name of its source.
    """

    _log = Logger()

    def __init__(
        self, encoder: Encoder | None = None, given: str = "The source {source} yielded"
    ) -> None:
        self._encode = json_encoder(encoder)
        self._given = given
        self._warned = False

    def frame_of(self, item: Item, source: object) -> bytes | None:
        """
        Frame *item* of *source*; ``None`` for ``None``.

        Raises:
            InvalidEvent: *item* cannot be sent.
        """
        if item is None:
            return None
        if isinstance(item, str):
            return codec.encode_data(item)
        return codec.encode(self.event_of(item, source))

    def event_of(self, item: Item, source: object) -> ServerSentEvent:
        """
        Convert *item* of *source*.

        The keys of a ``dict`` have no meaning here: a payload that contains ``data``
        or ``event`` arrives unchanged.

        Raises:
            InvalidEvent: *item* cannot be sent.
        """
        if isinstance(item, str):
            return ServerSentEvent(item)
        if isinstance(item, ServerSentEvent):
            return item
        if isinstance(item, dict) and not self._warned:
            self._warn(item, source)
        try:
            text = self._encode(item)
        except UNWRITABLE as error:
            raise not_json(self._given.format(source=name_of(source)), item, error) from error
        return ServerSentEvent(text)

    def _warn(self, item: dict[object, object], source: object) -> None:
        if item.keys() <= _FIELDS and not _NEEDED.isdisjoint(item):
            self._warned = True
            self._log.warn(
                "The source {source} yields a dict, which is sent as JSON data.  To send its"
                " fields, yield ServerSentEvent({fields}) instead.",
                source=name_of(source),
                fields=", ".join(f"{name}=..." for name in item),
            )
