"""
The order in which a hub stops, seen by load balancers, newcomers and subscribers;
`tests.e2e.test_stopping` has each part by itself.
"""

import signal
import tempfile
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from hyperframe.frame import GoAwayFrame
from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.test_stopping import fall_behind
from tests.support.certificates import write_certificate
from tests.support.curl import curl, publish
from tests.support.h2_client import H2Client
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = ["DrainTests"]


class DrainTests(SynchronousTestCase):
    """
    A hub with many subscribers, of whom one does not read.
    """

    def start(self, *options: str) -> HubProcess:
        """
        Start a hub.
        """
        hub = HubProcess(*options)
        self.addCleanup(hub.stop)
        return hub

    def stuck(self, hub: HubProcess) -> RawStream:
        """
        A subscriber that reads nothing, so that the hub waits for all of its grace.
        """
        reader = fall_behind(hub)
        self.addCleanup(reader.close)
        return reader

    def ask(self, connection: HTTPConnection, method: str, body: str | None = None) -> HTTPResponse:
        """
        Send a request on a connection that is open.
        """
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection.request(method, "/events?topic=a", body, headers)
        response = connection.getresponse()
        response.read()
        return response

    def test_order(self) -> None:
        """
        Not ready, but serving, for the delay; then newcomers are refused until later, and
        every stream ends with a time of its own; what is stuck is aborted.
        """
        options = ("--drain-delay", "1", "--grace", "3", "--retry", "1000", "--spread", "4")
        hub = self.start(*options, "--retry-spread", "0", "--farewell", "pause=back=soon")
        streams = [RawStream(hub.port, "/events?topic=a") for _ in range(30)]
        for stream in streams:
            self.addCleanup(stream.close)
            stream.named("stream-open")
        stuck = self.stuck(hub)
        kept = HTTPConnection("localhost", hub.port, timeout=PATIENCE)
        self.addCleanup(kept.close)
        self.assertEqual(self.ask(kept, "POST", "topic=b&data=").status, 200)

        hub.send_signal(signal.SIGTERM)
        eventually(lambda: curl(f"{hub.url}/readyz").status == 503, "the hub is still ready")
        publish(hub.url, TOKEN, "a", "still here")
        endings = [stream.rest() for stream in streams]
        refused = [self.ask(kept, "GET"), self.ask(kept, "POST", "topic=a&data=")]
        status = hub.wait()

        hub.check_log()
        self.assertEqual(status, 0)
        self.assertTrue(all(stream.complete for stream in streams))
        received = [[one.data for one in end if one.data] for end in endings]
        self.assertEqual(received, [["still here", "back=soon"]] * 30)
        self.assertEqual({end[-1].event for end in endings}, {"pause"})
        times = [end[-1].retry or 0 for end in endings]
        self.assertTrue(all(1000 <= one <= 5000 for one in times), times)
        self.assertGreater(max(times) - min(times), 1500)
        self.assertEqual([one.status for one in refused], [503, 503])
        self.assertTrue(all(int(one.headers["Retry-After"]) >= 1 for one in refused))
        self.assertRaises(ConnectionResetError, stuck.rest)

    def test_http2(self) -> None:
        """
        Over HTTP/2 each stream ends with END_STREAM, and the connection with GOAWAY.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        certificate, key = map(str, write_certificate(Path(directory.name)))
        hub = self.start("--tls-cert", certificate, "--tls-key", key, "--retry", "1000")
        client = H2Client(hub.port)
        self.addCleanup(client.close)
        streams = [client.subscribe() for _ in range(5)]

        hub.send_signal(signal.SIGTERM)
        code = client.rest()

        self.assertEqual(hub.wait(), 0)
        hub.check_log()
        self.assertEqual(code, 0)
        responses = [client.response(one) for one in streams]
        self.assertEqual([(one.ended, one.reset) for one in responses], [(True, None)] * 5)
        times = {one.events[-1].retry for one in responses}
        self.assertGreater(len(times), 1)
        (goaway, *_) = (one for one in client.frames if isinstance(one, GoAwayFrame))
        self.assertGreaterEqual(goaway.last_stream_id, max(streams))

    def test_second_signal(self) -> None:
        """
        A second signal ends at once what would have lasted for ten minutes, with status 0.
        """
        hub = self.start("--grace", "600")
        stuck = self.stuck(hub)

        hub.send_signal(signal.SIGTERM)
        eventually(lambda: "shutting down" in hub.log, "the hub does not stop")
        status = hub.signal(signal.SIGTERM)

        hub.check_log()
        self.assertEqual(status, 0)
        self.assertRaises(ConnectionResetError, stuck.rest)
        self.assertIn("Received SIGTERM again, ending all streams now", hub.log)
