"""
The modules for pages, over HTTP.
"""

import gzip
from importlib.metadata import version
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted_sse
from tests.support.http import Served
from twisted_sse.web.browsermodule import MODULES, BrowserModule

__all__ = ["BrowserModuleTests"]

STATIC = Path(twisted_sse.__file__).parent / "web" / "static"


class BrowserModuleTests(SynchronousTestCase):
    """
    ``/twisted-sse.js`` and ``/twisted-sse-topics.js`` of a hub.
    """

    def test_content(self) -> None:
        """
        They are the files of the package, for pages of every origin, compressed if possible.
        """
        served = Served()
        for name in MODULES:
            with self.subTest(name=name):
                answer = served.get(f"/{name}")
                small = served.get(f"/{name}", {"Accept-Encoding": "br, gzip"})

                self.assertEqual(answer.body, (STATIC / name).read_bytes())
                self.assertEqual(answer.header("Content-Type"), "text/javascript; charset=utf-8")
                self.assertEqual(answer.header("Access-Control-Allow-Origin"), "*")
                self.assertEqual(answer.header("Vary"), "Accept-Encoding")
                self.assertIsNone(answer.header("Content-Encoding"))
                self.assertEqual(small.header("Content-Encoding"), "gzip")
                self.assertEqual(gzip.decompress(small.body), answer.body)

    def test_cache(self) -> None:
        """
        Only a URL with the version is kept for good; others are asked for again.
        """
        served = Served()
        current = served.get(f"/twisted-sse.js?v={version('twisted-sse')}")
        plain = served.get("/twisted-sse.js")
        other = served.get("/twisted-sse.js?v=0.0.1")
        again = served.get("/twisted-sse.js", {"If-None-Match": plain.header("ETag") or ""})

        self.assertIn("immutable", current.header("Cache-Control") or "")
        for answer in (plain, other):
            self.assertEqual(answer.header("Cache-Control"), "no-cache")
        self.assertEqual((again.status, again.body), (304, b""))

    def test_methods(self) -> None:
        """
        They can only be read.
        """
        served = Served()

        self.assertEqual(served.call("HEAD", "/twisted-sse.js").answer.status, 200)
        self.assertEqual(served.call("POST", "/twisted-sse.js").answer.status, 405)

    def test_unknown(self) -> None:
        """
        There are no other modules.
        """
        with self.assertRaisesRegex(ValueError, r"name is 'other\.js'"):
            BrowserModule("other.js")  # type: ignore[arg-type]
