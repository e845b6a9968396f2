"""
``twisted-sse doctor``: examines a stream, from the server to this client.

Prints one sentence for each finding.  Nothing is published unless a topic and a
token are passed.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectError, DNSLookupError

from twisted_sse.cli.console import Console
from twisted_sse.cli.doctor_options import DoctorOptions
from twisted_sse.cli.examination import Examination
from twisted_sse.cli.running import CommandFailed, Status
from twisted_sse.clock import looping_call

__all__ = ["doctor"]


async def doctor(options: DoctorOptions, out: Console, err: Console) -> int:
    """
    Examine the stream, and print the findings.

    Raises:
        CommandFailed: The server cannot be reached.
    """
    from twisted.internet import reactor

    err.say(f"Looking at {options.url()} for {options['seconds']:g} seconds.")
    examination = Examination(options, reactor)
    bar = _TimeBar(err, options["seconds"], reactor)
    try:
        findings = await examination.run()
    except (ConnectError, DNSLookupError) as error:
        reason = str(error).removesuffix(".")
        raise CommandFailed(
            Status.UNREACHABLE, f"{options.url()} cannot be reached: {reason}."
        ) from error
    finally:
        bar.end()
    for finding in findings:
        for line in finding.lines():
            out.write(line)
    problems = sum(finding.mark == "problem" for finding in findings)
    return Status.REFUSED if problems else Status.DONE


class _TimeBar:
    """
    A progress bar of the time.
    """

    def __init__(self, err: Console, seconds: float, reactor: Any) -> None:
        self._bar = err.progress(int(seconds))
        self._passed = 0
        self._call = looping_call(reactor, self._tick)
        self._call.start(1.0)

    def end(self) -> None:
        """
        Remove the bar.
        """
        self._call.stop()
        self._bar.end()

    def _tick(self) -> None:
        self._bar.show(self._passed, f"{self._passed} s")
        self._passed += 1
