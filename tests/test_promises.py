"""
The pages about guarantees and conformance: the tests that they name exist, and so many.
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.mercure.cases import GROUPS
from tests.mercure.tokens import NEW, OLD

__all__ = ["ConformanceTests", "GuaranteeTests"]

_TESTS = Path(__file__).resolve().parent
_DOCS = _TESTS.parent / "docs"


def _tests_in(path: Path) -> set[str]:
    """
    The names of the tests in a file, as ``Class.test_name``.
    """
    return {
        f"{case.name}.{test.name}"
        for case in ast.parse(path.read_text("utf-8")).body
        if isinstance(case, ast.ClassDef)
        for test in case.body
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef)
        and test.name.startswith("test_")
    }


class GuaranteeTests(SynchronousTestCase):
    """
    docs/guarantees.md.
    """

    text = _DOCS.joinpath("guarantees.md").read_text("utf-8")

    def test_promises(self) -> None:
        """
        Every row of a table names a test, and all of them exist.
        """
        rows = re.findall(r"^\| (?!promise)(?!-).+ \|$", self.text, re.M)
        named = re.findall(r" \| `([\w/]+\.py)` `(\w+\.\w+)` \|$", self.text, re.M)
        self.assertEqual(len(named), len([row for row in rows if not row.startswith("|-")]))
        self.assertGreater(len(named), 40)

        missing = [(file, test) for file, test in named if test not in _tests_in(_TESTS / file)]
        self.assertEqual(missing, [])


class ConformanceTests(SynchronousTestCase):
    """
    docs/conformance.md.
    """

    text = _DOCS.joinpath("conformance.md").read_text("utf-8")

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """
        Of each row that has a number: the number, and the places that it names.
        """
        found = re.findall(r"^\| ([\d,]+) (?:[a-z]+) \| .* \| (.*) \|$", self.text, re.M)
        for number, places in found:
            yield int(number.replace(",", "")), re.findall(r"`([\w./]+)`", places)

    def count(self, place: str) -> int:
        """
        How many tests, or cases, are in *place*.
        """
        path = _TESTS / place
        if path.suffix == ".json":
            content = json.loads(path.read_text("utf-8"))
            return len(content.get("streams") or content.get("cases") or content["answers"])
        files = sorted(path.glob("**/test_*.py")) if path.is_dir() else [path]
        return sum(len(_tests_in(one)) for one in files)

    def test_numbers(self) -> None:
        """
        There are as many tests and cases as the page says, or somewhat more.
        """
        checked = 0
        for number, places in self.rows():
            if places != ["mercure/cases/"]:
                checked += 1
                actual = min(self.count(place) for place in places)

                self.assertLessEqual(number, actual, places)
        self.assertGreater(checked, 6)

    def test_mercure(self) -> None:
        """
        The same for the cases of Mercure, which have versions.
        """
        cases = [case for group in GROUPS.values() for case in group]
        actual = Counter(version for case in cases for version in case.versions)
        told = [number for number, places in self.rows() if places == ["mercure/cases/"]]

        self.assertEqual(len(told), 2)
        self.assertLessEqual(told[0], actual[OLD])
        self.assertLessEqual(told[1], actual[NEW])
