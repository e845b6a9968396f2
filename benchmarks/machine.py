"""
The circumstances of a measurement: date, machine and versions.  No names, no paths.
"""

import json
import os
import platform
import shutil
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import build
from benchmarks.sizes import Sizes

__all__ = ["about", "cpu_model"]

_OURS = ("twisted-sse", "Twisted")
_PYTHON = ("sse-starlette", "uvicorn", "uvloop", "aiohttp", "aiohttp-sse", "Hypercorn")
_NODE = ("express", "better-sse")


def cpu_model(cpuinfo: str) -> str:
    """
    Find the CPU's model in the text of `/proc/cpuinfo`.
    """
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()


def about(sizes: Sizes, rounds: int) -> dict[str, Any]:
    """
    The circumstances that are stored with the results of a run.
    """
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": rounds,
        "cores": os.cpu_count(),
        "cpu": cpu_model(Path("/proc/cpuinfo").read_text()),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "versions": _versions(),
        "sizes": asdict(sizes),
    }


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    found |= {name: version for name in _OURS if (version := _installed(name))}
    found |= {"gcc": _said("gcc", "-dumpfullversion")}
    found |= {"Nchan": _debian("libnginx-mod-nchan"), "nginx": _debian("nginx")}
    found |= {"Node": _said("node", "--version").lstrip("v")}
    found |= {name: _node_version(name) for name in _NODE}
    found |= _python_peers()
    return {name: version for name, version in found.items() if version}


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _debian(package: str) -> str:
    return _said("dpkg-query", "-W", "-f", "${Version}", package)


def _node_version(name: str) -> str:
    description = build.PEERS / "node_modules" / name / "package.json"
    return str(json.loads(description.read_text())["version"]) if description.exists() else ""


def _python_peers() -> dict[str, str]:
    python = build.PEERS / "venv" / "bin" / "python"
    if not python.exists():
        return {}
    listed = _said(str(python), "-m", "pip", "list", "--format", "json")
    versions = {p["name"]: str(p["version"]) for p in json.loads(listed or "[]")}
    return {name: versions[name] for name in _PYTHON if name in versions}
