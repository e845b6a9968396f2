"""
Dialects, as their clients see them: unmodified, from npm.
"""

from pathlib import Path
from typing import Any

from tests.support.models import FAILED, HALF, WHOLE, ModelTests
from tests.support.node import Lines, NodeClients
from tests.support.waiting import eventually

__all__ = ["NodeTests"]

CLIENTS = Path(__file__).resolve().parent.parent / "dialects" / "clients"


class NodeTests(ModelTests):
    """
    ``ai``, ``openai`` and ``@tanstack/ai-client`` of npm.
    """

    clients: NodeClients

    @classmethod
    def setUpClass(cls) -> None:
        """
        Install the clients.
        """
        super().setUpClass()
        cls.clients = NodeClients(CLIENTS)
        cls.addClassCleanup(cls.clients.close)

    def start(self, script: str, *arguments: str) -> Lines:
        """
        Run a script to the end of the test.
        """
        lines = self.clients.run(script, *arguments)
        self.addCleanup(lines.end)
        self.assertEqual(lines.line(1), {"began": True})
        return lines

    def cut(self, lines: Lines, number: int = 2) -> Any:
        """
        Cut the network, and return line *number*.
        """
        with self.cut_off():
            return lines.line(number)

    def test_aisdk(self) -> None:
        """
        ai has a whole message.
        """
        lines = self.start("aisdk.mjs", f"{self.url}/whole/api/chat", "0")

        self.assertEqual(lines.line(2), {"status": "ready", "text": [WHOLE], "error": None})

    def test_aisdk_failed(self) -> None:
        """
        ai reports the error of a source that fails.
        """
        lines = self.start("aisdk.mjs", f"{self.url}/failing/api/chat", "0")

        self.assertEqual(lines.line(2), {"status": "error", "text": [HALF], "error": FAILED})

    def test_aisdk_cut(self) -> None:
        """
        ai reports an error when the connection is lost.
        """
        state = self.cut(self.start("aisdk.mjs", f"{self.through}/endless/api/chat", "0"))

        self.assertEqual(state["status"], "error")

    def test_aisdk_resumes(self) -> None:
        """
        After a lost connection, ai resumes the answer, and has it once, whether or not it is
        over meanwhile; a chat that has it all and resumes has it once, too.
        """
        with self.one_source():
            lines = self.start("aisdk.mjs", f"{self.through}/runs/api/chat", "50")
            self.assertEqual(self.cut(lines)["status"], "error")
            self.go_on()

            whole = {"status": "ready", "text": [WHOLE], "error": None}
            self.assertEqual([lines.line(3), lines.line(4)], [whole] * 2)

    def test_aisdk_stops(self) -> None:
        """
        An answer is stopped by another request, and ai has what there was.
        """
        with self.one_source():
            state = self.start("aisdk.mjs", f"{self.url}/runs/api/chat", "0", "stop").line(2)

        self.assertEqual((state["status"], state["error"]), ("ready", None))
        self.assertNotEqual(state["text"], [WHOLE])

    def test_openai_resumes(self) -> None:
        """
        After a lost connection, openai continues after the last event that it has.
        """
        with self.one_source():
            lines = self.start("openai.mjs", f"{self.through}/runs/v1", "50")
            self.assertIsNotNone(self.cut(lines)["error"])
            self.go_on()

            self.assertEqual(
                lines.line(3),
                {"text": WHOLE, "last": "response.completed", "inOrder": True, "error": None},
            )

    def test_tanstack_resumes(self) -> None:
        """
        After a lost connection, TanStack's client repeats its POST, which joins the run.
        """
        with self.one_source():
            lines = self.start("tanstack.mjs", f"{self.through}/runs/api/tanstack")
            with self.cut_off():
                eventually(lambda: self.network.refused, "it has not come back")
            self.go_on()

            self.assertEqual(lines.line(2), {"status": "ready", "text": [WHOLE], "error": None})

    def test_tanstack_joins(self) -> None:
        """
        A page that was reloaded asks for the run of its thread, and has the whole answer.
        """
        with self.one_source():
            url = f"{self.url}/runs/api/tanstack"
            self.start("tanstack.mjs", url, "thread-1").end()
            lines = self.start("tanstackjoin.mjs", url, "thread-1")
            self.go_on()

            self.assertEqual(lines.line(2), {"status": "ready", "text": [WHOLE], "error": None})

    def test_openai(self) -> None:
        """
        openai has a whole answer.
        """
        lines = self.start("openai.mjs", f"{self.url}/whole/v1", "0")

        self.assertEqual(
            lines.line(2),
            {"text": WHOLE, "last": "response.completed", "inOrder": True, "error": None},
        )

    def test_openai_failed(self) -> None:
        """
        openai throws the error of a source that fails.
        """
        told = self.start("openai.mjs", f"{self.url}/failing/v1", "0").line(2)

        self.assertEqual(told["text"], HALF)
        self.assertIn(FAILED, told["error"])

    def test_openai_cut(self) -> None:
        """
        openai throws an error when the connection is lost.
        """
        told = self.cut(self.start("openai.mjs", f"{self.through}/endless/v1", "0"))

        self.assertIsNotNone(told["error"])

    def test_tanstack(self) -> None:
        """
        TanStack's client has a whole message.
        """
        lines = self.start("tanstack.mjs", f"{self.url}/whole/api/tanstack")

        self.assertEqual(lines.line(2), {"status": "ready", "text": [WHOLE], "error": None})

    def test_tanstack_failed(self) -> None:
        """
        TanStack's client reports the error of a source that fails.
        """
        state = self.start("tanstack.mjs", f"{self.url}/failing/api/tanstack").line(2)

        self.assertEqual((state["status"], state["error"]), ("error", FAILED))

    def test_tanstack_cut(self) -> None:
        """
        TanStack's client reports an error when the connection is lost.
        """
        state = self.cut(self.start("tanstack.mjs", f"{self.through}/endless/api/tanstack"))

        self.assertEqual(state["status"], "error")
