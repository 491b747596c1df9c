"""Make report.*, cost.*, top.* and top-wide.*: the output of the commands for a recording.

make pictures                  runs this inside a local stack; `top` takes five minutes of replay
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from google.cloud import firestore
from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme

from tachograph import Fleet
from tachograph_cli.local import machine
from tachograph_cli.local.machine import Missing
from tachograph_cli.replay.driver import Settings, replay
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.report import published, report_page
from tachograph_cli.report.cost import bill_page, task_tree
from tachograph_cli.report.cost.bill import bill
from tachograph_cli.report.report import report
from tachograph_cli.top.frame import frame
from tachograph_cli.top.listeners import FleetListeners
from tachograph_cli.top.view import SORTS

FOLDER = Path(__file__).parent
FLEET = "dev"
DAYS = 30
COLUMNS = 92
TREE_WAIT_S = 120.0
LIVE_FLEET = "live"
LIVE = Settings(speed=5.0, live=True)
WATCHED_S = 300.0
"""Seconds that the fleet works before its picture: live/now has one point a minute."""
TOP_SIZES = {"top": (80, 36), "top-wide": (200, 36)}
# The dashboard's dark colours, so that all pictures match.
DASHBOARD = TerminalTheme(
    (14, 16, 20),
    (215, 220, 229),
    [
        (56, 62, 72), (255, 107, 107), (76, 195, 138), (240, 180, 41),
        (124, 147, 255), (215, 123, 208), (47, 192, 178), (215, 220, 229),
    ],
)  # fmt: skip


def main(recordings: Path, names: list[str]) -> None:
    """Picture the named commands, or all."""
    if not names or {"report", "cost"} & set(names):
        pages(recordings)
    if not names or "top" in names:
        top(recordings)


def pages(recordings: Path) -> None:
    """Replay a fleet, wait until it is published, and picture its report and a task's cost."""
    with Fleet(FLEET, count_writes=True) as fleet:
        replay(fleet, folder.find(recordings), Settings())
    settled = fleet.settle(TREE_WAIT_S)
    if settled.pending or not settled.published:
        sys.exit(f"{settled}: not all is published after {TREE_WAIT_S:.0f} s")
    db = firestore.Client()
    found = report(FLEET, published.latest(db, FLEET, "day", DAYS))
    page = report_page.page(found, COLUMNS, datetime.now(UTC))
    picture("report", f"tachograph report --fleet {FLEET} --last {DAYS}", page)

    root = _largest_tree(db)
    members = task_tree.read(db, FLEET, root)
    if members is None:
        sys.exit(f"{root}: has a tree and is no task")
    title = f"tachograph cost {root[:8]}… --fleet {FLEET}"
    picture("cost", title, bill_page.page(bill(members), COLUMNS))


def top(recordings: Path) -> None:
    """Picture a fleet while it is at work, at two widths."""

    def work() -> None:
        replay(Fleet(LIVE_FLEET), folder.find(recordings), LIVE)

    db = firestore.Client()
    with closing(FleetListeners(db, LIVE_FLEET, lambda: None)) as listeners:
        threading.Thread(target=work, daemon=True).start()
        time.sleep(WATCHED_S)
        view, now = listeners.view(), datetime.now(UTC)
    for name, (columns, lines) in TOP_SIZES.items():
        page = frame(view, next(iter(SORTS)), columns, lines, now)
        picture(name, f"tachograph top --fleet {LIVE_FLEET}", page, columns)


def picture(name: str, title: str, page: RenderableType, columns: int = COLUMNS) -> None:
    """Write a page as SVG, and as the PNG that Chromium makes of it."""
    console = Console(
        record=True,
        width=columns,
        color_system="truecolor",
        force_terminal=True,
        file=io.StringIO(),
    )
    console.print(page)
    svg = console.export_svg(title=title, theme=DASHBOARD, unique_id=name)
    # A local monospace font, because rich's own would be fetched from the network.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    (FOLDER / f"{name}.svg").write_text(svg)
    _photograph(svg, FOLDER / f"{name}.png")


def _photograph(svg: str, target: Path) -> None:
    chromium = machine.find_chromium()
    if isinstance(chromium, Missing):
        sys.exit(f"Chromium: found {chromium.found}; install it with: {chromium.remedy}")
    [(width, height)] = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[:1]
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "page.html"
        page.write_text(f'<body style="margin:0;background:#0e1014">{svg}</body>')
        subprocess.run(
            [
                chromium.path, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--user-data-dir={scratch}/profile",
                f"--window-size={int(float(width)) + 1},{int(float(height)) + 1}",
                f"--screenshot={target}", page.as_uri(),
            ],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip


def _largest_tree(db: firestore.Client) -> str:
    """Return the root of the tree with the most tasks; of equal trees, the dearest."""
    stream = db.collection("fleets", FLEET, "trees").stream()
    trees = [{**(tree.to_dict() or {}), "id": tree.id} for tree in stream]
    done = [tree for tree in trees if "total" in tree]
    total = max(done, key=lambda t: (t["total"]["tasks_created"], t["total"]["cost_nanousd"]))
    return str(total["id"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
