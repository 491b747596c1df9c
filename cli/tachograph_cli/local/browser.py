"""Find a Chromium for the page tests, or install one: `python -m tachograph_cli.local.browser`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tachograph_cli.local import machine
from tachograph_cli.local.machine import Found, Missing

APT = (
    ("apt-get", "update", "-qq"),
    ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"),
)
PLAYWRIGHT_S = 300  # a closed network keeps it trying


def ensure() -> Found | Missing:
    """Return this machine's Chromium; where there is none, apt or playwright installs it."""
    browser = machine.find_chromium()
    if isinstance(browser, Missing):
        _install()
        browser = machine.find_chromium()
    return browser


def _install() -> None:
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    # apt brings the libraries that playwright's own build would lack.
    if as_root and shutil.which("apt-get") and all(_succeeds(list(command)) for command in APT):
        return
    _succeeds([sys.executable, "-m", "playwright", "install", "chromium"])


def _succeeds(command: list[str]) -> bool:
    sys.stderr.write(f"installing Chromium for the page tests: {' '.join(command)}\n")
    try:
        done = subprocess.run(command, check=False, stdout=sys.stderr, timeout=PLAYWRIGHT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    chromium = ensure()
    if isinstance(chromium, Missing):
        sys.exit(f"Chromium: found {chromium.found}; install it with: {chromium.remedy}")
