"""
axe-core, which finds faults of a page that shut people out.
"""

import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.support.browsers import Browser, eventually_in
from tests.support.processes import find_program

__all__ = ["faults_of"]

_PACKAGE = Path(__file__).parent / "axe" / "package.json"

# npm has to fetch a package.
_PATIENCE = 120.0

_RUN = """
    window.faults = null;
    axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => {
      window.faults = violations
        .filter(({impact}) => impact === "serious" || impact === "critical")
        .map(({id, nodes}) => `${id}: ${nodes.map(({target}) => target.join(" ")).join(", ")}`);
    });
"""


@cache
def _source() -> str:
    npm = find_program("npm", "npm")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "package.json").write_bytes(_PACKAGE.read_bytes())
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=directory, check=True, timeout=_PATIENCE)
        return Path(directory, "node_modules", "axe-core", "axe.min.js").read_text("utf-8")


def faults_of(browser: Browser) -> list[str]:
    """
    Return the serious and critical faults of the page that *browser* shows.
    """
    if not browser.run("return 'axe' in window"):
        browser.run(_source())
    browser.run(_RUN)
    faults: list[str] = eventually_in(
        browser, "window.faults && [window.faults]", "axe-core has not finished"
    )[0]
    return faults
