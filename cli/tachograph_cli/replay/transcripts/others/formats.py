"""The formats of other agents' recordings: a row each, and the one way in which all are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.events import Event, ModelCall, UnreadableLine
from tachograph_cli.replay.transcripts.json_lines import until_hopeless
from tachograph_cli.replay.transcripts.others import gemini, openhands, pi, pi_lines, swe_agent
from tachograph_cli.replay.transcripts.others.steps import Claimed, Item, Reader, Step
from tachograph_cli.replay.transcripts.values import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tachograph_cli.replay.transcripts.deduplication import CallRegistry
    from tachograph_cli.replay.transcripts.events import Source


@dataclass(frozen=True, slots=True)
class Format:
    """How the recordings of one agent are found and read."""

    suffixes: tuple[str, ...]
    items: Callable[[Path], Iterator[Item]]
    """The records of a file."""
    sources: Callable[[Path], tuple[Source, ...]]
    """The sessions of a file, none for a file of another format."""
    reader: Callable[[Source], Reader]


FORMATS = {
    "pi": Format((".jsonl",), pi_lines.items, pi.sources, pi.Reader),
    "gemini-cli": Format((".json", ".jsonl"), gemini.items, gemini.sources, gemini.Reader),
    "openhands": Format((".jsonl",), openhands.items, openhands.sources, openhands.Reader),
    "swe-agent": Format((".traj", ".json"), swe_agent.items, swe_agent.sources, swe_agent.Reader),
}
SUFFIXES = (".json", ".traj")
"""Names of files that no other reader expects."""


def sources(path: Path) -> tuple[Source, ...]:
    """Return the sessions that a file of such an agent recorded, else none. Raises OSError.

    The formats that usually have the file's suffix are tried first, then the others.
    """
    rows = sorted(FORMATS.values(), key=lambda row: not path.name.endswith(row.suffixes))
    return next((found for row in rows if (found := row.sources(path))), ())


def claim(source: Source, registry: CallRegistry) -> None:
    """Claim all that counts once in a file for its owner; see CallRegistry. Raises OSError."""
    steps = (step for step in _steps(source) if isinstance(step, Claimed))
    registry.claim(source.owner, (step.claim for step in steps))


def read(source: Source, registry: CallRegistry) -> Iterator[Event]:
    """Yield the events of a file, an UnreadableLine among them for a bad line. Raises OSError."""
    for step in _steps(source):
        if isinstance(step, UnreadableLine):
            # Several sessions may be in one file, of which a bad line is no session's own.
            if registry.count_once(str(step.path), f"bad:{step}", source.started_at):
                yield step
            continue
        if not isinstance(step, Claimed):
            yield step
            continue
        event = step.event
        calls = event.calls if isinstance(event, ModelCall) else ()
        growth = registry.count(source.owner, step.claim, lambda: calls, event.at)  # noqa: B023
        if growth is None:
            continue
        if isinstance(event, ModelCall):
            event = replace(event, at=growth.at, calls=growth.calls, before=growth.before)
        yield event


def _steps(source: Source) -> Iterator[Step]:
    row = FORMATS[source.kind]
    reader = row.reader(source)
    for item in until_hopeless(row.items(source.path)):
        if isinstance(item, UnreadableLine):
            yield item
            continue
        number, record = item
        try:
            yield from reader.read(record)
        except UnreadableError as refusal:
            yield UnreadableLine(source.path, number, str(refusal))
        except RecursionError:
            yield UnreadableLine(source.path, number, "nested too deeply to be a record")
        for reason in reader.doubts:
            yield UnreadableLine(source.path, number, reason)
        reader.doubts.clear()
