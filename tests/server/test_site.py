"""
The site of a standalone hub: pages, their files, and bodies of requests.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock, deferLater
from twisted.python.filepath import FilePath
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.support.http import Answer, Served, call
from twisted_sse.server import site as site_module
from twisted_sse.server.site import HubSite
from twisted_sse.transport.socketlimit import SocketLimit, SocketLimits
from twisted_sse.web.auth import BearerTokens

STATIC = Path(site_module.__file__).parent / "static"


async def fetch(target: str, *, demo: bool = False) -> Answer:
    """
    Get a whole file.  Twisted sends files in turns of the global reactor.
    """
    caller = Served(demo=demo).call("GET", target)
    while not (caller.transport.value() and caller.answer.ended):
        await deferLater(IReactorTime(reactor), 0)
    return caller.answer


class PageTests(TestCase):
    """
    The pages and their files.
    """

    async def test_index(self) -> None:
        """
        The root is the page that says that the hub is running.
        """
        answer = await fetch("/")

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"), "text/html")
        self.assertEqual(answer.body, (STATIC / "index.html").read_bytes())

    async def test_demo(self) -> None:
        """
        With the demo, the root is the demo page.
        """
        answer = await fetch("/", demo=True)

        self.assertEqual(answer.body, (STATIC / "demo.html").read_bytes())

    async def test_files(self) -> None:
        """
        Every file of the pages is served, byte for byte.
        """
        for path in sorted(STATIC.iterdir()):
            with self.subTest(name=path.name):
                answer = await fetch(f"/static/{path.name}")

                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.body, path.read_bytes())


class PolicyTests(TestCase):
    """
    The headers that protect our pages.
    """

    TYPES = {
        ".html": {"text/html"},
        # HTML: "servers should use text/javascript"; older systems map .js to the other type.
        ".js": {"text/javascript", "application/javascript"},
        ".css": {"text/css"},
        ".svg": {"image/svg+xml"},
    }

    PROTECTION = {
        "content-security-policy": (
            "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
        ),
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }

    async def test_headers(self) -> None:
        """
        Pages load nothing from other servers, cannot be framed, and are not sniffed.
        """
        for target in ("/", "/static/demo.js", "/static/style.css"):
            with self.subTest(target=target):
                answer = await fetch(target)

                self.assertEqual(answer.status, 200)
                self.assertEqual({**dict(answer.headers), **self.PROTECTION}, dict(answer.headers))

    def test_head(self) -> None:
        """
        HEAD has the same headers.
        """
        answer = Served().call("HEAD", "/").answer

        self.assertEqual(answer.status, 200)
        self.assertEqual({**dict(answer.headers), **self.PROTECTION}, dict(answer.headers))

    def test_types(self) -> None:
        """
        Each file has its type: with "nosniff" a browser runs a script only if its type is right.
        """
        for path in STATIC.iterdir():
            with self.subTest(name=path.name):
                answer = Served().call("HEAD", f"/static/{path.name}").answer

                self.assertIn(answer.header("Content-Type"), self.TYPES[path.suffix])

    def test_policy_can_be_kept(self) -> None:
        """
        The pages have no inline scripts and styles, which the policy forbids.
        """
        for path in STATIC.glob("*.html"):
            with self.subTest(name=path.name):
                text = path.read_text(encoding="utf-8")

                self.assertNotIn("<style", text)
                self.assertNotIn(" style=", text)
                self.assertNotRegex(text, r"<script(?![^>]* src=)")
                self.assertNotRegex(text, r"\son[a-z]+=")


class BodyRecorder(Resource):
    """
    Records how much of each request's body was kept.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[tuple[int, bool]] = []

    def render_POST(self, request: Request) -> bytes:
        """
        Record the size, and whether the body is in memory.
        """
        content: Any = request.content
        self.recorded.append((len(content.read()), isinstance(content, BytesIO)))
        return b""


class BodyTests(SynchronousTestCase):
    """
    How much of a body the site keeps.
    """

    def setUp(self) -> None:
        """
        Make a site that accepts 30 bytes.
        """
        self.resource = BodyRecorder()
        self.site = HubSite(self.resource, 30, reactor=Clock())

    def test_whole(self) -> None:
        """
        A body of the largest size is kept whole.
        """
        call(self.site, "POST", "/", {}, b"x" * 30)

        self.assertEqual(self.resource.recorded, [(30, True)])

    def test_content_length(self) -> None:
        """
        If Content-Length is too large, nothing is kept and no temporary file is made.
        """
        call(self.site, "POST", "/", {}, b"x" * 200_000)

        self.assertEqual(self.resource.recorded, [(0, True)])

    def test_chunked(self) -> None:
        """
        A chunked body that becomes too large is discarded, and the rest is not received.
        """
        caller = call(self.site, "POST", "/", {"Transfer-Encoding": "chunked"})
        for _ in range(10):
            caller.send(b"a\r\nxxxxxxxxxx\r\n")
        caller.send(b"0\r\n\r\n")

        self.assertEqual(self.resource.recorded, [(0, True)])


