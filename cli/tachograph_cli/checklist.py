"""A checklist: what `tachograph doctor` prints, and what a deployment stops at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Line:
    """One thing that was checked: its state, and what mends it where the state is not enough."""

    name: str
    state: str
    remedy: str = ""
    """A command or an address; empty where nothing has to be mended."""
    needed: bool = True

    @property
    def fails(self) -> bool:
        """Whether something needed is missing."""
        return self.needed and bool(self.remedy)

    @property
    def mark(self) -> str:
        """Return `x` for a failure, `-` for a remark, `ok` for the rest."""
        return "x" if self.fails else "-" if self.remedy else "ok"


_STYLES = {"x": "red", "-": "yellow", "ok": "green"}


def table(lines: Iterable[Line]) -> Table:
    """Return the checklist as a table: mark, name, state, and the remedy below the state."""
    rows = Table(box=None, pad_edge=False, show_header=False)
    rows.add_column()
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for line in lines:
        rows.add_row(Text(line.mark, _STYLES[line.mark]), line.name, line.state)
        if line.remedy:
            rows.add_row("", "", Text(line.remedy, "bold"))
    return rows
