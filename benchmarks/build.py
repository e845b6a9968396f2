"""
Prepares a run: compiled programs, a certificate, a token, peers.

Everything is made in one directory outside git, and made again when it is missing or older than its
source.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "BUILD",
    "PEERS",
    "TOKEN",
    "certificate",
    "compiled",
    "floor",
    "generator",
    "install_peers",
    "token_file",
]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = HERE / ".build"
PEERS = BUILD / "peers"

# Known only to a hub that listens on loopback while a benchmark runs.
TOKEN = "benchmark-token-0123456789abcdef"

PYTHON_PEERS = (
    *("sse-starlette", "uvicorn[standard]", "aiohttp", "aiohttp-sse", "hypercorn[uvloop]"),
    # Peers that only decode.
    *("httpx-sse", "sseclient-py"),
)
NODE_PEERS = ("express", "better-sse")

# Warnings are errors, so that the measuring programs stay clean.
COMPILE = ("gcc", "-O2", "-Wall", "-Wextra", "-Werror")


def compiled(name: str, sources: Sequence[Path], directory: Path = BUILD) -> Path:
    """
    Compile C *sources* with gcc; headers among them are only checked for their age.

    Returns:
        The program, *directory* / *name*.

    Raises:
        CalledProcessError: gcc found an error or a warning, and has printed it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / name
    newest = max(source.stat().st_mtime for source in sources)
    if not program.exists() or program.stat().st_mtime < newest:
        units = [str(source) for source in sources if source.suffix == ".c"]
        subprocess.run([*COMPILE, "-o", str(program), *units], check=True)
    return program


def generator(directory: Path = BUILD) -> Path:
    """
    The load generator, `sseload`.
    """
    return compiled("sseload", sorted((HERE / "load").glob("*.[ch]")), directory)


def floor(directory: Path = BUILD) -> Path:
    """
    The C server that only sends.
    """
    return compiled("floor", [HERE / "apps" / "floor.c"], directory)


def certificate() -> tuple[Path, Path]:
    """
    A self-signed certificate for localhost and its key, ECDSA on P-256 as most servers have.
    """
    cert, key = BUILD / "cert.pem", BUILD / "key.pem"
    if not (cert.exists() and key.exists()):
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-nodes", "-days", "3650", "-subj", "/CN=localhost"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-keyout", str(key), "-out", str(cert)),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )
    return cert, key


def token_file() -> Path:
    """
    The file that tells the hub which tokens may publish.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / "publish-token"
    path.touch(mode=0o600)
    path.write_text(f"{TOKEN}\n")
    return path


def install_peers() -> None:
    """
    Put the peers that come from PyPI and npm into the build directory; this needs a network.

    Nchan is not among them: `apt-get install nginx libnginx-mod-nchan` installs it.
    """
    PEERS.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(PEERS / "venv")], check=True)
    pip = str(PEERS / "venv" / "bin" / "pip")
    subprocess.run([pip, "install", "--quiet", "--upgrade", *PYTHON_PEERS], check=True)
    subprocess.run(["npm", "install", "--silent", "--prefix", str(PEERS), *NODE_PEERS], check=True)
