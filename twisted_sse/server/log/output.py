"""
Where the log goes, and what is written there.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from twisted.application.service import MultiService
from twisted.logger import ILogObserver
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile

from twisted_sse.broker.connections.endlog import ACCESS_LOGGER
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.log.folding import FoldingObserver
from twisted_sse.server.log.formats import FORMATS
from twisted_sse.server.log.levels import filtered

__all__ = ["WithLog", "with_log"]


class WithLog(MultiService):
    """
    The services of a hub, with the observer that writes the log of its application.

    Attributes:
        file: What the observer writes to.  A `LogFile` is rotated at SIGUSR1, as by twistd.
    """

    def __init__(self, server: MultiService, observer: ILogObserver, file: TextIO) -> None:
        super().__init__()
        server.setServiceParent(self)
        self._observer = observer
        self.file = file

    def setServiceParent(self, parent: Any) -> None:
        """
        See `IService.setServiceParent`.

        twistd begins to log after it has made the application, and asks that for an
        observer.
        """
        super().setServiceParent(parent)
        if isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        if isinstance(self.file, LogFile) and not signal.getsignal(signal.SIGUSR1):
            signal.signal(signal.SIGUSR1, self._rotate)

    def _rotate(self, number: int, frame: object) -> None:
        from twisted.internet import reactor

        rotated: Any = self.file
        # A handler may interrupt any code: only this call wakes the reactor safely.
        reactor.callFromThread(rotated.rotate)  # type: ignore[attr-defined]


def with_log(
    server: MultiService, config: Config, twistd: Mapping[str, Any] | None
) -> MultiService:
    """
    Return *server* with the log that *config* asks for.

    Args:
        twistd: The options of ``twistd`` itself, which say where the log goes; ``None``
            if something else runs the server.

    Raises:
        InvalidOption: The log goes to where its format cannot be chosen.
    """
    if twistd is None:
        return server
    other = _other_log(twistd)
    if other is not None:
        for option, value in (("log-format", config.log_format), ("log-level", config.log_levels)):
            if value not in ("text", ()):
                raise InvalidOption(option, f"it has no effect on {other}")
        return server
    file = _file(twistd)
    folded = FoldingObserver(FORMATS[config.log_format](file), exempt=frozenset([ACCESS_LOGGER]))
    return WithLog(server, filtered(folded, config.log_levels), file)


def _other_log(twistd: Mapping[str, Any]) -> str | None:
    """
    What writes the log in place of this package.
    """
    if "nodaemon" not in twistd:
        return "the log of twist, which has --log-format and --log-level before sse"
    if twistd.get("logger"):
        return "the observer of twistd's --logger"
    return "the system log: leave out twistd's --syslog" if twistd.get("syslog") else None


def _file(twistd: Mapping[str, Any]) -> TextIO:
    """
    Open the file that twistd would log to.
    """
    name = twistd.get("logfile")
    if name == "-" or (not name and twistd["nodaemon"]):
        return sys.stdout
    file: TextIO = LogFile.fromFullPath(name or "twistd.log")
    return file
