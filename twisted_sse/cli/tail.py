"""
``twisted-sse tail``: shows a stream, and goes on with it when it is lost.

Events go to stdout, everything that is said about them to stderr.
"""

from __future__ import annotations

import sys

from twisted.internet.defer import CancelledError

from twisted_sse.cli.running import Ended, Status
from twisted_sse.cli.tail_options import TailOptions
from twisted_sse.cli.terminal import Console
from twisted_sse.cli.view import JSONLines, Lines, View
from twisted_sse.errors import UnexpectedContentType, UnexpectedStatus

__all__ = ["tail"]


async def tail(options: TailOptions, out: Console, err: Console) -> int:
    """
    Show the stream until it ends.

    Raises:
        Ended: There is no such stream.
    """
    url = options.url()
    if options.address.completed:
        err.say(f"Following {url}")
    source = options.source()
    show = JSONLines(sys.stdout, options["control"]) if options["json"] else Lines(out)
    view = View(options, source, show, err)
    try:
        async with source:
            async for signal in source.signals():
                if view.take(signal):
                    return Status.DONE
    except CancelledError:
        view.sum_up()
        # As ping does: Ctrl-C is how one ends what has no end.
        return Status.DONE
    except UnexpectedStatus as error:
        raise Ended(Status.REFUSED, f"{error}{_advice(error, options)}") from error
    except UnexpectedContentType as error:
        raise Ended(Status.REFUSED, f"{url} is no event stream: {error}") from error
    err.say("The server has ended the stream for good.")
    view.sum_up()
    return Status.DONE


def _advice(error: UnexpectedStatus, options: TailOptions) -> str:
    if error.status in (401, 403) and options["token"] is None:
        return " Give a token with --token-file, or in TWISTED_SSE_TOKEN."
    if error.status == 400 and not options["topics"] and not options.address.topics():
        return " Here: --topic NAME."
    return ""