class TreeTests(SynchronousTestCase):
    """
    Which paths exist.
    """

    ABSENT = [
        "/nothing",
        "/event",
        "/Events",
        "/.well-known/",
        "/.well-known/other",
        "/.well-known/other/mercure",
        "/index.html",
        "/static/nothing.js",
        "/static/style.css/more",
        "//",
        "//etc/passwd",
    ]

    OUTSIDE = [
        "/static/../site.py",
        "/static/%2e%2e/site.py",
        "/static/..%2fsite.py",
        "/static/%2e%2e%2fsite.py",
        "/static/..%5csite.py",
        "/static/../../../../../../etc/passwd",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/style.css/../../site.py",
        "/../site.py",
    ]

    def test_absent(self) -> None:
        """
        Other paths are answered with 404.
        """
        for target in self.ABSENT:
            with self.subTest(target=target):
                self.assertEqual(Served().get(target).status, 404)

    def test_outside(self) -> None:
        """
        No path leads out of the directory of static files.
        """
        for target in self.OUTSIDE:
            with self.subTest(target=target):
                answer = Served().get(target)

                self.assertEqual(answer.status, 404)
                self.assertNotIn(b"import", answer.body)
                self.assertNotIn(b"root:", answer.body)
                self.assertEqual(self.flushLoggedErrors(), [])

    def test_no_listing(self) -> None:
        """
        The directory of static files is not listed.
        """
        names = [name for name in FilePath(str(STATIC)).listdir() if name != "index.html"]
        answer = Served().get("/static")
        caller = Served().call("HEAD", "/static/")

        self.assertNotEqual(answer.status, 200)
        self.assertNotIn(caller.answer.header("Content-Length"), (None, "0"))
        for name in names:
            self.assertNotIn(name.encode(), answer.body)

    def test_odd_paths(self) -> None:
        """
        Paths that are no names of files are answered with 404, without a traceback.
        """
        for target in ("style.css%00.html", "%ff", "a%ff.css", "%00", "%", "%zz", "style.css/"):
            with self.subTest(target=target):
                self.assertEqual(Served().get(f"/static/{target}").status, 404)
                self.assertEqual(self.flushLoggedErrors(), [])

    def test_ranges(self) -> None:
        """
        ``Range`` is ignored: the whole file is sent, once.
        """
        content = (STATIC / "style.css").read_bytes()
        for value in ("bytes=0-1", "bytes=-99999999", "bytes=" + "0-," * 3000, b"\xff", "x"):
            with self.subTest(value=value[:20]):
                answer = Served().get("/static/style.css", {"Range": value})

                self.assertEqual((answer.status, answer.body), (200, content))

    def test_etag(self) -> None:
        """
        A file that the browser has is not sent again.
        """
        etag = Served().get("/static/style.css").header("ETag")
        assert etag is not None
        again = Served().get("/static/style.css", {"If-None-Match": etag})
        others = Served().get("/static/style.css", {"If-None-Match": b"\xff"})

        self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(others.status, 200)

    def test_pages_are_read_only(self) -> None:
        """
        Pages, their files and health checks accept no other methods than GET and HEAD.
        """
        for target in ("/", "/static/style.css", "/healthz", "/readyz"):
            for method in ("POST", "PUT", "OPTIONS", "PATCH", "GARBAGE"):
                with self.subTest(target=target, method=method):
                    answer = Served().call(method, target).answer

                    self.assertEqual(answer.status, 405)
                    self.assertEqual(answer.header("Allow"), "GET, HEAD")

    def test_no_access_log(self) -> None:
        """
        Requests are not logged, and a site starts and stops without a log file.
        """
        served = Served()
        served.site.doStart()
        served.get("/healthz")
        served.site.doStop()

        self.assertEqual(self.flushLoggedErrors(), [])


class CrowdedTests(SynchronousTestCase):
    """
    A site with few sockets.
    """

    def setUp(self) -> None:
        """
        Make a hub with five sockets, of which streams get three.
        """
        self.served = Served(authorize=BearerTokens(["secret"]))
        self.served.site.sockets = sockets = SocketLimit(SocketLimits(total=5, streams=3))
        self.served.site.settings = self.served.site.settings._replace(sockets=sockets)
        self.streams = [self.served.call("GET", "/events?topic=news") for _ in range(3)]

    def test_streams(self) -> None:
        """
        A stream is refused with 503, and accepted when another one has ended.
        """
        refused = self.served.call("GET", "/events?topic=news")
        self.assertEqual(refused.answer.status, 503)
        self.assertEqual(refused.answer.header("Retry-After"), "5")

        refused.leave()
        self.streams[0].leave()
        self.assertEqual(self.served.get("/events?topic=news").status, 200)

    def test_others(self) -> None:
        """
        Publishers and health checks are answered.
        """
        for _ in range(10):
            self.assertEqual(self.served.get("/healthz").status, 200)
            form = b"topic=news&data=x"
            kind = "application/x-www-form-urlencoded"
            self.assertEqual(self.served.post(kind, form, "secret").status, 200)
        self.assertEqual([one.transport.connected for one in self.streams], [True] * 3)
