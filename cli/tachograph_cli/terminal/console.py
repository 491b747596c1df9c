"""The console of every command: each text of a page is escaped before it is laid out.

All else that a command writes is escaped by `streams`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from tachograph_cli.terminal.shown import escaped, escaped_lines
from tachograph_cli.terminal.streams import EscapedStream


class Console(rich.console.Console):
    """A console that shows text as it is: no markup, no control characters, no links.

    A `Text` is one line; lines are printed one by one, or in a `Group`. A newline in a text is
    data, and becomes a visible character, so that a name cannot add a line to a page.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - rich's settings, of many types
        settings = {"highlight": False, "markup": False, "emoji": False, **settings}
        super().__init__(**settings)

    @property
    def file(self) -> IO[str]:
        """The stream itself where it is an `EscapedStream`, which would escape colours too."""
        file = super().file
        return file.stream if isinstance(file, EscapedStream) else file

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def render_str(self, text: str, **settings: Any) -> Text:  # noqa: ANN401 - likewise
        """Turn a string into a text of one line."""
        return super().render_str(escaped(text), **settings)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of a page, each text of it escaped."""
        if isinstance(renderable, str):
            renderable = self.render_str(renderable)
        if isinstance(renderable, Text):
            renderable = _escaped_text(renderable)
        for segment in super().render(renderable, options):
            yield segment if segment.control else _escaped_segment(segment)


def _escaped_text(text: Text) -> Text:
    plain = escaped(text.plain)
    if plain == text.plain:
        return text
    visible = text.copy()
    visible.plain = plain
    return visible


def _escaped_segment(segment: Segment) -> Segment:
    text, style = escaped_lines(segment.text), segment.style
    if style is not None and style.link is not None:
        style = style.update_link(None)
    elif text == segment.text:
        return segment
    return Segment(text, style)
