"""The page in Stash over much trouble: its one question, and what a browser makes of the answer."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.installed import Installed, Progress, StandstillError, installed
from benchmarks.scale import Scale
from benchmarks.table import Row
from benchmarks.workspace import Workspace
from simulators.rig import PLUGIN
from tests.ui.browser import Browser
from tests.ui.chromium import LACK, Programs, find
from tests.ui.situations import bury, wait_in_queue
from tests.ui.web import VendorError, Web, vendor

_PAGE = "/plugins/stash2plex"
_NAMED = 60  # scenes whose titles are shown
# Notes when an answer is there, and when the browser has drawn what was made of it.
_STOPWATCH = """
const fetch = window.fetch.bind(window);
window.seen = {longest: 0};
window.fetch = async (...args) => {
  const response = await fetch(...args);
  const text = await response.text();
  if (text.includes('"dead_letters"') && !window.seen.answered) {
    window.seen.answered = performance.now();
    const look = () => document.querySelector('.s2p-sections')
      ? requestAnimationFrame(() => setTimeout(() => { window.seen.drawn = performance.now(); }))
      : requestAnimationFrame(look);
    requestAnimationFrame(look);
  }
  return new Response(text, {status: response.status, headers: response.headers});
};
new PerformanceObserver(list => list.getEntries().forEach(one => {
  window.seen.longest = Math.max(window.seen.longest, one.duration);
})).observe({entryTypes: ['longtask']});
"""
_SEEN = "return window.seen && window.seen.drawn && {...window.seen}"


def measure(workspace: Workspace, scale: Scale, progress: Progress) -> Iterator[Row]:
    """Yield the rows of the page."""
    trouble = f"{scale.shown_jobs:,} jobs, {scale.shown_letters:,} dead letters"
    with installed(workspace, "page") as plugin:
        rig = plugin.rig
        scenes = rig.add_library(_NAMED, covers=False)
        progress("page: nothing in the queue")
        few, _ = _ask(plugin, scale.page_tries)
        progress(f"page: {trouble}")
        wait_in_queue(rig, list(range(1, scale.shown_jobs + 1)))
        bury(rig, list(range(1, scale.shown_letters + 1)), "PlexPermanentError", "Plex refused it")
        many, size = _ask(plugin, scale.page_tries)
        note = f"{_span(many)}; with an empty queue {statistics.median(few):.2f} s"
        name = f"page's question over {trouble}"
        yield Row(name, statistics.median(many), "s", "< 1", f"{note}; {len(scenes)} titles asked")
        yield Row("its answer", size / 1000, "kB", "< 60")
        yield from _in_browser(plugin, scale, progress)


def _ask(plugin: Installed, tries: int) -> tuple[list[float], int]:
    """Ask as the page does; return the seconds of each process, and the answer's bytes."""
    taken: list[float] = []
    size = 0
    for _ in range(tries):
        begun = time.perf_counter()
        result = plugin.rig.stash.run_operation(PLUGIN, {"mode": "overview", "format": "json"})
        taken.append(time.perf_counter() - begun)
        if result.error is not None:
            raise StandstillError(result.error)
        size = len(json.dumps(result.output))
    return taken, size


def _in_browser(plugin: Installed, scale: Scale, progress: Progress) -> Iterator[Row]:
    programs = find()
    if programs is None:
        progress(f"page: not opened, {LACK}")
        return
    try:
        libraries = vendor(plugin.workspace.folder("npm"))
    except VendorError as error:
        progress(f"page: not opened, {error}")
        return
    progress("page: in a browser")
    seen = _open(plugin, programs, libraries, scale.page_tries)
    drawn = [(one["drawn"] - one["answered"]) / 1000 for one in seen]
    longest = max(one["longest"] for one in seen)
    yield Row("page drawn after the answer", statistics.median(drawn), "s", "< 1", _span(drawn))
    note = "React's development build; 0: none of 50 ms"
    yield Row("the longest that the page did not listen", longest, "ms", "< 200", note)


def _open(
    plugin: Installed, programs: Programs, libraries: Path, tries: int
) -> Sequence[dict[str, float]]:
    """Open the page anew each time; return what its stopwatch has noted, in milliseconds."""
    profile = plugin.workspace.folder("chromium")
    with Web(libraries, plugin.rig) as web, Browser(programs, profile) as browser:
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", source=_STOPWATCH)
        seen: list[dict[str, float]] = []
        for _ in range(tries):
            browser.open("about:blank")
            browser.open(web.url + _PAGE)
            seen.append(browser.until(_SEEN))
        browser.open("about:blank")
        return seen


def _span(taken: Sequence[float]) -> str:
    return f"{min(taken):.2f} to {max(taken):.2f} s in {len(taken)}"
