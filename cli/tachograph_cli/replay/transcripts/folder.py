"""The transcripts of a folder: which files they are, of which session, and in which order."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts import claude, claude_lines, codex, codex_lines
from tachograph_cli.replay.transcripts.deduplication import CallRegistry, Claim
from tachograph_cli.replay.transcripts.events import (
    Event,
    Source,
    UnreadableFile,
    UnreadableLine,
)
from tachograph_cli.replay.transcripts.history import mark_of
from tachograph_cli.replay.transcripts.json_lines import (
    COMPRESSED,
    damage,
    numbered,
    opened,
    records,
)
from tachograph_cli.replay.transcripts.others import formats as others
from tachograph_cli.replay.transcripts.values import (
    Record,
    UnreadableError,
    ident,
    instant,
    kind_of,
    mapping,
    optional_name,
)
from tachograph_cli.terminal.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUFFIXES = (".jsonl", f".jsonl{COMPRESSED}", *others.SUFFIXES)
LOOKED_FOR = (
    "files *.jsonl or *.jsonl.zst, at any depth, whose first lines are those of a Claude Code "
    "transcript (sessionId, type, timestamp), a Codex rollout (type, timestamp, payload), a "
    "session of pi or Gemini CLI or a run of OpenHands; sessions *.json of Gemini CLI; "
    "trajectories *.traj of SWE-agent"
)
SHOWN_FILES = 20
"""The files that cannot be read and are named, each with its reason."""
HEAD_LINES = 500
"""The number of lines that show what a file is; a transcript may begin with many summaries."""
_SUBAGENTS = "subagents"
_CODEX_TYPES = (  # no set, because a damaged line may have a list here
    *("session_meta", "turn_context", "event_msg", "response_item", "compacted"),
    "token_usage_record",
)


@dataclass(frozen=True, slots=True)
class Listing:
    """The transcripts of a folder, in the order they are read, and the files that are none."""

    sources: tuple[Source, ...]
    others: tuple[Path, ...] = field(default=())
    unreadable: tuple[UnreadableFile, ...] = field(default=())

    def passed_by(self) -> list[str]:
        """Say in a line each which files are not read: of each suffix a number and the first."""
        lines = [shown(each) for each in self.unreadable[:SHOWN_FILES]]
        if more := self.unreadable[SHOWN_FILES:]:
            lines.append(f"{len(more):,} more files cannot be read")
        by_suffix: defaultdict[str, list[Path]] = defaultdict(list)
        for path in self.others:
            by_suffix[next((s for s in SUFFIXES if path.name.endswith(s)), "")].append(path)
        for suffix, paths in sorted(by_suffix.items()):
            lines.append(_others(suffix, paths))
        return lines

    @property
    def nothing(self) -> str:
        """Say what was found instead of transcripts, and what was looked for."""
        return f"found {'; '.join(self.passed_by()) or 'no such file'}; looked for {LOOKED_FOR}"


def find(folder: Path) -> Listing:
    """List the transcripts at or under a path.

    Sessions come before their sub-agents, earlier ones before later ones, and a state of a
    transcript before the later states. The order does not depend on the files' places.
    """
    sources, unknown, unreadable = list[Source](), list[Path](), list[UnreadableFile]()
    for path in _files(folder, unreadable):
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                unreadable.append(UnreadableFile(path, "a pipe, a socket or a device; no file"))
                continue
            source = recognise(path)
            found = others.sources(path) if source is None else (source,)
            lost = None if found else damage(path)
        except OSError as trouble:  # not allowed, or removed meanwhile
            unreadable.append(_unreadable(path, trouble))
            continue
        sources += found
        if lost is not None:
            unreadable.append(UnreadableFile(path, lost.reason))
        elif not found:
            unknown.append(path)
    sources.sort(key=_order)
    return Listing(tuple(sources), tuple(unknown), tuple(unreadable))


def recognise(path: Path) -> Source | None:
    """Return the session of Claude Code's or Codex's file, by its first 500 lines, else None.

    Raises OSError.
    """
    found: Source | None = None
    with opened(path) as file:
        for item in islice(records(numbered(file), path), HEAD_LINES):
            if isinstance(item, UnreadableLine):
                continue
            try:
                source = _of_codex(path, item[1]) or _of_claude(path, item[1])
            except UnreadableError:
                continue
            if source is None:
                continue
            if source.kind == "codex" or source.agent is not None or _names(path, source):
                return source
            found = found or source
    return found


def _names(path: Path, source: Source) -> bool:
    """Tell whether a file has the name of a session: its first lines may be copies of another's."""
    return ident(_stem(path)) == source.session


