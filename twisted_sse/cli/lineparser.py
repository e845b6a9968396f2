"""
Turns lines of text into publications.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from twisted_sse.cli.batches import NumberedLine
from twisted_sse.errors import InvalidEvent, InvalidTopic
from twisted_sse.events.publication import Publication
from twisted_sse.web.bodies import from_json
from twisted_sse.web.problem import Problem

__all__ = ["BadLine", "LineParser", "reading"]


class BadLine(Exception):
    """
    A line cannot be published; the message is a sentence with its number.
    """


@contextmanager
def reading(line: NumberedLine) -> Iterator[None]:
    """
    Make a `BadLine` of what is raised while *line* is read.
    """
    try:
        yield
        return
    except UnicodeDecodeError:
        reason = "it is not UTF-8."
    except (InvalidEvent, InvalidTopic, Problem) as error:
        reason = str(error)
    except ValueError as error:
        reason = f"it is not JSON: {error}."
    except RecursionError:
        reason = "this JSON is nested too deeply."
    raise BadLine(f"Line {line.number}: {reason}")


class LineParser:
    """
    Makes publications, each with an ID.

    Args:
        topics: The topics of every publication; with *ndjson*, of the lines without
            topics.

        prefix: Begins every ID that is made here; unique to this run.

        ndjson: Each line is a JSON object, as for ``POST /events``.
    """

    def __init__(
        self,
        topics: Sequence[str],
        prefix: str,
        *,
        ndjson: bool = False,
        event: str | None = None,
        retry: int | None = None,
        private: bool = False,
    ) -> None:
        self.prefix = prefix
        self._topics = list(topics)
        self._ndjson = ndjson
        self._event = event
        self._retry = retry
        self._private = private

    def one(self, data: str, event_id: str | None) -> Publication:
        """
        Make a single publication.

        Raises:
            InvalidEvent, InvalidTopic: It cannot be published.
        """
        return Publication.of(
            self._topics,
            data,
            event=self._event,
            id=event_id or f"{self.prefix}1",
            retry=self._retry,
            private=self._private,
        )

    def line(self, line: NumberedLine) -> Publication | None:
        """
        Make a publication of a line; ``None`` for an empty line of NDJSON.

        Raises:
            BadLine: It cannot be published.
        """
        with reading(line):
            if not self._ndjson:
                return self.one(line.text.decode("utf-8"), f"{self.prefix}{line.number}")
            return self._from_object(line) if line.text.strip() else None

    def _from_object(self, line: NumberedLine) -> Publication:
        value = json.loads(line.text)
        if isinstance(value, dict) and self._topics:
            value.setdefault("topic", self._topics)
        publication = from_json(json.dumps(value).encode())
        if isinstance(publication, list):
            raise InvalidEvent("it is an array; write one object per line.")
        if publication.event.id is not None:
            return publication
        event = replace(publication.event, id=f"{self.prefix}{line.number}")
        return replace(publication, event=event)
