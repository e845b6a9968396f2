"""
Run the conformance suite against a hub::

    python -m tests.mercure URL --publisher-key KEY [options]
"""

from __future__ import annotations

import argparse
import sys

from tests.mercure.cases import GROUPS
from tests.mercure.running import run
from tests.mercure.tokens import NEW, OLD, Keys

__all__ = ["main"]


def main() -> int:
    """
    Return 0 if the hub passes all cases, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.mercure", description=__doc__)
    parser.add_argument("url", help="the URL of the hub, with its path")
    parser.add_argument("--publisher-key", required=True, help="the HS256 secret for publishing")
    parser.add_argument("--subscriber-key", help="the one for subscribing [the same]")
    parser.add_argument("--issuer", default="https://issuer.example", help="iss of 1.0")
    parser.add_argument("--audience", help="aud of 1.0 [the URL]")
    parser.add_argument("--protocol", choices=[OLD, NEW], action="append", help="[both]")
    parser.add_argument("--without", choices=list(GROUPS), action="append", default=[])
    parser.add_argument("--verbose", action="store_true", help="also print what passes")
    given = parser.parse_args()
    keys = Keys(
        given.publisher_key,
        given.subscriber_key or given.publisher_key,
        given.issuer,
        given.audience or given.url,
    )
    count = failed = 0
    for result in run(given.url, keys, given.protocol or [OLD, NEW], given.without):
        count += 1
        place = f"{result.version} {result.group}: {result.name}"
        if result.fault is not None:
            failed += 1
            sys.stdout.write(f"FAILED {place}: {result.fault}\n")
        elif given.verbose:
            sys.stdout.write(f"passed {place}\n")
    sys.stdout.write(f"{count - failed} of {count} cases passed.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
