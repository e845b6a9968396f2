"""
``twisted-sse tail``: shows the events of a stream, and reconnects when it is lost.

Events go to stdout, everything else to stderr.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from twisted_sse.cli.console import Console
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.cli.tail_options import TailOptions
from twisted_sse.cli.view import JSONLines, Lines, View
from twisted_sse.errors import (
    UnexpectedContentEncoding,
    UnexpectedContentType,
    UnexpectedStatus,
)

__all__ = ["tail"]


async def tail(options: TailOptions, out: Console, err: Console) -> int:
    """
    Show the events until the stream ends.

    Raises:
        CommandFailed: The stream cannot be opened.
    """
    url = options.url()
    if options.address.completed:
        err.say(f"Following {url}")
    source = options.source()
    print_event = JSONLines(out, options["control"]) if options["json"] else Lines(out)
    view = View(options, source, print_event, err)
    try:
        async with source:
            async for signal in source.signals():
                if view.show(signal):
                    return Status.DONE
                await out.drained()
                await err.drained()
    except CancelledError:
        view.print_summary()
        # As ping does: Ctrl-C is the usual end of a command that runs forever.
        return Status.DONE
    except UnexpectedStatus as error:
        raise CommandFailed(Status.REFUSED, f"{error}{_advice(error, options)}") from error
    except (UnexpectedContentEncoding, UnexpectedContentType) as error:
        raise CommandFailed(Status.REFUSED, f"{url} is not an event stream. {error}") from error
    err.say("The server has ended the stream for good.")
    view.print_summary()
    return Status.DONE


def _advice(error: UnexpectedStatus, options: TailOptions) -> str:
    if error.status in (401, 403) and options["token"] is None:
        return " Pass a token with --token-file or in TWISTED_SSE_TOKEN."
    if error.status == 400 and not options["topics"] and not options.address.topics():
        return " To do so, pass --topic NAME."
    return ""
