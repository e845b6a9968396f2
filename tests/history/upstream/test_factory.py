"""
The history of an edge, from the command line.
"""

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.certificates import write_certificate
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.factories import UpstreamHistoryFactory
from twisted_sse.history.plugins import build_history, describe_histories
from twisted_sse.interfaces import IHistoryFactory, ISharedHistoryProvider

__all__ = ["UpstreamFactoryTests"]


class UpstreamFactoryTests(SynchronousTestCase):
    """
    ``--history upstream:…``
    """

    MISTAKES = [
        ("", "needs the URL of a hub"),
        ("example.com", "needs the URL of a hub"),
        ("//example.com/events", "needs the URL of a hub"),
        ("ftp://example.com/events", "needs the URL of a hub"),
        ("http://example.com:port/events", "needs the URL of a hub"),
        ("ftp://a:secret@example.com/events", "needs the URL of a hub"),
        ("http://example.com/a b", "needs the URL of a hub"),
        ("http://a:secret@example.com/events", "without user"),
        ("http://example.com/events?topic=a", "without user, query and fragment"),
        ("http://example.com/events,tokenfile=x", "'tokenfile' is unknown"),
        ("http://example.com/events,timeout=0", "too short"),
        ("http://example.com/events,timeout=x", "is not a number of seconds"),
        ("http://example.com/events,cafile=x", "cafile is for TLS"),
        ("https://example.com/events,cafile=missing.pem", "cannot be read"),
    ]

    def test_interface(self) -> None:
        """
        The factory provides its interface, and is found by its scheme.
        """
        self.assertTrue(verifyObject(IHistoryFactory, UpstreamHistoryFactory()))
        self.assertIn("upstream", describe_histories())

    def test_built(self) -> None:
        """
        It builds a shared history that has opened nothing.
        """
        history = build_history("upstream:http://127.0.0.1:1/a%2Cb,timeout=2.5")

        self.assertTrue(verifyObject(ISharedHistoryProvider, history))
        self.assertIn("http://127.0.0.1:1/a%2Cb", repr(history))

    def test_path(self) -> None:
        """
        Without a path ``/events`` is meant.
        """
        for url in ("http://localhost:8080", "http://localhost:8080/"):
            history = UpstreamHistoryFactory().build(url)
            self.assertIn("http://localhost:8080/events", repr(history))

    def test_mistakes(self) -> None:
        """
        Invalid arguments are refused by half a sentence, without secrets.
        """
        for arguments, words in self.MISTAKES:
            with self.subTest(arguments=arguments):
                error = self.assertRaises(ValueError, UpstreamHistoryFactory().build, arguments)
                self.assertIn(words, str(error))
                self.assertNotIn("secret", str(error))

    def test_token_file(self) -> None:
        """
        A token file that is missing, empty or not text is refused.
        """
        empty, binary = Path(self.mktemp()), Path(self.mktemp())
        empty.write_text("\n")
        binary.write_bytes(b"\xff\xfe")
        for path in (Path("missing"), empty, binary):
            arguments = f"http://example.com/events,token-file={path}"
            self.assertRaises(HistoryUnavailable, UpstreamHistoryFactory().build, arguments)

    def test_cafile(self) -> None:
        """
        A file of certificates is read at once, and must contain some.
        """
        home = Path(self.mktemp())
        home.mkdir()
        certificate, key = write_certificate(home)

        UpstreamHistoryFactory().build(f"https://example.com/events,cafile={certificate}")
        arguments = f"https://example.com/events,cafile={key}"
        self.assertRaises(ValueError, UpstreamHistoryFactory().build, arguments)

    def test_fresh_interpreter(self) -> None:
        """
        Looking for plugins imports no HTTP client, and building one chooses no reactor.
        """
        program = (
            "import sys\n"
            "from twisted_sse.history.factories import UpstreamHistoryFactory\n"
            "before = 'treq' in sys.modules\n"
            "UpstreamHistoryFactory().build('http://localhost/events')\n"
            "print(before, 'twisted.internet.reactor' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

        self.assertEqual(done.stdout.split(), [b"False", b"False"])
