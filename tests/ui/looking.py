from simulators.rig import Rig
from tests.ui.browser import PATIENCE, Browser
from tests.ui.web import Web

PAGE = "/plugins/stash2plex"
SENTENCE = ".s2p-sentence"
HOSTILE = (
    "</script><script>window.hit=1</script><img src=x onerror=window.hit=1>"
    "\u202eright to left\u202c {since} ${hit} " + "W" * 65_536
)


def opened(browser: Browser, web: Web, path: str = PAGE) -> None:
    """A page as a user opens it whose browser has never seen it."""
    browser.open(f"{web.url}/harness/timers.js")
    browser.js("localStorage.clear()")
    browser.open(web.url + path)


def look_again(browser: Browser) -> None:
    browser.until("return harness.held() > 0")
    browser.js("harness.fire()")


def looks_until(browser: Browser, rig: Rig, text: str, selector: str = "body") -> None:
    assert rig.wait_until(lambda: _looks(browser, text, selector), PATIENCE)


def _looks(browser: Browser, text: str, selector: str) -> bool:
    if text in browser.text(selector):
        return True
    look_again(browser)
    return False
