"""
Why a request has failed: always a sentence.
"""

from OpenSSL import SSL
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone, ResponseFailed, ResponseNeverReceived
from twisted.web.http import PotentialDataLoss

from tests.client.memory import MemoryServer, Reader
from twisted_sse.client import Lost
from twisted_sse.client.failures import loss_reason, meaning_of
from twisted_sse.errors import InvalidResponse, NotSent, OutcomeUnknown

__all__ = ["ReasonTests", "RetryTests"]

PLAIN = SSL.Error([("SSL routines", "", "wrong version number")])


def wrapped(error: Exception) -> Exception:
    """
    Wrap *error* as Twisted does.
    """
    return ResponseNeverReceived([Failure(error)])


class ReasonTests(SynchronousTestCase):
    """
    The reason of a failure.
    """

    CASES = [
        (ResponseDone(), ResponseDone, "has ended the stream"),
        (PotentialDataLoss(), PotentialDataLoss, "has ended the stream"),
        (wrapped(PLAIN), SSL.Error, "does not speak TLS"),
        (SSL.Error([]), SSL.Error, "the connection was closed"),
        (SSL.SysCallError(-1, "Unexpected EOF"), SSL.Error, "Unexpected EOF"),
        (SSL.ZeroReturnError(), SSL.Error, "the connection was closed"),
        (wrapped(KeyError(b"gzip")), InvalidResponse, "not valid HTTP: b'gzip'"),
        (wrapped(ValueError()), InvalidResponse, "not valid HTTP: ValueError"),
        (wrapped(ConnectionLost()), ConnectionLost, "lost"),
        (ConnectionDone(), ConnectionDone, "closed"),
        (RuntimeError(), InvalidResponse, "RuntimeError"),
        (ResponseFailed([]), InvalidResponse, "ResponseFailed"),
    ]

    def test_sentences(self) -> None:
        """
        Whatever Twisted raises, the reason is a sentence.
        """
        for error, kind, words in self.CASES:
            reason = loss_reason(error)

            self.assertIsInstance(reason, kind)
            self.assertRegex(str(reason), rf"^[A-Z].*{words}.*\.$")

    def test_responses(self) -> None:
        """
        Bytes that are not HTTP are a loss whose reason says so.
        """
        for response in (
            *(
                b"\x00\x01\x02\r\n",
                b"HTTP/1.1 abc OK\r\n",
                b"SSH-2.0-OpenSSH\r\n",
                b"HTTP/x 200\r\n",
            ),
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
            b"\r\nzz\r\n",
        ):
            server = MemoryServer()
            reader = Reader(server.source().signals())
            server.newest.raw(response)

            self.assertIsInstance(reader.newest, Lost, response)
            self.assertIsInstance(reader.newest.reason, InvalidResponse)
            self.assertIn("not valid HTTP: ", str(reader.newest.reason))

    def test_publishing(self) -> None:
        """
        A failed handshake has sent nothing; a response that is not HTTP tells nothing.
        """
        self.assertIsInstance(meaning_of(wrapped(PLAIN), "u"), NotSent)
        meaning = meaning_of(wrapped(InvalidResponse("Too large.")), "u")
        self.assertIsInstance(meaning, OutcomeUnknown)
        self.assertIn("Too large.", str(meaning))


class RetryTests(SynchronousTestCase):
    """
    Statuses after which another attempt is made.
    """

    def test_statuses(self) -> None:
        """
        A timeout of the server, an overload, and what proxies answer for an absent server.
        """
        for status in (408, 429, 502, 503, 504, 520, 521, 522, 523, 524):
            server = MemoryServer()
            reader = Reader(server.source().signals())
            server.newest.answer(f"{status} x", kind="text/plain")
            server.newest.end()

            self.assertIsInstance(reader.newest, Lost, status)
            self.assertIn(str(status), str(reader.newest.reason))

    def test_dates(self) -> None:
        """
        Any Retry-After is survived.
        """
        for value in (
            *("Fri, 31 Dec 9999 23:59:59 -9999", "Mon, 01 Jan 0001 00:00:00 -0000", "9" * 5000),
            *("Mon, 01 Jan 0001 00:00:00 +2359", "-1", "1.5", "\x80", "Mon, 99 Foo"),
        ):
            server = MemoryServer()
            reader = Reader(server.source().signals())
            server.newest.answer("503 x", f"Retry-After: {value}", kind="text/plain")
            server.newest.end()

            self.assertIsInstance(reader.newest, Lost, value)
            self.assertLessEqual(reader.newest.delay, 1.5 * 3600)
