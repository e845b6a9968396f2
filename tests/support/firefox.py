"""
Firefox, controlled through Marionette, because Debian has no package of geckodriver.

https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html: each message
is JSON, preceded by its length.
"""

import json
import socket
import tempfile
from pathlib import Path
from typing import Any

from tests.support.processes import Background, find_program
from tests.support.waiting import PATIENCE, eventually

__all__ = ["Firefox"]

# The longest wait for an answer, in seconds: the browser loads pages and starts the session.
_ANSWER = 3 * PATIENCE

# With port 0 it chooses one, and writes it into a file of the profile.
_PREFERENCES = """\
user_pref("marionette.port", 0);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.startup.page", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
"""

# The protocol's number for messages that are commands.
_COMMAND = 0


class Firefox:
    """
    See `tests.support.browsers.Browser`.
    """

    def __init__(self) -> None:
        program = find_program("firefox-esr", "firefox-esr")
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        profile = Path(self._profile.name)
        profile.joinpath("user.js").write_text(_PREFERENCES, "utf-8")
        self._program = Background(
            [program, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
        )
        self._sent = 0
        try:
            port = eventually(lambda: _port(profile), "Firefox does not listen")
            self._socket = socket.create_connection(("127.0.0.1", port), _ANSWER)
            self._messages = self._socket.makefile("rb")
            # The server sends its version first.
            self._receive()
            self._command("WebDriver:NewSession")
        except BaseException:
            self._end()
            raise

    def open(self, url: str) -> None:
        """
        See `Browser.open`.
        """
        self._command("WebDriver:Navigate", url=url)

    def run(self, script: str, *arguments: object) -> Any:
        """
        See `Browser.run`.
        """
        answer = self._command("WebDriver:ExecuteScript", script=script, args=arguments)
        return answer["value"]

    def new_tab(self) -> str:
        """
        See `TabbedBrowser.new_tab`.
        """
        return str(self._command("WebDriver:NewWindow", type="tab")["handle"])

    def switch_to(self, tab: str) -> None:
        """
        See `TabbedBrowser.switch_to`.
        """
        self._command("WebDriver:SwitchToWindow", handle=tab)

    def close_tab(self) -> None:
        """
        See `TabbedBrowser.close_tab`.
        """
        self._command("WebDriver:CloseWindow")

    def close(self) -> None:
        """
        See `Browser.close`.
        """
        self._messages.close()
        self._socket.close()
        self._end()

    def _end(self) -> None:
        self._program.end()
        self._profile.cleanup()

    def _command(self, name: str, **parameters: object) -> Any:
        self._sent += 1
        message = json.dumps([_COMMAND, self._sent, name, parameters]).encode("utf-8")
        self._socket.sendall(b"%d:%b" % (len(message), message))
        _kind, _number, error, result = self._receive()
        if error is not None:
            raise AssertionError(f"Firefox: {error['error']}: {error['message']}")
        return result

    def _receive(self) -> Any:
        length = b""
        while (byte := self._messages.read(1)) != b":":
            assert byte, f"Firefox has exited:\n{self._program.output()}"
            length += byte
        return json.loads(self._messages.read(int(length)))


def _port(profile: Path) -> int:
    file = profile / "MarionetteActivePort"
    return int(file.read_text("ascii") or 0) if file.exists() else 0
