"""A headless Chromium, driven by the plain HTTP that ChromeDriver speaks (W3C WebDriver).

The few calls that the tests need do not need a client library.
"""

import base64
import re
import subprocess
from pathlib import Path
from typing import Any, Self

import requests

from tests.ui.chromium import Programs

_STARTS = 3  # of the driver, which now and then loses its port between finding and taking it
PATIENCE = 90  # seconds for what is awaited in the page
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's name for a reference
_CONTROL, _RELEASE = "\ue009", "\ue000"  # WebDriver's codes: hold Ctrl, let go of all
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--hide-scrollbars",
)
# Resolves as soon as the function says so; looks again with each change of the page.
_AWAIT = """
const done = arguments[arguments.length - 1];
const given = Array.prototype.slice.call(arguments, 0, -1);
const holds = () => (function () { %s }).apply(null, given);
let watcher = null, clock = null;
const look = () => {
  const value = holds();
  if (value) { watcher.disconnect(); clearInterval(clock); done(value); }
};
watcher = new MutationObserver(look);
watcher.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
clock = setInterval(look, 100);
look();
"""
_VISIBLE_WITH_TEXT = """
return Array.from(document.querySelectorAll(arguments[0])).find(one =>
  one.getClientRects().length && (one.textContent || '').includes(arguments[1])) || null;
"""


class BrowserError(Exception):
    """The browser could not do what it was told; the text is the driver's."""


class DriverError(BrowserError):
    """The driver did not start; it may have lost its port to another program."""


class Browser:
    """One window.

    Args:
        programs: browser and driver.
        profile: an empty folder.
    """

    def __init__(self, programs: Programs, profile: Path) -> None:
        self._programs = programs
        self._profile = profile
        self._session = ""
        self._http = requests.Session()
        self._http.trust_env = False

    def __enter__(self) -> Self:
        for left in reversed(range(_STARTS)):
            self._driver = subprocess.Popen(
                [self._programs.driver, "--port=0"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            try:
                self._begin()
            except BaseException as error:
                self._end()
                if not left or not isinstance(error, DriverError):
                    raise
            else:
                break
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._end()

    def _begin(self) -> None:
        assert self._driver.stdout is not None
        lines = iter(self._driver.stdout.readline, "")
        started = re.compile(r"successfully on port (\d+)")
        found = next((match for line in lines if (match := started.search(line))), None)
        if found is None:
            raise DriverError("chromedriver ended before it was ready")
        self._url = f"http://127.0.0.1:{found.group(1)}"
        arguments = [*_ARGUMENTS, f"--user-data-dir={self._profile}"]
        options = {"binary": str(self._programs.browser), "args": arguments}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{session['sessionId']}"
        self.tell("POST", "/timeouts", {"script": PATIENCE * 1000})

    def _end(self) -> None:
        self._driver.terminate()
        self._driver.wait()
        if self._driver.stdout is not None:
            self._driver.stdout.close()
        self._http.close()

    # -- what a person does -------------------------------------------------------------------

    def open(self, url: str) -> None:
        self.tell("POST", "/url", {"url": url})

    def click(self, selector: str, text: str = "") -> None:
        """Click the first visible element with this text, once it is there."""
        element = self.until(_VISIBLE_WITH_TEXT, selector, text)
        self.tell("POST", f"/element/{element[_ELEMENT]}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Replace the content of an input by a text, by the keyboard.

        WebDriver's own way to clear an input is not seen by React, which may put the old text back.
        """
        element = self.until("return document.querySelector(arguments[0])", selector)
        keys = f"{_CONTROL}a{_RELEASE}{text}"
        self.tell("POST", f"/element/{element[_ELEMENT]}/value", {"text": keys})

    def press(self, key: str) -> None:
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        self.tell("POST", "/actions", {"actions": [keyboard]})

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **size)

    # -- what a person sees -------------------------------------------------------------------

    def js(self, script: str, *arguments: Any) -> Any:
        return self.tell("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, condition: str, *arguments: Any) -> Any:
        """Wait until the body of a function returns something true; return that."""
        script = _AWAIT % condition
        return self.tell("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def sees(self, text: str, selector: str = "body") -> str:
        """Wait until a visible element has this text; return all of its text."""
        try:
            self.until(_VISIBLE_WITH_TEXT, selector, text)
        except BrowserError as error:
            shown = self.js(
                "return (document.querySelector(arguments[0]) || document.body).innerText", selector
            )
            message = f"{error}; {text!r} is not in {selector}, the page shows: {shown[:2000]}"
            raise BrowserError(message) from None
        return self.text(selector, text)

    def text(self, selector: str = "body", among: str = "") -> str:
        script = _VISIBLE_WITH_TEXT.replace("|| null", "|| {}").replace("return ", "const f = ", 1)
        return str(self.js(script + " return f.innerText || f.textContent || '';", selector, among))

    def complaints(self) -> list[str]:
        """What the console has shown since the last look that is no mere information."""
        entries = self.tell("POST", "/se/log", {"type": "browser"})
        return [one["message"] for one in entries if one["level"] in ("SEVERE", "WARNING")]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.tell("GET", "/screenshot")))

    # -- the protocol ---------------------------------------------------------------------------

    def tell(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._call(method, self._session + path, body)

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self.tell("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        response = self._http.request(method, self._url + path, json=body, timeout=120)
        value = response.json()["value"]
        if response.status_code != requests.codes.ok:
            raise BrowserError(f"{method} {path}: {value.get('error')}: {value.get('message')}")
        return value
