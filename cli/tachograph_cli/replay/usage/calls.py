"""The calls that files state: of responses and results of batches, or of transcripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

from tachograph_cli.replay.bills import Bills
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import (
    Billed,
    Event,
    ModelCall,
    Source,
    UnreadableFile,
    UnreadableLine,
)
from tachograph_cli.replay.transcripts.values import short
from tachograph_cli.replay.usage import responses
from tachograph_cli.replay.usage.stated import Said, StatedCall, stated
from tachograph_cli.terminal.shown import shown

_HELD_OPEN = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
"""A pipe there is one that the caller has opened; any other may have nobody who writes to it."""


def stated_calls(path: Path, said: Said) -> Iterator[StatedCall | UnreadableLine | str]:
    """Yield the calls that a file or a folder states, and the lines that cannot be read.

    A text is a line on the files that are passed by, and on a path that states no call.
    """
    if str(path).startswith(_HELD_OPEN) and not path.is_file():
        yield from responses.of_file(path, said)
        return
    listing = folder.find(path)
    if not path.is_dir():
        if not listing.sources and not listing.unreadable:
            yield from responses.of_file(path, said)
            return
        yield from _of_transcripts(listing.sources, said)
        yield from listing.passed_by()
        return
    saved, listing = _saved(listing, said)
    if not listing.sources and not saved:
        yield f"{shown(path)}: {listing.nothing}; {responses.LOOKED_FOR_SAVED}"
        return
    yield from _of_transcripts(listing.sources, said)
    yield from saved
    yield from listing.passed_by()


def _saved(listing: folder.Listing, said: Said) -> tuple[list[StatedCall], folder.Listing]:
    """Return the calls of the saved responses of a folder, and its listing without these files."""
    calls, others, unreadable = list[StatedCall](), list[Path](), list(listing.unreadable)
    for path in listing.others:
        try:
            found = responses.saved_in(path, said)
        except OSError as trouble:  # removed meanwhile
            unreadable.append(UnreadableFile(path, f"cannot be read: {trouble.strerror}"))
            continue
        calls += found
        others += [] if found else [path]
    return calls, replace(listing, others=tuple(others), unreadable=tuple(unreadable))


def _of_transcripts(
    sources: tuple[Source, ...], said: Said
) -> Iterator[StatedCall | UnreadableLine]:
    reading = _Reading()
    with closing(CallRegistry()) as registry:
        for source in sources:
            folder.claim(source, registry)
        for source in sources:
            for event in folder.read(source, registry):
                if isinstance(event, UnreadableLine):
                    yield event
                reading.note(source, event)
        corrections = reading.bills.corrections(sources, registry)
    for source, call in reading.calls():
        name = f"{short(source.session)} {call.at:%m-%d %H:%M:%S}"
        yield from (stated(str(source.path), name, each, said) for each in call.calls)
    for session, correction in corrections.items():
        place, name = str(reading.billing[session].path), f"{short(session)} bill"
        yield from (stated(place, name, each, said) for each in correction.calls)


class _Reading:
    """The calls of transcripts as their last lines state them, and the bills of the sessions."""

    def __init__(self) -> None:
        self._calls: dict[tuple[object, ...], list[tuple[Source, ModelCall]]] = {}
        self.bills, self.billing = Bills(), dict[str, Source]()

    def note(self, source: Source, event: Event) -> None:
        """Note an event of a file."""
        if isinstance(event, Billed):
            self.bills.note(event)
            self.billing[event.session] = source
        elif isinstance(event, ModelCall):
            if event.before is not None:
                before = (source.owner, event.at, *map(str, event.before))
                self._calls.get(before, [(source, event)]).pop()
            key = (source.owner, event.at, *map(str, event.calls))
            # Calls without a time of their own may be alike.
            self._calls.setdefault(key, []).append((source, event))

    def calls(self) -> Iterator[tuple[Source, ModelCall]]:
        """Yield each call with its file."""
        return chain.from_iterable(self._calls.values())
