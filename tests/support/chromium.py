"""
Chromium, controlled through chromedriver and https://www.w3.org/TR/webdriver2/.
"""

import base64
import json
import re
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

from tests.support.processes import Background, find_program
from tests.support.waiting import PATIENCE, eventually

__all__ = ["Chromium", "close_shared"]

_FLAGS = [
    "--headless",
    # The sandbox does not work in containers.
    "--no-sandbox",
    # /dev/shm is small in containers.
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
]

# The codes of keys that type nothing, and what others type.
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, " ": 32}
_TYPED = {"Enter": "\r", " ": " "}

# The longest wait for an answer of the driver, in seconds: it loads pages and starts the browser.
_ANSWER = 3 * PATIENCE

_LISTENING = re.compile(r"started successfully on port (\d+)")


# The browsers that `Chromium.shared` returns next: one, unless a test uses two at once.
_idle: list["Chromium"] = []


def close_shared() -> None:
    """
    End the browsers that tests have shared.
    """
    while _idle:
        _idle.pop().end()


class Chromium:
    """
    See `tests.support.browsers.Browser`.
    """

    _is_shared = False

    @classmethod
    def shared(cls) -> "Chromium":
        """
        Return a browser that the tests of this process use one after the other, because its
        start takes two seconds of CPU time.

        `close` gives it back, with a new tab and without cookies.  A test that changes more
        makes a browser of its own.
        """
        browser = _idle.pop() if _idle else cls()
        browser._is_shared = True
        return browser

    def __init__(self) -> None:
        program = find_program("chromium", "chromium")
        driver = find_program("chromedriver", "chromium-driver")
        self._driver = Background([driver, "--port=0"])
        try:
            found = eventually(
                lambda: _LISTENING.search(self._driver.output()), "chromedriver has not started"
            )
            self._connection = HTTPConnection("127.0.0.1", int(found[1]), timeout=_ANSWER)
            self._begin(program)
        except BaseException:
            self._driver.end()
            raise

    def open(self, url: str) -> None:
        """
        See `Browser.open`.
        """
        self._command("POST", f"{self._session}/url", {"url": url})

    def back(self) -> None:
        """
        Go back one page.

        A script cannot: the driver runs it again in the page that comes back, and goes two back.
        """
        self._command("POST", f"{self._session}/back", {})

    def run(self, script: str, *arguments: object) -> Any:
        """
        See `Browser.run`.
        """
        body = {"script": script, "args": arguments}
        return self._command("POST", f"{self._session}/execute/sync", body)

    def new_tab(self) -> str:
        """
        See `TabbedBrowser.new_tab`.
        """
        answer = self._command("POST", f"{self._session}/window/new", {"type": "tab"})
        return str(answer["handle"])

    def switch_to(self, tab: str) -> None:
        """
        See `TabbedBrowser.switch_to`.
        """
        self._command("POST", f"{self._session}/window", {"handle": tab})

    def close_tab(self) -> None:
        """
        See `TabbedBrowser.close_tab`.
        """
        self._command("DELETE", f"{self._session}/window")

    def crash_tab(self) -> None:
        """
        Let the process of the tab crash.
        """
        with suppress(AssertionError):
            self._devtools("Page.crash", {})

    def dismiss_dialog(self) -> None:
        """
        Close the dialog of the current tab, in which nothing has run since it was opened.
        """
        self._command("POST", f"{self._session}/alert/dismiss", {})

    def freeze_tab(self, frozen: bool) -> None:
        """
        Freeze the tab, as the browser does to save energy, or let it run again.
        """
        state = "frozen" if frozen else "active"
        self._devtools("Page.setWebLifecycleState", {"state": state})

    def picture(self, width: int, height: int, scale: int) -> bytes:
        """
        Return a picture of the page as PNG.

        Args:
            width: The width of the viewport, in CSS pixels.

            height: The height of the viewport, in CSS pixels.

            scale: Pixels of the picture for each CSS pixel.
        """
        self._devtools("Emulation.setScrollbarsHidden", {"hidden": True})
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        return base64.b64decode(self._devtools("Page.captureScreenshot", {"format": "png"})["data"])

    def press(self, key: str, text: str = "") -> None:
        """
        Press a key.

        Args:
            key: Its name, such as ``Tab``, ``Enter`` or ``Shift+Tab``.

            text: The character that it types, if any.
        """
        modified, _, name = key.rpartition("+")
        code = _KEYS.get(name, 0)
        event = {"key": name, "code": name, "modifiers": 8 if modified == "Shift" else 0}
        event |= {"windowsVirtualKeyCode": code} if code else {}
        typed = text or _TYPED.get(name, "")
        down = {"type": "keyDown", "text": typed} if typed else {"type": "rawKeyDown"}
        self._devtools("Input.dispatchKeyEvent", {**event, **down})
        self._devtools("Input.dispatchKeyEvent", {**event, "type": "keyUp"})

    def type(self, text: str) -> None:
        """
        Type *text* into the element that has the focus.
        """
        self._devtools("Input.insertText", {"text": text})

    def emulate(self, width: int, height: int, *, dark: bool = False) -> None:
        """
        Show the page in a viewport of this size, in CSS pixels, and in this color scheme.
        """
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", {"features": [scheme]})
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)

    def close(self) -> None:
        """
        See `Browser.close`.
        """
        if not self._is_shared:
            self.end()
            return
        try:
            self._renew()
        except BaseException:
            self.end()
            raise
        _idle.append(self)

    def end(self) -> None:
        """
        Close the browser, also if it is shared.
        """
        try:
            self._command("DELETE", self._session)
        finally:
            self._connection.close()
            self._driver.end()

    def _begin(self, program: str) -> None:
        profile = f"--user-data-dir={self._driver.home / 'profile'}"
        options = {"binary": program, "args": [*_FLAGS, profile]}
        wanted = {"goog:chromeOptions": options, "acceptInsecureCerts": True}
        capabilities = {"capabilities": {"alwaysMatch": wanted}}
        session = self._command("POST", "/session", capabilities)["sessionId"]
        self._session = f"/session/{session}"

    def _renew(self) -> None:
        """
        Have a new tab, which nothing is emulated for, and no cookies.
        """
        before = self._command("GET", f"{self._session}/window/handles")
        tab = self.new_tab()
        for one in before:
            self.switch_to(one)
            self.close_tab()
        self.switch_to(tab)
        self._devtools("Page.bringToFront", {})
        self._devtools("Network.clearBrowserCookies", {})

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        body = {"cmd": command, "params": parameters}
        return self._command("POST", f"{self._session}/goog/cdp/execute", body)

    def _command(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        self._connection.request(method, path, None if body is None else json.dumps(body))
        answer = json.load(self._connection.getresponse())["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"Chromium: {answer['error']}: {answer['message']}")
        return answer
