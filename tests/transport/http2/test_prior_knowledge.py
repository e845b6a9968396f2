"""
HTTP/2 on a plain port, by prior knowledge: what is true with TLS is true without.
"""

from tests.support.curl import curl, publish
from tests.support.hub_process import TOKEN
from tests.support.streams import RawStream
from tests.transport.http2 import test_connection_errors as connection_errors
from tests.transport.http2 import test_event_streams as event_streams
from tests.transport.http2 import test_floods as floods
from tests.transport.http2 import test_flow_control as flow_control
from tests.transport.http2 import test_malformed_requests as malformed
from tests.transport.http2 import test_stream_errors as stream_errors
from tests.transport.http2 import test_valid_requests as valid
from tests.transport.http2.hub import HubTestCase

__all__ = [
    "CurlTests",
    "EndsTests",
    "FieldsTests",
    "FloodsTests",
    "FramesTests",
    "IgnoredTests",
    "ManyTests",
    "PrefaceTests",
    "RequestsTests",
    "StreamErrorsTests",
    "StreamsTests",
    "ValidTests",
    "WindowsTests",
]


class CurlTests(HubTestCase):
    """
    curl, and clients of HTTP/1.1 on the same port.
    """

    def test_curl(self) -> None:
        """
        curl publishes by prior knowledge, and a subscriber with HTTP/1.1 receives it.
        """
        stream = RawStream(self.plain_port, "/events?topic=curl")
        self.addCleanup(stream.close)
        url = f"http://localhost:{self.plain_port}"
        answer = curl(
            "--http2-prior-knowledge",
            f"{url}/events",
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *("--data", "topic=curl&data=hello"),
        )

        self.assertEqual((answer.status, answer.version), (200, "2"))
        self.assertEqual(stream.data(1), ["hello"])

    def test_stream(self) -> None:
        """
        A stream by prior knowledge begins at once, and receives what is published.
        """
        self.tls = False
        client = self.connect()
        stream = client.subscribe("/events?topic=plain")
        publish(f"http://localhost:{self.plain_port}", TOKEN, "plain", "hello")
        client.wait(lambda: bool(client.response(stream).data))

        self.assertEqual(client.response(stream).data, ["hello"])
        self.assertEqual(client.response(stream).status, "200")

    def test_upgrade(self) -> None:
        """
        An Upgrade to h2c, which RFC 9113 has removed, is ignored: HTTP/1.1 answers.
        """
        answer = curl("--http2", f"http://localhost:{self.plain_port}/healthz")

        self.assertEqual((answer.status, answer.version), (200, "1.1"))


class PrefaceTests(connection_errors.PrefaceTests):
    """
    RFC 9113, 3.4: the client's connection preface.
    """

    tls = False
    WRONG = connection_errors.PrefaceTests.WRONG[1:-1]


class FramesTests(connection_errors.FramesTests):
    """
    Frames that end the connection.
    """

    tls = False


class StreamsTests(connection_errors.StreamsTests):
    """
    States of streams, and headers, that end the connection.
    """

    tls = False


class StreamErrorsTests(stream_errors.StreamErrorsTests):
    """
    Errors that end one stream.
    """

    tls = False


class IgnoredTests(stream_errors.IgnoredTests):
    """
    Frames that are ignored.
    """

    tls = False


class FieldsTests(malformed.FieldsTests):
    """
    Lists of headers that are refused.
    """

    tls = False


class RequestsTests(malformed.RequestsTests):
    """
    Requests that are refused.
    """

    tls = False


class ValidTests(valid.RequestsTests):
    """
    Requests that are unusual but valid.
    """

    tls = False


class FloodsTests(floods.FloodsTests):
    """
    Floods of frames.
    """

    tls = False


class WindowsTests(flow_control.WindowsTests):
    """
    Flow control.
    """

    tls = False


class ManyTests(event_streams.ManyTests):
    """
    Many event streams on one connection.
    """

    tls = False


class EndsTests(event_streams.EndsTests):
    """
    The ends of event streams.
    """

    tls = False
