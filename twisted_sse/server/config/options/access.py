"""
The options that say who may read and publish.
"""

from twisted_sse.server.config.kinds import TOKEN_FILE, YES_OR_NO
from twisted_sse.server.config.option import Option

__all__ = ["ACCESS_OPTIONS"]

ACCESS_OPTIONS = (
    Option(
        name="anonymous",
        help="Whether subscribing works without a token, yes or no",
        kind=YES_OR_NO,
        default="yes",
        more="Publishing always requires one.",
    ),
    Option(
        name="publish-token-file",
        help="A file with the tokens that may publish, one per line",
        kind=TOKEN_FILE,
        attribute="publish_tokens",
        silent="a token is made and logged",
        more=(
            "A client with one of them may publish everything and read everything, private "
            "events included. Read again when it has changed, and at `SIGHUP`."
        ),
    ),
    Option(
        name="cors-origin",
        help="An origin whose web pages may use the hub, or * for all",
        attribute="cors_origins",
        several=True,
        more=(
            "Such as `https://app.example`. Pages of others are then refused. `*` allows any "
            "origin, without credentials, and must be the only one."
        ),
    ),
)
