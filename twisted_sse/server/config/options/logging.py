"""
The options of the log.
"""

from twisted_sse.server.config.kinds import LOG_FORMAT, LOG_LEVEL, YES_OR_NO
from twisted_sse.server.config.option import Option

__all__ = ["LOGGING_OPTIONS"]

LOGGING_OPTIONS = (
    Option(
        name="log-format",
        help="The format of the log, text or json",
        kind=LOG_FORMAT,
        default="text",
        more="`json` writes one object per line; see [the log](how-to/log.md).",
    ),
    Option(
        name="log-level",
        help="The least level that is logged, such as warn, or of one logger, as in NAME=debug",
        kind=LOG_LEVEL,
        attribute="log_levels",
        several=True,
        silent="info",
        more="The levels are `debug`, `info`, `warn`, `error` and `critical`.",
    ),
    Option(
        name="access-log",
        help="Whether to log each request, and each stream when it ends, yes or no",
        kind=YES_OR_NO,
        default="no",
    ),
)
