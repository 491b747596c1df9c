"""The checklist of this machine: everything that the local stack needs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import TYPE_CHECKING

from tachograph_cli.checklist import Line
from tachograph_cli.local import machine, ports
from tachograph_cli.local.emulators import memory
from tachograph_cli.local.machine import Found, Missing

if TYPE_CHECKING:
    from pathlib import Path

PYTHON_AT_LEAST = (3, 11)
PACKAGES = (
    "google-cloud-firestore",
    "pydantic",
    "genai-prices",
    "functions-framework",
    "google-events",
)


def examine() -> list[Line]:
    """Check everything that the local stack needs, in the order in which set-up makes it."""
    root = machine.find_root()
    lines = [
        _python(),
        _packages(),
        _line(root),
        _line(machine.find_node()),
        _line(machine.find_jdk()),
    ]
    if isinstance(root, Found):
        lines += [
            _line(machine.find_firebase(root.path)),
            _line(machine.find_emulator(root.path)),
            _functions(root.path),
            _dashboard(root.path),
        ]
    return [*lines, _line(machine.find_chromium()), _memory(), _ports()]


def _line(tool: Found | Missing) -> Line:
    if isinstance(tool, Missing):
        return Line(tool.what, tool.found, tool.remedy, tool.needed)
    origin = f"({tool.origin})" if tool.origin else ""
    return Line(tool.what, " ".join(filter(None, [tool.version, str(tool.path), origin])))


def _python() -> Line:
    version = f"{platform.python_version()} {sys.executable}"
    enough = sys.version_info[:2] >= PYTHON_AT_LEAST
    return Line("Python >= 3.11", version, "" if enough else "make setup PYTHON=python3.11")


def _packages() -> Line:
    missing = [name for name in PACKAGES if not _version(name)]
    if missing:
        return Line(
            "Python packages",
            f"not {', '.join(missing)}",
            "make setup, or: pip install 'tachograph[functions]'",
        )
    return Line("Python packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _functions(root: Path) -> Line:
    venv = root / "functions" / "venv"
    if not (venv / "bin" / "functions-framework").exists():
        state = f"{venv} without functions-framework" if venv.exists() else f"no {venv}"
        return Line("functions/venv", state, "make setup, or: ln -sfn ../.venv functions/venv")
    return Line("functions/venv", f"-> {venv.readlink()}" if venv.is_symlink() else str(venv))


def _dashboard(root: Path) -> Line:
    page = root / "dashboard" / "dist" / "index.html"
    if not page.is_file():
        return Line(
            "dashboard", f"no {page}", "make dashboard, or: npm --workspace dashboard run build"
        )
    return Line("dashboard", str(page.parent))


def _memory() -> Line:
    needed_mb = memory.heap_mb(os.environ) + memory.BESIDE_MB
    try:
        free_mb = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    except (ValueError, OSError):  # a system that does not say
        free_mb = None
    state = f"a stack needs about {needed_mb:,} MB"
    if free_mb is None:
        return Line("memory", state)
    # Memory that caches hold counts as free, too, but no call says how much that is.
    total_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    state += f"; this machine has {total_mb:,} MB, {free_mb:,} of them unused"
    short = total_mb < needed_mb
    return Line("memory", state, f"lower {memory.SETTING}" if short else "", needed=False)


def _ports() -> Line:
    busy = [f"{service} {port}" for service, port in ports.USUAL.items() if not ports.is_free(port)]
    return Line(
        "ports",
        f"busy, others will be used: {', '.join(busy)}" if busy else "the usual ones are free",
    )
