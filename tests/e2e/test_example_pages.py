"""
The pages of the examples, in one Chromium: what each of them is there to show.

tests/e2e/test_applications.py looks at those of the larger applications.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from tests.support.certificates import write_certificate
from tests.support.curl import curl
from tests.support.pages import PageTests
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.streams import RawStream

__all__ = ["EXAMPLES", "ExamplePagesTests"]

_FOLDER = Path(__file__).resolve().parents[2] / "examples"

#: The files of the examples that are tested here.
EXAMPLES = (
    *("backlog.html", "backlog.py", "counter.html", "counter.py", "launch.html", "launch.py"),
    *("orders.html", "orders.py", "stocks.html", "stocks.py", "users.html", "users.py"),
    *("wall.html", "wall.py", "words.html", "words.py"),
)

# A distribution that contains Datastar 1.0.1, and the file; pip has to fetch 160 KB.
_DATASTAR = "starhtml==0.7.0"
_DATASTAR_FILE = "starhtml/static/js/datastar-core.js"
_PIP_PATIENCE = 120.0

# The texts of the elements in a list.
_ITEMS = "[...document.querySelectorAll('li')].map((item) => item.textContent)"


class ExamplePagesTests(PageTests):
    """
    One test for each page.
    """

    def start(self, name: str, *arguments: str) -> None:
        """
        Run the example *name*.
        """
        self.serve(str(_FOLDER / name), "PORT", *arguments)

    def items(self) -> list[str]:
        """
        The texts of the elements in the lists of the page.
        """
        found: list[str] = self.browser.run(f"return {_ITEMS}")
        return found

    def look(self, expression: str) -> Any:
        """
        The value of *expression* in the page.
        """
        return self.browser.run(f"return {expression}")

    def test_launch(self) -> None:
        """
        A page of another origin has the whole countdown, after a reload too, and closes its
        stream at the last event; without the cookie nobody reads it, and after the end the hub
        answers 204.
        """
        redis = RedisServer()
        self.addCleanup(redis.end)
        page_port = free_port()
        self.start("launch.py", str(page_port), redis.url)
        front = f"http://localhost:{page_port}/"
        self.browser.open(front)
        self.wait("said.children.length >= 2")

        self.browser.open(front)
        self.wait("state.textContent === 'over'")
        whole = self.items()
        stranger = curl(f"http://localhost:{self.port}/events")
        login = curl(f"http://localhost:{self.port}/login", "--request", "POST").headers
        cookie = f"Cookie: {login['set-cookie'].partition(';')[0]}"
        late = curl(f"http://localhost:{self.port}/events", "--header", cookie)

        self.assertEqual(whole, [*map(str, range(10, 0, -1)), "Liftoff!"])
        self.assertEqual(self.look("source.readyState"), 2)
        self.assertEqual((stranger.status, late.status), (401, 204))

    def test_users(self) -> None:
        """
        The page shows who comes; a user who is removed gets a last event, and is refused at a
        reload; a user who leaves is gone for the others.
        """
        self.start("users.py")
        url = f"http://localhost:{self.port}"
        bob = f"Cookie: {curl(f'{url}/login/bob').headers['set-cookie'].partition(';')[0]}"
        self.show("/login/ada")
        self.wait("users.size === 1")
        removed = curl(f"{url}/users/ada", "--request", "DELETE", "--header", bob)
        self.wait("find('state').textContent === 'You were removed.'")
        self.browser.run(
            "window.again = new EventSource('/events?topic=lobby');"
            "again.onerror = () => { window.refused = again.readyState === 2; }"
        )
        self.wait("window.refused")

        self.show("/login/ada")
        self.wait("users.size === 1")
        watcher = RawStream(self.port, "/events?topic=lobby&presence=watch", bob)
        self.addCleanup(watcher.close)
        watcher.named("presence-state")
        self.browser.run("find('leave').click()")
        stopped = self.look("[source.readyState, find('state').textContent]")

        self.assertEqual(removed.body, "1 streams have ended.\n")
        self.assertEqual(stopped, [2, "You have left."])
        self.assertEqual(watcher.named("presence-leave").json()["user"], "ada")

    def test_backlog(self) -> None:
        """
        Over HTTP/2, a page gets the lines so far and new ones, each once, also those of a time
        without a connection.
        """
        with tempfile.TemporaryDirectory() as directory:
            self.start("backlog.py", *map(str, write_certificate(Path(directory))))
        self.browser.open(f"https://localhost:{self.network.port}/")
        self.wait("lines.children.length >= 2")

        self.lose_connection()
        before = len(self.items())
        self.come_back()
        self.wait(f"lines.children.length >= {before + 2}")
        shown = self.items()

        self.assertEqual(shown, [f"line {number}" for number in range(1, len(shown) + 1)])
        self.assertEqual(self.look("protocol.textContent"), "h2")

    def test_words(self) -> None:
        """
        Events of its own types come to an EventSource, and as the answer to a POST.
        """
        self.start("words.py")
        self.show()
        self.wait("ticks.textContent >= 2")
        self.browser.run("form.requestSubmit()")
        self.wait("total.textContent === '3 words'")

        self.assertEqual(self.look("words.textContent"), "say it slowly ")

    def test_stocks(self) -> None:
        """
        The events of one stream come to the rows of their shares.
        """
        self.start("stocks.py")
        self.show()
        self.wait("rows.size === 3")

        cells = "[...table.rows].map(({ cells }) => [cells[0].textContent, +cells[1].textContent])"
        prices = dict(self.look(cells))
        self.assertEqual(sorted(prices), ["ACME", "HOOLI", "INITECH"])
        for price in prices.values():
            self.assertGreater(price, 0)

    def test_wall(self) -> None:
        """
        The wall has all notes after a lost connection, and after a restart of the program.
        """
        with tempfile.TemporaryDirectory() as directory:
            file = f"{directory}/wall.db"
            program = self.serve(str(_FOLDER / "wall.py"), "PORT", file)
            self.show()
            self.browser.run("text.value = 'from the page'; form.requestSubmit()")
            self.wait("notes.children.length === 1")
            self.lose_connection()
            curl(f"http://localhost:{self.port}/notes", "--data", "while away")
            self.come_back()
            self.wait("notes.children.length >= 2")
            cut = self.items()
            program.end()
            self.serve(str(_FOLDER / "wall.py"), "PORT", file)
            self.show()
            self.wait("notes.children.length >= 2")

            self.assertEqual(cut, ["while away", "from the page"])
            self.assertEqual(self.items(), cut)

    def test_orders(self) -> None:
        """
        A page that is reloaded shows every step of its order, and closes the stream at the last
        one; another user may not read it.
        """
        self.start("orders.py")
        self.show("/login/ada")
        self.browser.run("order.click()")
        self.wait("steps.children.length >= 1")
        url = f"http://localhost:{self.port}"
        bob = f"Cookie: {curl(f'{url}/login/bob').headers['set-cookie'].partition(';')[0]}"
        topic = self.look("location.hash.slice(1)")
        refused = curl(f"{url}/events?topic={topic}", "--header", bob)

        self.browser.run("location.reload()")
        self.wait("state.textContent === 'Nothing follows.'")

        self.assertEqual(refused.status, 403)
        self.assertEqual(self.items(), ["received", "packed", "on its way", "here"])
        self.assertEqual(self.look("source.readyState"), 2)

    def test_counter(self) -> None:
        """
        Datastar shows the count that is kept, and each new one.
        """
        with tempfile.TemporaryDirectory() as directory:
            fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            # It is only unpacked, so it need not fit this Python.
            fetch += ["--python-version", "3.13", "--only-binary=:all:", "--dest", directory]
            subprocess.run(
                [*fetch, _DATASTAR], check=True, capture_output=True, timeout=_PIP_PATIENCE
            )
            (wheel,) = Path(directory).glob("*.whl")
            file = Path(directory, "datastar.js")
            file.write_bytes(zipfile.ZipFile(wheel).read(_DATASTAR_FILE))
            self.start("counter.py", str(file))
            self.show()
            self.wait("count.textContent === '0'")
            for number in (1, 2):
                self.browser.run("add.click()")
                self.wait(f"count.textContent === '{number}'")
            self.show()
            self.wait("count.textContent === '2'")

        self.assertEqual(curl(f"http://localhost:{self.port}/datastar.js").status, 404)
