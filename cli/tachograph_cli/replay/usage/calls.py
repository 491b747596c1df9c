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
from tachograph.usage.response import read_response
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import ModelCall, Source, UnreadableLine
from tachograph_cli.replay.transcripts.values import short
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.explanation import Explanation, explain
from tachograph_schema.usage import Usage

LARGEST_BYTES = 256 * 2**20
_RESULTS = ("custom_id", "recordId")
"""Names that a line of a batch's results has, OpenAI's and Anthropic's, or Bedrock's."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller knows of the calls; the responses' own word on the model wins."""

    at: datetime
    provider: str | None = None
    model: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class StatedCall:
    """A call, where it is stated, what it costs and why; `doubt` is what could not be read."""

    place: str
    name: str
    """Its place in a few characters."""
    call: Call
    explanation: Explanation
    doubt: str | None = None


def stated_calls(path: Path, said: Said) -> Iterator[StatedCall | UnreadableLine]:
    """Yield the calls that a file or a folder states, and the lines that cannot be read.

    Raises OperatorError for a path that states nothing, OSError for one that cannot be read.
    """
    listing = folder.find(path)
    if listing.sources:
        yield from _of_transcripts(listing.sources, said)
    elif path.is_dir():
        raise OperatorError(f"{path}: no transcript there; expected {folder.LOOKED_FOR}")
    else:
        yield from _of_responses(path, said)


def _of_transcripts(
    sources: tuple[Source, ...], said: Said
) -> Iterator[StatedCall | UnreadableLine]:
    calls: dict[tuple[object, ...], list[tuple[Source, ModelCall]]] = {}
    with closing(CallRegistry()) as registry:
        for source in sources:
            folder.claim(source, registry)
        for source in sources:
            for event in folder.read(source, registry):
                if isinstance(event, UnreadableLine):
                    yield event
                elif isinstance(event, ModelCall):
                    if event.before is not None:
                        calls.get((source.owner, event.at, *map(str, event.before)), [None]).pop()
                    key = (source.owner, event.at, *map(str, event.calls))
                    # Calls without a time of their own may be alike.
                    calls.setdefault(key, []).append((source, event))
    for source, event in chain.from_iterable(calls.values()):
        name = f"{short(source.session)} {event.at:%m-%d %H:%M:%S}"
        for call in event.calls:
            yield _stated(str(source.path), name, call, said)


def _of_responses(path: Path, said: Said) -> Iterator[StatedCall]:
    if path.stat().st_size > LARGEST_BYTES:
        raise OperatorError(f"{path}: larger than {LARGEST_BYTES} bytes; split it by lines")
    text = path.read_bytes()
    documents = _documents(text)
    if documents and all(any(name in each for name in _RESULTS) for each in documents):
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
    return StatedCall(place, name, call, explain(call))


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
