"""
The options of ``twisted-sse doctor``.
"""

from __future__ import annotations

from twisted_sse import units
from twisted_sse.cli.options import RequestOptions

__all__ = ["DoctorOptions"]


class DoctorOptions(RequestOptions):
    """
    The options of ``twisted-sse doctor``.
    """

    name = "doctor"
    longdesc = "Finds out whether a stream works from the server to this client."

    optParameters = [  # noqa: RUF012 - Twisted reads it from the class
        [
            "origin",
            None,
            None,
            "Check that pages of this origin may read, such as https://app.example.",
        ],
        ["seconds", None, "40", "How long to watch the stream, in seconds."],
    ]

    readers = {"seconds": units.interval}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self["topics"] = []

    def opt_topic(self, text: str) -> None:
        """
        Subscribe to this topic, in addition to those of the URL; with a token, publish
        three events to the first.
        """
        self["topics"].append(text)

    opt_t = opt_topic

    def url(self) -> str:
        """
        Return the URL of the stream.
        """
        topics = self["topics"]
        if self.address.completed and not topics and not self.address.topics():
            topics = ["*"]
        return self.address.with_topics(topics)

    def publishable_topic(self) -> str | None:
        """
        Return the first topic that events can be published to.
        """
        for topic in (*self["topics"], *self.address.topics()):
            if topic != "*" and not set("{}") & set(topic):
                return str(topic)
        return None
