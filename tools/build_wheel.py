"""
Build the wheel from a copy of the sources.

setuptools builds in the source tree, and puts into the wheel whatever an earlier
build has left there, even deleted modules.

Usage: python build_wheel.py DIRECTORY
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["build_wheel"]

_ROOT = Path(__file__).parent.parent
_SOURCES = ["setup.py", "pyproject.toml", "README.md", "LICENSE", "twisted", "twisted_sse"]
_LEFTOVERS = shutil.ignore_patterns("__pycache__", "dropin.cache")


def build_wheel(destination: Path) -> Path:
    """
    Build the wheel with the running interpreter's pip.

    Args:
        destination: The directory for the wheel; created if it is missing.

    Returns:
        The wheel's path.

    Raises:
        subprocess.CalledProcessError: The build failed; pip has printed why.
    """
    with TemporaryDirectory() as scratch:
        sources = Path(scratch, "sources")
        wheels = Path(scratch, "wheels")
        _copy_sources(sources)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, sources], check=True)
        (wheel,) = wheels.iterdir()
        destination.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, destination))


def _copy_sources(destination: Path) -> None:
    destination.mkdir()
    for source in (_ROOT / name for name in _SOURCES):
        if source.is_dir():
            shutil.copytree(source, destination / source.name, ignore=_LEFTOVERS)
        elif source.exists():
            shutil.copy(source, destination)


if __name__ == "__main__":
    print(build_wheel(Path(sys.argv[1])))
