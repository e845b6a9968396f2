"""
The options for the Mercure protocol.
"""

from twisted_sse.server.config.kinds import YES_OR_NO, Kind
from twisted_sse.server.config.option import Option
from twisted_sse.web.mercure.versions import VERSIONS

__all__ = ["MERCURE_OPTIONS"]


def _read_protocol(text: str) -> str:
    if text not in VERSIONS:
        raise ValueError(f"{text!r} is unknown; write {' or '.join(VERSIONS)}")
    return text


MERCURE_OPTIONS = (
    Option(
        name="protocol",
        help="A version of Mercure to speak, mercure-0.x or mercure-1.0",
        kind=Kind(read=_read_protocol, expected='a version such as "mercure-0.x"'),
        attribute="protocols",
        several=True,
        silent="both",
        more=(
            "At `/.well-known/mercure`: see [Clients of Mercure](how-to/mercure.md). Tokens of "
            "the other version are refused, also at `/events`."
        ),
    ),
    Option(
        name="subscriptions",
        help="Whether Mercure tells which subscriptions are active, yes or no",
        kind=YES_OR_NO,
        default="no",
        more="The hub then also publishes an event when one begins, and another when it ends.",
    ),
    Option(
        name="public-url",
        help="An origin that the hub is known by, such as https://hub.example.com",
        attribute="public_urls",
        several=True,
        more=(
            "In URL Patterns of Mercure, paths belong to the first one; requests to other hosts "
            "at `/.well-known/mercure` are answered with 421."
        ),
    ),
)
