"""
The JavaScript modules: made of their sources, small, and described for npm and TypeScript.
"""

import gzip
import json
import re
import runpy
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["BuildTests", "PackageTests"]

_PROJECT = Path(__file__).resolve().parents[1]
_BROWSER = _PROJECT / "browser"
_TOOL = runpy.run_path(str(_PROJECT / "tools" / "build_browser_module.py"))

# The most bytes of the main module, compressed by gzip: a promise of its documentation.
_MOST_BYTES = 4096


class BuildTests(SynchronousTestCase):
    """
    The files that are served.
    """

    def test_built(self) -> None:
        """
        They are what the tool makes of the sources: run it again if this fails.
        """
        for name in _TOOL["MODULES"]:
            with self.subTest(name=name):
                served = _TOOL["SERVED"] / name
                self.assertEqual(served.read_text("utf-8"), _TOOL["build"](name))

    def test_size(self) -> None:
        """
        The main module has at most 4 KB when it is compressed.
        """
        served: Any = _TOOL["SERVED"] / "twisted-sse.js"

        self.assertLessEqual(len(gzip.compress(served.read_bytes(), mtime=0)), _MOST_BYTES)

    def test_source(self) -> None:
        """
        The sources obey the rules of the tool.
        """
        for name in _TOOL["MODULES"]:
            for line in (_BROWSER / name).read_text("utf-8").splitlines():
                with self.subTest(name=name, line=line):
                    code = line.strip()
                    comment = code.startswith("//")
                    # Texts have one line, and comments a line of their own.
                    self.assertEqual(code.count("`") % 2, 0)
                    self.assertTrue(comment or "//" not in code)
                    self.assertTrue(comment or "/*" not in code)


class PackageTests(SynchronousTestCase):
    """
    What npm publishes.
    """

    def test_package(self) -> None:
        """
        It has the version of the Python package, and every file that it names exists.
        """
        package = json.loads((_BROWSER / "package.json").read_text("utf-8"))
        setup = (_PROJECT / "setup.py").read_text("utf-8")
        version = re.search(r'^VERSION = "(.*)"', setup, re.MULTILINE)
        assert version is not None
        files = [file for one in package["exports"].values() for file in one.values()]

        self.assertEqual(package["version"], version[1])
        self.assertEqual([file for file in files if not (_BROWSER / file).exists()], [])

    def test_license(self) -> None:
        """
        The folder has what npm publishes beside the modules: its own page, and the license.
        """
        license = (_PROJECT / "LICENSE").read_text("utf-8")

        self.assertEqual((_BROWSER / "LICENSE").read_text("utf-8"), license)
        self.assertIn("SharedEventSource", (_BROWSER / "README.md").read_text("utf-8"))

    def test_declarations(self) -> None:
        """
        Every public member and option of the class is declared, and no other.
        """
        source = (_BROWSER / "twisted-sse.js").read_text("utf-8")
        declared = (_BROWSER / "twisted-sse.d.ts").read_text("utf-8")
        shape = declared[declared.index("export class") :]
        fields = set(re.findall(r"^  (\w+)(?: = .*)?;$", source, re.MULTILINE))
        fields |= set(re.findall(r"^    this\.(\w+) = ", source, re.MULTILINE))
        methods = set(re.findall(r"^  (\w+)\(.*\) \{$", source, re.MULTILINE))
        options = set(re.findall(r"^  (\w+)\?:", declared, re.MULTILINE))

        members = set(re.findall(r"^  (?:readonly )?(\w+)[:(]", shape, re.MULTILINE))
        # What the class takes from `EventTarget`, and gets after its definition.
        others = {"removeEventListener", "CONNECTING", "OPEN", "CLOSED"}
        self.assertEqual(members - others, fields | methods)
        for option in options:
            with self.subTest(option=option):
                self.assertRegex(source, rf"\b{option}\b")
