"""
What the package is, for pip: name, version, requirements, contents.

Only this file contains the version; a running program asks importlib.metadata for it.
pyproject.toml configures the tools.
"""

from pathlib import Path

from setuptools import find_packages, setup

VERSION = "0.1.0"
SUMMARY = "Server-Sent Events for Twisted: a hub that runs by itself, and resources to embed"

# The oldest Twisted that works: with the current pyOpenSSL, 25.5.0 fails on every TLS connection.
# The suite was run with 26.4.0 and 26.10.0.
TWISTED = "twisted[tls,http2]>=26.4"
# The oldest that accepts certificates and keys of the cryptography package without a warning.
PYOPENSSL = "pyopenssl>=25.3"

# Only twisted_sse.klein imports it.  It is required all the same, because embedding in Klein is one
# of the three uses, and a ModuleNotFoundError would be the answer to the first try.
KLEIN = "klein>=24.8"

# Older ones accept forged tokens: CVE-2026-48526.  The extra of PyJWT is for keys that are no
# secrets; the package itself needs cryptography for TLS.
JWT = ["PyJWT[crypto]>=2.13"]
# txredisapi writes commands, and hiredis reads replies.
REDIS = ["hiredis>=3", "txredisapi>=1.6"]
# The first with statements and results of libpq's pipeline mode that this package uses; "binary"
# brings a libpq.
POSTGRES = ["psycopg[binary]>=3.2"]
CLI = ["rich"]
# The first that negotiates the format of its answers as Prometheus 3 asks for it.
METRICS = ["prometheus-client>=0.22"]
ALL = [*CLI, *JWT, *METRICS, *POSTGRES, *REDIS]
# The site.  The API reference imports every module, and so needs what the extras need.
DOCS = [
    *ALL,
    # Sphinx reads docstrings and MyST the Markdown of GitHub; furo is the theme.
    *("sphinx>=9", "myst-parser>=5", "furo>=2025.12.19", "sphinx-copybutton>=0.5.2"),
    # Finds misspelled words, British spellings included.
    "codespell>=2.4",
]
TEST = [
    *DOCS,
    *("apscheduler<4", "hypothesis", "mypy", "mypy-zope", "ruff"),
    # The first pytest that reads the [tool.pytest] of pyproject.toml.
    *("pytest>=9", "pytest-xdist"),
    # Its models are published as JSON; the package itself does not import it.
    "pydantic>=2",
    # Clients of models, which the tests of dialects run.
    *("anthropic>=2", "openai>=3"),
    # What the programs before a migration use.
    *("fastapi>=0.135", "sse-starlette>=3", "uvicorn"),
    # Reads the manifests for Kubernetes.
    *("PyYAML>=6", "types-PyYAML"),
]
DEV = [*TEST, "towncrier"]


def long_description() -> str:
    """
    Read README.md, which package indexes show as the project's page.

    Returns:
        Its text, or the one-line summary if README.md is missing.
    """
    readme = Path(__file__).parent / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else SUMMARY


setup(
    name="twisted-sse",
    version=VERSION,
    description=SUMMARY,
    long_description=long_description(),
    long_description_content_type="text/markdown",
    author="The twisted_sse authors",
    license_expression="MIT",
    license_files=["LICENSE"],
    keywords="twisted sse server-sent-events eventsource event-stream klein mercure",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Framework :: Twisted",
        "Intended Audience :: Developers",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Internet :: WWW/HTTP :: HTTP Servers",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    install_requires=[TWISTED, PYOPENSSL, "treq", "zope.interface", "service-identity", KLEIN],
    extras_require={
        "cli": CLI,
        "jwt": JWT,
        "metrics": METRICS,
        "postgres": POSTGRES,
        "redis": REDIS,
        "all": ALL,
        "docs": DOCS,
        "test": TEST,
        "dev": DEV,
    },
    entry_points={"console_scripts": ["twisted-sse = twisted_sse.cli:main"]},
    # "twisted.plugins" adds two files to a directory that belongs to Twisted.  It must not have
    # an __init__.py here, or Twisted would not find the plugins.
    packages=[*find_packages(include=["twisted_sse", "twisted_sse.*"]), "twisted.plugins"],
    package_data={
        "twisted_sse": [
            "py.typed",
            "server/static/**",
            "web/static/**",
            "web/admin/static/**",
            "history/postgres/migrations/*",
        ]
    },
    # The default editable mode maps names through an import hook, but Twisted looks for plugins
    # in the directories of sys.path and would not find `twistd sse`.
    options={"editable_wheel": {"mode": "compat"}},
    zip_safe=False,
)