def claim(source: Source, registry: CallRegistry) -> None:
    """Claim all calls of a file for its owner; see CallRegistry. Raises OSError."""
    if source.kind in others.FORMATS:
        others.claim(source, registry)
        return
    module = codex_lines if source.kind == "codex" else claude_lines
    with opened(source.path) as file:
        worth = (
            (n, line)
            for n, line in numbered(file)
            if line and any(w in line for w in module.WORTH_CLAIMING)
        )
        for item in records(worth, source.path):
            if isinstance(item, UnreadableLine):
                continue
            registry.claim(source.owner, _readable(module.claims(item[1])))
            if source.kind == "codex" and (mark := mark_of(item[1])) is not None:
                registry.note_mark(source.session, mark)


def note_lineage(sources: Sequence[Source], registry: CallRegistry) -> None:
    """Note which task started which sub-agent, before any is played. Raises OSError.

    A transcript names a sub-agent when it has ended, long after the sub-agent's own file began.
    """
    sessions = {source.session for source in sources if source.agent is not None}
    with closing(CallRegistry()) as apart:
        for source in sources:
            if source.kind == "codex" or (source.agent is None and source.session in sessions):
                for _ in _events(source, apart):
                    pass
        for agent, task in apart.spawned():
            registry.note_spawn(agent, task)


def read(source: Source, registry: CallRegistry) -> Iterator[Event]:
    """Yield the events of a file, an UnreadableLine among them for a bad line. Raises OSError."""
    yield from _events(source, registry)
    # Several sessions may be in one file, of which the damage is no session's own.
    if (lost := damage(source.path)) is not None and registry.count_once(
        str(source.path), f"bad:{lost}", source.started_at
    ):
        yield lost


def _events(source: Source, registry: CallRegistry) -> Iterator[Event]:
    if source.kind in others.FORMATS:
        yield from others.read(source, registry)
        return
    reader = (codex if source.kind == "codex" else claude).Reader(source, registry)
    with opened(source.path) as file:
        for item in records(numbered(file), source.path):
            if isinstance(item, UnreadableLine):
                yield item
                continue
            try:
                yield from reader.read(item[1])
            except UnreadableError as refusal:
                yield UnreadableLine(source.path, item[0], str(refusal))
            for reason in reader.doubts:
                yield UnreadableLine(source.path, item[0], reason)
            reader.doubts.clear()


def _files(folder: Path, unreadable: list[UnreadableFile]) -> Iterator[Path]:
    """Yield what may be a transcript at or under a path, and note the folders that do not open."""
    if not folder.is_dir():
        yield folder
        return

    def note(trouble: OSError) -> None:
        unreadable.append(_unreadable(Path(trouble.filename), trouble))

    for parent, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names) if name.endswith(SUFFIXES))


def _others(suffix: str, paths: Sequence[Path]) -> str:
    kind = f"other {suffix} file" if suffix else "other file"
    if len(paths) == 1:
        return f"1 {kind} is no recording: {shown(paths[0])}"
    return f"{len(paths):,} {kind}s are no recordings; the first is {shown(paths[0])}"


def _unreadable(path: Path, trouble: OSError) -> UnreadableFile:
    return UnreadableFile(path, f"cannot be read: {trouble.strerror or trouble}")


def _order(source: Source) -> tuple[object, ...]:
    return (
        source.agent is not None,
        source.started_at,
        source.owner,
        source.path.stat().st_size,
        str(source.path),
    )


def _of_claude(path: Path, record: Record) -> Source | None:
    session = optional_name(record.get("sessionId"))
    if session is None or not isinstance(kind_of(record), str) or record.get("timestamp") is None:
        return None
    agent = optional_name(record.get("agentId")) if record.get("isSidechain") is True else None
    if agent is None and path.name.startswith("agent-"):
        agent = path.stem.removeprefix("agent-")
    if agent is not None and _SUBAGENTS in path.parts[1:]:
        # Newer versions keep them in a folder of the session, and may name another in the lines.
        session = path.parts[path.parts.index(_SUBAGENTS) - 1]
    started_at = instant(record["timestamp"], "timestamp")
    cwd = optional_name(record.get("cwd"))
    return Source(
        path, "claude-code", ident(session), ident(agent) if agent else None, started_at, cwd
    )


def _of_codex(path: Path, record: Record) -> Source | None:
    if kind_of(record) not in _CODEX_TYPES or not isinstance(record.get("payload"), dict):
        return None
    payload = mapping(record["payload"], "payload")
    # A rollout whose first line was lost still has the session's id in its name.
    session = (
        optional_name(payload.get("id")) if record["type"] == "session_meta" else _stem(path)[-36:]
    )
    cwd = optional_name(payload.get("cwd"))
    started_at = instant(record.get("timestamp"), "timestamp")
    return Source(path, "codex", ident(session or _stem(path)), None, started_at, cwd)


def _stem(path: Path) -> str:
    return path.name.partition(".jsonl")[0]


def _readable(claims: Iterator[Claim]) -> Iterator[Claim]:
    try:
        yield from claims
    except UnreadableError:
        return  # the reader reports the line and the reason
