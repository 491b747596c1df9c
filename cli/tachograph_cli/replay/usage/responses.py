"""The calls that a file of responses states: one, a streamed one, a batch's results or lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tachograph.usage.deferred import calls_in
from tachograph.usage.excerpt import Excerpt, excerpt_of
from tachograph.usage.response import Answer, read_response
from tachograph_cli.replay.usage.stated import Said, StatedCall, stated
from tachograph_cli.terminal.shown import shown
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.explanation import Explanation
from tachograph_schema.usage import Usage

LARGEST_BYTES = 256 * 2**20
LOOKED_FOR = (
    "a response of a model with its usage, a batch's results, or a recording of Claude Code, "
    "Codex, pi, Gemini CLI, OpenHands or SWE-agent"
)
LOOKED_FOR_SAVED = "saved responses *.json or *.jsonl with a model, an id and their usage"
_NAMED_FIELDS = 5
_FIELD_CELLS = 24


def of_file(path: Path, said: Said) -> Iterator[StatedCall | str]:
    """Yield the calls of a file that somebody named; a text says why there is none."""
    text = _read(path)
    if len(text) > LARGEST_BYTES:
        yield f"{shown(path)}: larger than {LARGEST_BYTES} bytes; split it by lines"
        return
    documents = _documents(text)
    calls = list(_calls(path, text, documents, said))
    if any(call.states_use for call in calls):
        yield from calls
        return
    yield (
        f"{shown(path)}: no recording that this reads ({_kind(text, documents)}); "
        f"looked for {LOOKED_FOR}"
    )


def saved_in(path: Path, said: Said) -> list[StatedCall]:
    """Return the calls of a file that was found in a folder; none if it is no saved response.

    Any file may have a field `usage`: a response has a model, an id or a reason to end as well.
    Raises OSError.
    """
    text = _read(path)
    documents = [] if len(text) > LARGEST_BYTES else _documents(text)
    excerpts = [excerpt_of(each) for each in documents]
    ids = {excerpt.response_id for excerpt in excerpts} - {None}
    if not any(map(_is_response, excerpts)) or (len(ids) > 1 and not _are_apart(documents)):
        return []
    calls = list(_calls(path, text, documents, said))
    return calls if any(call.states_use for call in calls) else []


def _is_response(excerpt: Excerpt) -> bool:
    told = excerpt.model or excerpt.response_id or excerpt.finish_reason or excerpt.batch
    return bool(excerpt.usages and told)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES + 1)


def _calls(
    path: Path, text: bytes, documents: list[dict[str, Any]], said: Said
) -> Iterator[StatedCall]:
    if len(documents) > 1 and _are_apart(documents):
        responses: list[tuple[str, Any]] = [
            (f"{path.name}:{n}", each) for n, each in enumerate(documents, 1)
        ]
    else:
        responses = [(path.name, documents or text)]
    for name, response in responses:
        answer = read_response(response, provider=said.provider, model=said.model, route=said.route)
        if not answer.readable and not answer.usage.total_tokens:
            yield _nothing(path, name, answer, said)
            continue
        for call in calls_in(answer, said.at):
            yield replace(stated(str(path), name, call, said), doubt=answer.why)


def _nothing(path: Path, name: str, answer: Answer, said: Said) -> StatedCall:
    call = Call(Usage(), answer.model, said.provider, said.at, calls=0, readable=False)
    why = Explanation(None, "unpriced", "it states no usage")
    return StatedCall(str(path), name, call, why, answer.why)


def _kind(text: bytes, documents: list[dict[str, Any]]) -> str:
    """Say what a file is that states no call."""
    if not text.strip():
        return "an empty file"
    if b"\0" in text:
        return "no text"
    if not documents:
        return "JSON that is no object" if _is_json(text) else "text that is no JSON"
    fields = [shown(field, _FIELD_CELLS) for field in documents[0]]
    more = ", …" if len(fields) > _NAMED_FIELDS else ""
    found = f"with {', '.join(fields[:_NAMED_FIELDS])}{more}" if fields else "with nothing in it"
    if len(documents) == 1:
        return f"a JSON object {found}"
    return f"{len(documents):,} JSON objects, the first {found}"


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


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
    except (ValueError, RecursionError):
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            return []
    return found if all(isinstance(each, dict) for each in found) else []
