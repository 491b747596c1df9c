"""The dashboard in Chromium, measured inside the page: time to paint, CPU time and frames."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from bench.page.wire import Wire
from conftest import CHROMIUM_FLAGS  # from the tests' folder, which bench/page/__init__.py adds
from tachograph.firestore.emulator_identity import viewer_token
from tachograph_cli.local import machine
from tachograph_cli.local.machine import Missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tachograph_cli.local.stack import Stack

PROBES = 30
FRAMES = 300
PATIENCE_MS = 60_000

# Milliseconds from opening the address until every panel has its data; evaluated each frame.
_COMPLETE = """() => {
  const panels = [...document.querySelectorAll('[data-panel]')];
  return panels.length > 0 && panels.every((p) => p.getAttribute('aria-busy') === 'false')
    && performance.now();
}"""
# The time of the frame after the change: by then the change is on the screen. The result is up to
# one frame too long, never too short.
_WATCH = """(selector) => {
  window.painted = {};
  new MutationObserver(() => {
    const text = document.querySelector(selector)?.textContent.trim();
    requestAnimationFrame(() => (painted[text] ??= performance.timeOrigin + performance.now()));
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
_SCROLL = """async ([selector, steps]) => {
  const grid = document.querySelector(selector);
  const step = (grid.scrollHeight - grid.clientHeight) / steps;
  const frame = () => new Promise(requestAnimationFrame);
  const took = [];
  let last = await frame();
  for (let n = 1; n <= steps; n++) {
    grid.scrollTop = n * step;
    const at = await frame();
    took.push(at - last);
    last = at;
  }
  return took;
}"""
_NEVER_IDLE = "window.requestIdleCallback = () => 0"


class Viewer:
    """Opens each page in a browser context of its own, without cache or cookies."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self._browser = browser
        self._stack = stack

    @contextmanager
    def at(self, fleet: str, query: str = "", *, idle: bool = False) -> Iterator[Opened]:
        """Open a page and wait for its panels; `idle` lets it load the other pages' code too."""
        context = self._browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        if not idle:
            page.add_init_script(_NEVER_IDLE)
        opened = Opened(page)
        token = viewer_token(fleet, project=self._stack.project)
        page.goto(f"{self._stack.dashboard_url}/?fleet={fleet}{query}#token={token}")
        done = page.wait_for_function(_COMPLETE, timeout=PATIENCE_MS)
        opened.complete_ms = float(done.json_value())
        yield opened
        context.close()


class Opened:
    """An open page and its measurements."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.heard = Wire(page)
        self.complete_ms = 0.0

    def files(self) -> list[str]:
        """Return the paths of the assets that the page loaded."""
        found: list[str] = self.page.evaluate(
            "performance.getEntriesByType('resource').map((e) => new URL(e.name).pathname)"
        )
        return sorted({name for name in found if name.startswith("/assets/")})

    def painted(
        self, selector: str, write: Callable[[int], object], text: Callable[[int], str], n: int
    ) -> list[float]:
        """Return the milliseconds from each of `n` writes until its text was painted."""
        ahead_ms = self._clock_ahead_ms()
        self.page.evaluate(_WATCH, selector)
        took = []
        for i in range(n):
            self.page.evaluate("painted = {}")
            begun_ms = time.time() * 1000
            write(i)
            seen = self.page.wait_for_function(
                "(text) => painted[text]", arg=text(i), polling=20, timeout=PATIENCE_MS
            )
            took.append(float(seen.json_value()) - ahead_ms - begun_ms)
        return took

    def busy(self, write: Callable[[int], object], per_s: int, n: int) -> float:
        """Return the main thread's share of a core during `n` writes, in percent.

        It is CPU time, because the duration of tasks would include time when another process ran.
        """
        devtools = self.page.context.new_cdp_session(self.page)
        devtools.send("Performance.enable")

        def metrics() -> tuple[float, float]:
            found = devtools.send("Performance.getMetrics")["metrics"]
            by_name = {metric["name"]: metric["value"] for metric in found}
            return by_name["Timestamp"], by_name["ThreadTime"]

        began_s, busy_s = metrics()
        due = time.perf_counter()
        for i in range(n):
            write(i)
            due += 1 / per_s
            self.page.wait_for_timeout(max(0.0, due - time.perf_counter()) * 1000)
        ended_s, total_s = metrics()
        devtools.detach()
        return 100 * (total_s - busy_s) / (ended_s - began_s)

    def scrolled(self, selector: str, rows: str) -> list[float]:
        """Scroll a grid of at least `rows` rows to its end; return each frame's milliseconds."""
        self.page.wait_for_function(
            "([s, n]) => document.querySelector(s)?.getAttribute('aria-rowcount') >= Number(n)",
            arg=[selector, rows],
        )
        found: list[float] = self.page.evaluate(_SCROLL, [selector, FRAMES])
        return found

    def _clock_ahead_ms(self) -> float:
        """Return the milliseconds that the page's clock is ahead, by the quickest of 30 answers."""
        best = (float("inf"), 0.0)
        for _ in range(PROBES):
            asked_ms = time.time() * 1000
            there_ms = self.page.evaluate("performance.timeOrigin + performance.now()")
            heard_ms = time.time() * 1000
            best = min(best, (heard_ms - asked_ms, there_ms - (asked_ms + heard_ms) / 2))
        return best[1]


@contextmanager
def viewer(stack: Stack) -> Iterator[Viewer]:
    """Yield a viewer with its own browser."""
    chromium = machine.find_chromium()
    if isinstance(chromium, Missing):
        raise SystemExit(f"Chromium: found {chromium.found}; install it with: {chromium.remedy}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium.path), args=list(CHROMIUM_FLAGS)
        )
        yield Viewer(browser, stack)
        browser.close()


def percentiles(took: Sequence[float], unit: str) -> str:
    """Write the median, the 95th percentile and the worst."""
    p95 = statistics.quantiles(took, n=20)[18]
    return f"p50 {statistics.median(took):.0f} {unit}, p95 {p95:.0f} {unit}, worst {max(took):.0f} {unit}"  # noqa: E501
