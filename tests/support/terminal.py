"""Pages of the command line, as a terminal prints them."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def printed(page: RenderableType, width: int) -> str:
    """Return a page as plain text, for a terminal that is `width` columns wide."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(page)
    return console.export_text()
