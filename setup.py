"""
What the package is, for pip: name, version, requirements, contents.

The version is written here and nowhere else; a running program asks
importlib.metadata for it.  Tools are configured in pyproject.toml.
"""

from pathlib import Path

from setuptools import find_packages, setup

VERSION = "0.1.0"
SUMMARY = "Server-Sent Events for Twisted: a hub that runs by itself, and resources to embed"

# The oldest Twisted that works: 25.5.0 fails with the pyOpenSSL that is current, on every TLS
# connection.  The suite was run with 26.4.0 and 26.10.0.
TWISTED = "twisted[tls,http2]>=26.4"
# The oldest that takes certificates and keys of the cryptography package without a warning.
PYOPENSSL = "pyopenssl>=25.3"

KLEIN = ["klein>=24.8"]
REDIS = ["txredisapi>=1.6"]
CLI = ["rich"]
ALL = [*CLI, *KLEIN, *REDIS]
# pytest 9 reads the tables that pyproject.toml gives it.
TEST = [*ALL, "apscheduler<4", "hypothesis", "mypy", "mypy-zope", "pytest>=9", "ruff"]
DEV = [*TEST, "towncrier"]


def long_description() -> str:
    """
    Read README.md, which an unpacked wheel's metadata shows as the project's page.

    Returns:
        Its text, or the one-line summary in a tree that has no README.md.
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
        "Topic :: Internet :: WWW/HTTP :: HTTP Servers",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    install_requires=[TWISTED, PYOPENSSL, "treq", "zope.interface", "service-identity"],
    extras_require={
        "cli": CLI,
        "klein": KLEIN,
        "redis": REDIS,
        "all": ALL,
        "test": TEST,
        "dev": DEV,
    },
    entry_points={"console_scripts": ["twisted-sse = twisted_sse.cli:main"]},
    # "twisted.plugins" adds one file to a directory that Twisted owns.  It is no package of
    # ours: with an __init__.py there, Twisted would never look into it.
    packages=[*find_packages(include=["twisted_sse", "twisted_sse.*"]), "twisted.plugins"],
    package_data={"twisted_sse": ["py.typed", "server/static/**"]},
    # The default editable mode maps names through an import hook; Twisted looks for plugins in
    # the directories of sys.path, so `twistd sse` would not be there.
    options={"editable_wheel": {"mode": "compat"}},
    zip_safe=False,
)
