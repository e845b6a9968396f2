"""
``/status``, the page, and where they are.
"""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from tests.web.admin.served import LOCAL, ServedAdmin
from twisted_sse.web.admin import resource

__all__ = ["PageTests", "StatusTests", "WatchTests"]

STATIC = Path(resource.__file__).parent / "static"


class StatusTests(SynchronousTestCase):
    """
    What runs here.
    """

    def test_status(self) -> None:
        """
        It tells versions, age, connections, numbers and history.
        """
        admin = ServedAdmin()
        admin.subscribe("news")
        (event_id,) = admin.publish("hello")
        admin.clock.advance(75)

        status = admin.look("/status").json

        self.assertTrue(status["ready"])
        self.assertEqual((status["since"], status["uptime"]), ("1970-01-01T00:00:00Z", 75))
        self.assertEqual((status["processes"], status["connections"]["live"]), (1, 1))
        self.assertEqual((status["published"], status["delivered"]), (1, 1))
        self.assertEqual(status["history"]["kind"], "MemoryHistory")
        self.assertEqual((status["history"]["events"], status["history"]["newest"]), (1, event_id))
        self.assertLess({"version", "python", "twisted"}, set(status))

    def test_leaving(self) -> None:
        """
        A hub that is about to stop is not ready.
        """
        admin = ServedAdmin()
        admin.hub.broker.leaving = True

        self.assertFalse(admin.look("/status").json["ready"])


class PageTests(SynchronousTestCase):
    """
    The page and its files.
    """

    def test_root(self) -> None:
        """
        The root leads to the page, wherever in a site it is.
        """
        admin = ServedAdmin()
        site = Resource()
        site.putChild(b"admin", admin.site.resource)
        cases = [("/", "dashboard")]
        for target, expected in cases:
            answer = admin.look(target)
            self.assertEqual((answer.status, answer.header("Location")), (303, expected), target)

        admin.serve(site)
        for target, expected in [("/admin", "admin/dashboard"), ("/admin/", "dashboard")]:
            answer = admin.look(target)
            self.assertEqual((answer.status, answer.header("Location")), (303, expected), target)
        self.assertEqual(admin.look("/admin/dashboard").status, 200)

    def test_files(self) -> None:
        """
        Every file is served byte for byte, and may load nothing from elsewhere.
        """
        admin = ServedAdmin()
        files = {f"/static/{path.name}": path for path in STATIC.iterdir()}
        for target, path in {"/dashboard": STATIC / "dashboard.html", **files}.items():
            answer = admin.look(target)

            self.assertEqual((answer.status, answer.body), (200, path.read_bytes()), target)
            policy = answer.header("Content-Security-Policy") or ""
            self.assertTrue(policy.startswith("default-src 'self'; frame-ancestors 'none'"))

    def test_nothing_inline(self) -> None:
        """
        The page has no script and no style of its own, and names no other server.
        """
        page = (STATIC / "dashboard.html").read_text("utf-8")

        for forbidden in ("<style", "style=", "onclick", "javascript:", "http://", "https://"):
            self.assertNotIn(forbidden, page)
        self.assertEqual(page.count("<script"), 1)

    def test_unknown(self) -> None:
        """
        Nothing is below the page, and nothing else is here.
        """
        admin = ServedAdmin()
        for target in ("/dashboard/x", "/static/", "/static/x.js", "/nothing", "/status/x"):
            self.assertEqual(admin.look(target).status, 404, target)


class WatchTests(SynchronousTestCase):
    """
    ``/events`` of the admin resource.
    """

    def test_watch(self) -> None:
        """
        A stream there has private events too.
        """
        admin = ServedAdmin()
        caller = admin.call("GET", "/events?topic=*", LOCAL)
        admin.publish("hidden", private=True)
        admin.clock.advance(0)

        self.assertEqual(caller.answer.events[-1].data, "hidden")

    def test_publish(self) -> None:
        """
        What is published there is sent to the subscribers of the hub.
        """
        admin = ServedAdmin()
        ada = admin.subscribe("news")
        headers = {**LOCAL, "Content-Type": "application/json"}
        answer = admin.call("POST", "/events", headers, b'{"topic":"news","data":"hi"}').answer

        self.assertEqual((answer.status, answer.json["subscribers"]), (200, 1))
        self.assertEqual(ada.data, ["hi"])

    def test_other_pages(self) -> None:
        """
        A page of another site cannot publish.
        """
        admin = ServedAdmin()
        headers = {**LOCAL, "Content-Type": "application/json", "Origin": "http://evil.example"}
        answer = admin.call("POST", "/events", headers, b'{"topic":"news","data":"hi"}').answer

        self.assertEqual(answer.status, 403)
