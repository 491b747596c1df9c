"""The calls that files state: of responses and results of batches, or of transcripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from tachograph.errors import OperatorError
from tachograph.usage.deferred import calls_in
from tachograph.usage.excerpt import excerpt_of
from tachograph.usage.response import read_response
from tachograph_cli.replay.bills import Bills
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import (
    Billed,
    Event,
    ModelCall,
    Source,
    UnreadableLine,
)
from tachograph_cli.replay.transcripts.values import short
from tachograph_cli.terminal.shown import shown
from tachograph_schema.documents.price_sheet import PriceList
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.explanation import Explanation, explain
from tachograph_schema.usage import Usage

LARGEST_BYTES = 256 * 2**20
_HELD_OPEN = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
"""A pipe there is one that the caller has opened; any other may have nobody who writes to it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller knows of the calls; the responses' own word on the model wins."""

    at: datetime
    provider: str | None = None
    model: str | None = None
    route: str | None = None
    prices: PriceList | None = None
    """Prices of their own, which come before the public list."""


@dataclass(frozen=True, slots=True)
class StatedCall:
    """A call, where it is stated, what it costs and why; `doubt` is what could not be read."""

    place: str
    name: str
    """Its place in a few characters."""
    call: Call
    explanation: Explanation
    doubt: str | None = None


def stated_calls(path: Path, said: Said) -> Iterator[StatedCall | UnreadableLine | str]:
    """Yield the calls that a file or a folder states, and the lines that cannot be read.

    A text is a line on the files that are passed by. Raises OperatorError for a folder without
    transcripts, and for a file that is too large.
    """
    if str(path).startswith(_HELD_OPEN) and not path.is_file():
        yield from _of_responses(path, said)
        return
    listing = folder.find(path)
    if path.is_dir() and not listing.sources:
        raise OperatorError(f"{shown(path)}: {listing.nothing}")
    if listing.sources:
        yield from _of_transcripts(listing.sources, said)
    elif not listing.unreadable:
        yield from _of_responses(path, said)
        return
    yield from listing.passed_by()


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
        yield from (_stated(str(source.path), name, each, said) for each in call.calls)
    for session, correction in corrections.items():
        place, name = str(reading.billing[session].path), f"{short(session)} bill"
        yield from (_stated(place, name, each, said) for each in correction.calls)


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


def _of_responses(path: Path, said: Said) -> Iterator[StatedCall]:
    with path.open("rb") as file:
        text = file.read(LARGEST_BYTES + 1)
    if len(text) > LARGEST_BYTES:
        raise OperatorError(f"{shown(path)}: larger than {LARGEST_BYTES} bytes; split it by lines")
    documents = _documents(text)
    if _are_apart(documents):
        responses: list[tuple[str, Any]] = [
            (f"{path.name}:{n}", each) for n, each in enumerate(documents, 1)
        ]
    else:
        responses = [(path.name, documents or text)]
    for name, response in responses:
        answer = read_response(response, provider=said.provider, model=said.model, route=said.route)
        if not answer.readable and not answer.usage.total_tokens:
            call, explanation = _nothing(answer.model, said)
            yield StatedCall(str(path), name, call, explanation, answer.why)
            continue
        for call in calls_in(answer, said.at):
            yield replace(_stated(str(path), name, call, said), doubt=answer.why)


def _nothing(model: str | None, said: Said) -> tuple[Call, Explanation]:
    call = Call(Usage(), model, said.provider, said.at, calls=0, readable=False)
    return call, Explanation(None, "unpriced", "it states no usage")


def _stated(place: str, name: str, call: Call, said: Said) -> StatedCall:
    terms = replace(call.terms, route=said.route) if said.route else call.terms
    call = replace(
        call,
        model=call.model or said.model,
        provider=said.provider or call.provider,
        terms=terms,
    )
    return StatedCall(place, name, call, explain(call, said.prices))


def _are_apart(documents: list[dict[str, Any]]) -> bool:
    """Tell whether each document is a response of its own, and not an event of a streamed one.

    A line of a batch's results is, and a line of another program's output that states its usage
    with the provider, or with an id that no other line has.
    """
    excerpts = [excerpt_of(each) for each in documents]
    if excerpts and all(excerpt.batch for excerpt in excerpts):
        return True
    if not excerpts or not all(excerpt.usages for excerpt in excerpts):
        return False
    ids = {excerpt.response_id for excerpt in excerpts} - {None}
    return len(ids) == len(documents) or all(each.get("provider") for each in documents)


def _documents(text: bytes) -> list[dict[str, Any]]:
    """Return the JSON objects of a file, one or one a line; none for anything else."""
    try:
        whole = json.loads(text)
        found = whole if isinstance(whole, list) else [whole]
    except ValueError:
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            return []
    return found if all(isinstance(each, dict) for each in found) else []
