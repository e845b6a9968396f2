"""
curl, as the documentation uses it.
"""

import json
import subprocess
import time
from typing import Any, NamedTuple

from tests.support.processes import Background, find_program
from tests.support.waiting import PATIENCE, eventually

__all__ = ["Answer", "CurlStream", "curl", "publish", "subscribers"]


class Answer(NamedTuple):
    """
    Attributes:
        status: The HTTP status code.

        version: The HTTP version, such as ``1.1`` or ``2``.

        headers: The headers, their names in lower case; the first of each name.

        body: The body, as text.
    """

    status: int
    version: str
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        """
        Return the body, parsed as JSON.
        """
        return json.loads(self.body)


def curl(*arguments: str, body: bytes | None = None) -> Answer:
    """
    Make one request, and read the whole response.

    Args:
        body: curl's standard input.

    Raises:
        subprocess.SubprocessError: curl has failed.
    """
    # The report goes to standard error, apart from the body.
    report = "%{stderr}%{http_code} %{http_version} %{header_json}"
    done = subprocess.run(
        [find_program("curl", "curl"), "--silent", "--write-out", report, *arguments],
        input=body or b"",
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    status, version, headers = done.stderr.decode("utf-8").split(" ", 2)
    first = {name: values[0] for name, values in json.loads(headers).items()}
    return Answer(int(status), version, first, done.stdout.decode("utf-8"))


def publish(url: str, token: str, topic: str, *messages: str, event: str = "message") -> list[str]:
    """
    Publish each of *messages* to *topic*, in order, in one request.

    Args:
        url: The root URL of a hub.

        event: The event type.

    Returns:
        Their event IDs.
    """
    # HTML: an event without a type is a "message", so only another type is sent.
    typed = {} if event == "message" else {"event": event}
    lines = [json.dumps({"topic": topic, "data": data, **typed}) for data in messages]
    answer = curl(
        "--insecure",
        f"{url}/events",
        *("--header", f"Authorization: Bearer {token}"),
        *("--header", "Content-Type: application/x-ndjson"),
        *("--data-binary", "@-"),
        body="\n".join(lines).encode("utf-8"),
    )
    assert answer.status == 200, answer
    return [receipt["id"] for receipt in answer.json()]


def subscribers(url: str, token: str, topic: str) -> int:
    """
    Publish an event to *topic*, and return the number of its subscribers.
    """
    answer = curl(
        "--insecure",
        f"{url}/events",
        *("--header", f"Authorization: Bearer {token}"),
        *("--json", json.dumps({"topic": topic, "data": "Is anybody there?"})),
    )
    count: int = answer.json()["subscribers"]
    return count


class CurlStream:
    """
    ``curl -N --include`` in the background.

    Args:
        arguments: The other arguments, including the URL.
    """

    def __init__(self, *arguments: str) -> None:
        program = find_program("curl", "curl")
        self._started = time.monotonic()
        self._program = Background([program, "-sSN", "--include", *arguments])

    def wait_for(self, text: str, count: int = 1) -> float:
        """
        Wait until the output contains *text* *count* times.

        Returns:
            The seconds since curl was started.

        Raises:
            AssertionError: It did not within `PATIENCE`.
        """
        eventually(lambda: self.output().count(text) >= count, f"{text!r} has not come")
        return time.monotonic() - self._started

    def output(self) -> str:
        """
        Return the status line, headers and body received so far, with LF as line end.
        """
        return self._program.output()

    def wait(self) -> int:
        """
        Wait until curl exits.

        Returns:
            Its exit status, 0 if the response was complete.
        """
        return self._program.wait()

    def close(self) -> None:
        """
        Kill curl, if it still runs.
        """
        self._program.end()
