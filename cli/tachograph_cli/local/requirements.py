"""What the local stack needs of this machine, found or not, and what mends it."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from tachograph_cli.local import machine, ports
from tachograph_cli.local.machine import Found, Missing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PYTHON_AT_LEAST = (3, 11)
PACKAGES = (
    "google-cloud-firestore",
    "pydantic",
    "genai-prices",
    "functions-framework",
    "google-events",
)


@dataclass(frozen=True)
class Line:
    """One thing looked at: what was found, and what mends it where that is not enough."""

    what: str
    found: str
    remedy: str = ""
    needed: bool = True

    @property
    def fails(self) -> bool:
        """Tell whether the stack cannot start for want of this."""
        return self.needed and bool(self.remedy)


def examine() -> list[Line]:
    """Look at everything the local stack needs, in the order in which set-up makes it."""
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
    return [*lines, _line(machine.find_chromium()), _ports()]


def table(lines: Iterable[Line]) -> Table:
    """Draw the findings."""
    drawn = Table(box=None, pad_edge=False, show_header=False)
    drawn.add_column()
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    for line in lines:
        mark = (
            "[red]x[/red]"
            if line.fails
            else "[yellow]-[/yellow]"
            if line.remedy
            else "[green]ok[/green]"
        )
        drawn.add_row(mark, escape(line.what), escape(line.found))
        if line.remedy:
            drawn.add_row("", "", f"[bold]{escape(line.remedy)}[/bold]")
    return drawn


def _line(tool: Found | Missing) -> Line:
    if isinstance(tool, Missing):
        return Line(tool.what, tool.found, tool.remedy, tool.needed)
    details = " ".join(
        filter(None, [tool.version, str(tool.path), f"({tool.origin})" if tool.origin else ""])
    )
    return Line(tool.what, details)


def _python() -> Line:
    found = f"{platform.python_version()} {sys.executable}"
    enough = sys.version_info[:2] >= PYTHON_AT_LEAST
    return Line("Python >= 3.11", found, "" if enough else "make setup PYTHON=python3.11")


def _packages() -> Line:
    lacking = [name for name in PACKAGES if not _version(name)]
    if lacking:
        return Line(
            "Python packages",
            f"not {', '.join(lacking)}",
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
        found = f"{venv} without functions-framework" if venv.exists() else f"no {venv}"
        return Line("functions/venv", found, "make setup, or: ln -sfn ../.venv functions/venv")
    return Line("functions/venv", f"-> {venv.readlink()}" if venv.is_symlink() else str(venv))


def _dashboard(root: Path) -> Line:
    page = root / "dashboard" / "dist" / "index.html"
    if not page.is_file():
        return Line(
            "dashboard", f"no {page}", "make dashboard, or: npm --workspace dashboard run build"
        )
    return Line("dashboard", str(page.parent))


def _ports() -> Line:
    busy = [f"{service} {port}" for service, port in ports.USUAL.items() if not ports.is_free(port)]
    return Line(
        "ports",
        f"busy, others will be used: {', '.join(busy)}" if busy else "the usual ones are free",
    )
