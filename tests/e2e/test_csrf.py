"""
A page of another origin does not publish with its visitor's cookie: in Chromium.
"""

import re
import sys
from urllib.request import Request, urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browsers import Browser, eventually_in
from tests.support.chromium import Chromium
from tests.support.processes import Background
from tests.support.waiting import PATIENCE, eventually

__all__ = ["ChromiumTests"]

# The same site at two ports: a hub whose users have a cookie, and a form that publishes to
# the first of them.
PROGRAM = """
from twisted.internet import endpoints, reactor
from twisted_sse import Grant, Hub
from twisted_sse.klein import Klein, hub_routes
from twisted_sse.transport.http.site import StreamSite

app, hub = Klein(), Hub()
FORM = '''<!doctype html><form method=post action="http://localhost:{}/events">
    <input name=topic value=rooms/1><input name=data value=forged></form>'''

def authorize(request):
    if request.getCookie(b"session") == b"ada":
        return Grant("ada", subscribe=["*"], publish=["*"], public=True)
    return Grant(public=True)

hub_routes(app, hub, authorize=authorize)

@app.route("/login")
def login(request):
    request.addCookie("session", "ada", path="/")
    return "hello"

@app.route("/form")
def form(request):
    request.setHeader("Content-Type", "text/html")
    if b"silent" in request.args:
        request.setHeader("Referrer-Policy", "no-referrer")
    return FORM.format(ports[0])

@app.route("/kept")
def kept(request):
    return "\\n".join(record.publication.event.data for record in hub.history.tail(100).kept)

ports = []
def listening(port):
    ports.append(port.getHost().port)
    if len(ports) == 2:
        print("listening on", *ports, flush=True)

for _ in range(2):
    endpoint = endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1")
    endpoint.listen(StreamSite(app.resource())).addCallback(listening)
reactor.run()
"""


class ChromiumTests(SynchronousTestCase):
    """
    Pages of several origins send a form, with the cookie of a user who has logged in.
    """

    browser: Browser
    ports: tuple[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share the program, and a browser that has logged in.
        """
        program = Background([sys.executable, "-c", PROGRAM])
        cls.addClassCleanup(program.end)
        pattern = re.compile(r"listening on (\d+) (\d+)")
        found = eventually(lambda: pattern.search(program.output()), "it does not listen")
        cls.ports = (found[1], found[2])
        cls.browser = Chromium.shared()
        cls.addClassCleanup(cls.browser.close)

    def send(self, page: str) -> str:
        """
        Send the form of *page*, and return what the hub answers.
        """
        self.browser.open(f"http://localhost:{self.ports[0]}/login")
        self.browser.open(page)
        self.browser.run("document.forms[0].submit()")
        eventually_in(
            self.browser, "!document.forms.length && document.body", "the form has not been sent"
        )
        text: str = self.browser.run("return document.body.innerText")
        return text

    def kept(self) -> list[str]:
        """
        The data of all events.
        """
        url = Request(f"http://127.0.0.1:{self.ports[0]}/kept")
        with urlopen(url, None, PATIENCE) as answer:
            lines: list[str] = answer.read().decode().splitlines()
            return lines

    def test_forms(self) -> None:
        """
        Only the page of the hub's own origin publishes.
        """
        own, other = self.ports
        before = self.kept()
        for page in (
            # The same site, so the cookie is sent in any case.
            f"http://localhost:{other}/form",
            f"http://localhost:{other}/form?silent",
            # Another site: Chromium sends a cookie that is younger than two minutes.
            f"http://127.0.0.1:{other}/form",
            f"http://127.0.0.1:{other}/form?silent",
        ):
            with self.subTest(page=page):
                self.assertIn("may not publish here", self.send(page))
        self.assertEqual(self.kept(), before)

        self.assertRegex(self.send(f"http://localhost:{own}/form"), r"^\w{8}-\d+$")
        self.assertEqual(self.kept(), [*before, "forged"])

    def test_fetch(self) -> None:
        """
        A script does not publish either, also where it needs no preflight.
        """
        script = """
            const kind = {"Content-Type": "application/x-www-form-urlencoded"};
            window.done = false;
            fetch(arguments[0], {method: "POST", credentials: "include", mode: "no-cors",
                headers: kind, body: "topic=rooms/1&data=scripted"}).then(
                () => { window.done = true; });
        """
        self.browser.open(f"http://localhost:{self.ports[0]}/login")
        before = self.kept()
        for host in ("localhost", "127.0.0.1"):
            self.browser.open(f"http://{host}:{self.ports[1]}/form")
            self.browser.run(script, f"http://localhost:{self.ports[0]}/events")
            eventually_in(self.browser, "window.done", "there is no answer")

        self.assertEqual(self.kept(), before)

        self.browser.open(f"http://localhost:{self.ports[0]}/form")
        self.browser.run(script, f"http://localhost:{self.ports[0]}/events")
        eventually_in(self.browser, "window.done", "there is no answer")

        self.assertEqual(self.kept(), [*before, "scripted"])
