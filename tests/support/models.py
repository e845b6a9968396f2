"""
A program that answers as models do, and what its tests share.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import curl
from tests.support.forwarder import Forwarder
from tests.support.processes import Background
from tests.support.waiting import eventually

__all__ = ["FAILED", "HALF", "WHOLE", "ModelTests", "start_models"]

_FOLDER = Path(__file__).resolve().parent.parent / "e2e"

# In CI, the folder of a program is not among those where it looks for modules.
_LAUNCH = f"""
import runpy, sys

sys.path.append({str(_FOLDER)!r})
runpy.run_path({str(_FOLDER / "models.py")!r}, run_name="__main__")
"""

#: The whole answer, and what is sent of one that fails.
WHOLE, HALF = "one two three four", "one two three "

#: What readers are told of an answer that has failed.
FAILED = "The answer could not be completed."


def start_models() -> tuple[Background, int]:
    """
    Start the program, and return it and its port.
    """
    program = Background([sys.executable, "-c", _LAUNCH])
    try:
        eventually(lambda: program.output().endswith("\n"), "the port was not printed")
        return program, int(program.output().split()[1])
    except BaseException:
        program.end()
        raise


class ModelTests(SynchronousTestCase):
    """
    Tests of the program `models.py`.

    Attributes:
        url: Its URL.

        network: What clients may connect through.
    """

    url: str
    network: Forwarder

    @classmethod
    def setUpClass(cls) -> None:
        """
        Start it.
        """
        program, port = start_models()
        cls.addClassCleanup(program.end)
        cls.url = f"http://127.0.0.1:{port}"
        cls.network = Forwarder(port)
        cls.addClassCleanup(cls.network.close)

    @property
    def through(self) -> str:
        """
        The URL through the network that can be cut.
        """
        return f"http://127.0.0.1:{self.network.port}"

    def go_on(self) -> None:
        """
        Let the run that waits go on.
        """
        go = ("--request", "POST", f"{self.url}/runs/go")
        eventually(lambda: curl(*go).body, "no run waits")

    def counts(self) -> dict[str, int]:
        """
        How many sources of runs have begun, and are closed.
        """
        told: dict[str, int] = curl(f"{self.url}/runs/counts").json()
        return told

    @contextmanager
    def one_source(self) -> Iterator[None]:
        """
        Assert that one source begins, and is closed in the end.
        """
        before = self.counts()
        yield
        after = {name: count + 1 for name, count in before.items()}
        eventually(lambda: self.counts()["closed"] == after["closed"], "it is not closed")
        self.assertEqual(self.counts(), after)

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """
        Cut the network, and mend it in the end.
        """
        self.network.cut()
        try:
            yield
        finally:
            self.network.mend()
