"""
Publishes to a server over HTTP/1.1 and TLS, by the generator's options.

The payload is the generator's: 192 bytes that end with the event's number, and make an event of 200
bytes in a stream.
"""

import argparse
import http.client
import json
import time

from benchmarks.servers import Server
from benchmarks.trust import trusting_context

__all__ = ["Publisher", "body_of", "mark_of"]

SIZE = 192  # bytes
ANSWER_LIMIT = 30.0  # seconds


def mark_of(number: int) -> bytes:
    """
    The text that only the event with this number contains.
    """
    return f"~t=0000000000000000;s={number:08d};".encode()


def body_of(number: int, content: str, topic: str) -> bytes:
    """
    The body of a publication.

    Args:
        content: `plain`, the payload alone, or `json`, an object with the topic.
    """
    payload = mark_of(number).rjust(SIZE, b"x")
    if content == "plain":
        return payload
    return json.dumps({"topic": topic, "data": payload.decode()}).encode()


class Publisher:
    """
    A publisher with a single connection.

    Args:
        server: The server to publish to.
    """

    def __init__(self, server: Server) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--pub-path", default="/publish")
        parser.add_argument("--pub-header", default="X-From: benchmarks")
        parser.add_argument("--topic", default="bench")
        parser.add_argument("--format", default="plain", choices=("plain", "json"))
        self._options = parser.parse_args(server.publishing)
        name, _, value = self._options.pub_header.partition(": ")
        kind = "application/json" if self._options.format == "json" else "text/plain"
        self._headers = {name: value, "Content-Type": kind}
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", server.port, timeout=ANSWER_LIMIT, context=trusting_context("http/1.1")
        )

    def publish(self, number: int) -> None:
        """
        Publish the event with this number, and wait for the response.

        Raises:
            ConnectionError: The publication was refused.
        """
        body = body_of(number, self._options.format, self._options.topic)
        self._connection.request("POST", self._options.pub_path, body, self._headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status >= 300:
            raise ConnectionError(f"a publication was answered with {answer.status}")

    def publish_steadily(self, count: int, rate: float) -> None:
        """
        Publish events 1 to *count*, each when it is due and the last one is answered.

        Args:
            rate: Events per second.
        """
        began = time.monotonic()
        for number in range(1, count + 1):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            self.publish(number)

    def close(self) -> None:
        """
        Close the connection.
        """
        self._connection.close()
