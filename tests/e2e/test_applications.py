"""
The applications among the examples in Chromium: a reload or a lost connection loses nothing.
"""

from itertools import pairwise
from pathlib import Path

from tests.support.curl import curl, publish
from tests.support.pages import PageTests

__all__ = ["EXAMPLES", "ApplicationTests"]

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

#: The files of the examples that are tested here alone.
EXAMPLES = ("chat.html", "chat.py", "dashboard.py", "notifications.py")

# The texts of the elements in a list.
_ITEMS = "[...document.querySelectorAll('li')].map((item) => item.textContent)"


class ApplicationTests(PageTests):
    """
    One browser for all of them.
    """

    def numbers(self) -> list[int]:
        """
        The numbers of the measurements in the chart.
        """
        found: list[int] = self.browser.run("return values.map(({ number }) => number)")
        return found

    def test_dashboard(self) -> None:
        """
        The chart has every measurement, after a lost connection and after a reload.
        """
        self.serve(str(_EXAMPLES / "dashboard.py"), "PORT")
        self.show()
        self.wait("values.length >= 3")

        self.lose_connection()
        before = self.numbers()
        self.come_back()
        self.wait(f"values.length >= {len(before) + 3}")
        cut = self.numbers()
        self.show()
        self.wait(f"values.length >= {len(cut) + 2}")
        reloaded = self.numbers()

        for numbers in (cut, reloaded):
            self.assertEqual(numbers[0], 0)
            self.assertTrue(all(after == one + 1 for one, after in pairwise(numbers)), numbers)
        self.assertTrue(self.browser.run("return line.getAttribute('points')").startswith("0,"))

    def login(self, user: str) -> str:
        """
        Log *user* in without the browser, and return the header with the cookie.
        """
        answer = curl(f"http://localhost:{self.port}/login/{user}")
        return f"Cookie: {answer.headers['set-cookie'].partition(';')[0]}"

    def say(self, cookie: str, room: str, text: str) -> int:
        """
        Say *text* in *room*, and return the status of the answer.
        """
        url = f"http://localhost:{self.port}/rooms/{room}"
        return curl(url, "--header", cookie, "--data", text).status

    def test_chat(self) -> None:
        """
        The page shows all that was said in its user's rooms, and who is in them, and nothing of
        other rooms; strangers neither read nor say anything.
        """
        self.serve(str(_EXAMPLES / "chat.py"), "PORT")
        strangers = f"http://localhost:{self.port}/events?topic=rooms/tea"
        self.assertEqual((curl(strangers).status, self.say("X: y", "tea", "hello")), (401, 403))
        ada, bob = self.login("ada"), self.login("bob")
        self.say(ada, "tea", "before")
        self.show("/login/bob")
        self.wait(f"{_ITEMS}.length === 1")

        self.browser.run("text.value = 'from the page'; form.requestSubmit()")
        self.wait(f"{_ITEMS}.length === 2")
        self.lose_connection()
        statuses = [self.say(ada, "work", "secret"), self.say(bob, "work", "intruder")]
        self.say(ada, "tea", "while away")
        self.come_back()
        self.wait(f"{_ITEMS}.length >= 3")
        cut = self.browser.run(f"return {_ITEMS}")
        self.show("/login/bob")
        self.wait(f"{_ITEMS}.length >= 3")

        self.assertEqual(statuses, [200, 403])
        said = ["tea: ada: before", "tea: bob: from the page", "tea: ada: while away"]
        self.assertEqual(cut, said)
        self.assertEqual(self.browser.run(f"return {_ITEMS}"), said)
        self.assertEqual(self.browser.run("return find('here').textContent"), "rooms/tea: bob")

    def test_job(self) -> None:
        """
        A page that is reloaded and loses its connection shows every step once, and then closes.
        """
        self.serve(str(_EXAMPLES / "jobs.py"), "PORT")
        self.show()
        self.browser.run("document.forms[0].submit()")
        self.wait("location.search && steps.children.length >= 3")

        self.show(self.browser.run("return location.pathname + location.search"))
        self.wait("steps.children.length >= 5")
        self.network.cut()
        self.network.mend()
        self.wait("steps.children.length >= 20 && bar.value === 20")

        steps = self.browser.run(f"return {_ITEMS}")
        self.assertEqual(steps, [str(number) for number in range(1, 21)])

    def test_answer(self) -> None:
        """
        A page that is reloaded in the middle shows the whole answer.
        """
        self.serve(str(_EXAMPLES / "answers.py"), "PORT")
        self.show()
        self.browser.run(
            "document.querySelector('input').value = 'why?'; document.forms[0].submit()"
        )
        self.wait("location.search && answer.textContent.includes('asked')")

        self.show(self.browser.run("return location.pathname + location.search"))
        self.wait("answer.textContent.includes('that.')")

        text = self.browser.run("return answer.textContent")
        self.assertEqual(text, "You asked: why? Let me think about that. ")

    def test_answer_stops(self) -> None:
        """
        The button stops the answer, and its stream ends; nobody can read the answers of others
        without their ID.
        """
        self.serve(str(_EXAMPLES / "answers.py"), "PORT")
        self.show()
        self.browser.run(
            "document.querySelector('input').value = 'why?'; document.forms[0].submit()"
        )
        self.wait("location.search && answer.textContent.includes('asked')")
        path = self.browser.run("cancel.click(); return `/answers/${location.search.slice(1)}`")

        events = curl(f"http://localhost:{self.port}{path}").body
        self.assertTrue(events.endswith('data: {"outcome":"cancelled"}\n\n'))
        others = curl(f"http://localhost:{self.port}/events?topic=*")
        self.assertEqual(others.status, 404)
        self.assertNotIn("that.", events)

    def test_notifications(self) -> None:
        """
        The page shows what was published while its connection was lost, and all of it after a
        restart of the program.
        """
        file = str(Path(self.mktemp()).resolve())
        program = self.serve(str(_EXAMPLES / "notifications.py"), "PORT", file)
        url = f"http://localhost:{self.port}"
        self.show("/login/ada")
        self.wait("source.readyState === EventSource.OPEN")
        forged = curl(f"{url}/events", "--data", "topic=users/ada&data=forged")
        publish(url, "secret", "users/ada", "one")
        self.wait("list.children.length === 1")

        self.lose_connection()
        publish(url, "secret", "users/ada", "two")
        publish(url, "secret", "users/bob", "for bob")
        self.come_back()
        self.wait("list.children.length >= 2")
        shown = self.browser.run(f"return {_ITEMS}")
        program.end()
        self.serve(str(_EXAMPLES / "notifications.py"), "PORT", file)
        self.show("/login/ada")
        self.wait("list.children.length >= 2")

        self.assertEqual(forged.status, 401)
        self.assertEqual(shown, ["one", "two"])
        self.assertEqual(self.browser.run(f"return {_ITEMS}"), ["one", "two"])
