"""What is kept of a model's response: what it says of itself, and nothing of its content.

Skimming takes microseconds, in the agent's own time; reading what was skimmed comes later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from tachograph.usage.plain_data import fields_of, word

_USAGE = ("usage", "usageMetadata", "usage_metadata", "meta", "amazon-bedrock-invocationMetrics")
_FLAT = (
    "prompt_eval_count",
    "eval_count",
    "inputTextTokenCount",
    "totalOutputTextTokenCount",
    "prompt_token_count",
    "generation_token_count",
    "input_token_count",
    "generated_token_count",
    "tokenCount",
)
"""Counts that stand beside the content: Ollama's, and some of Bedrock's and of watsonx."""
_MODEL = ("model", "modelVersion", "model_version", "model_id")
_ID = ("id", "responseId", "response_id", "generation_id")
_TIER = ("service_tier", "serviceTier")
_FINISH = ("finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason", "status")
_CHOICES = ("choices", "candidates", "generations", "results")
_INSIDE = ("message", "response", "delta", "metadata", "messageStop", "interaction", "result")
"""Where an event of a stream, or a line of a transcript, holds the response or a part of it."""
_BEDROCK_HEADER = "x-amzn-bedrock-"
_WANTED = (*_USAGE, *_FLAT, *_MODEL, *_ID, *_TIER, *_FINISH, *_CHOICES, *_INSIDE, "x_groq")
_LIBRARIES = {
    "mistralai": "mistral",
    "groq": "groq",
    "cohere": "cohere",
    "ollama": "ollama",
    "together": "together",
    "cerebras": "cerebras",
    "xai_sdk": "x-ai",
}
"""Libraries that speak with one provider alone, unlike OpenAI's and Anthropic's."""
_ID_MARKS = {"msg_bdrk_": "aws", "msg_vrtx_": "google"}
"""How an id begins, in nine characters, where another than Anthropic serves its model."""
_TELLING = (b'"usage', b"Metrics", b"oken_count", b"TokenCount", b"eval_count")
"""A line of a streamed response without any of these says nothing of what was used."""


@dataclass(slots=True)
class Skimmed:
    """What a response said of itself, or the events of one did; `usages` as the provider put it."""

    usages: list[object] = field(default_factory=list)
    model: str | None = None
    provider: str | None = None
    response_id: str | None = None
    service_tier: object = None
    finish_reason: str | None = None
    found: str = "nothing"
    """What it was that was skimmed, for an error's words."""

    def take(self, part: object) -> None:
        """Take in a response, or the next event of a streamed one."""
        self.found = type(part).__name__
        if isinstance(part, str | bytes):
            for document in _documents(part):
                self.take(document)
            return
        fields = fields_of(part, _WANTED)
        self._note(fields)
        for name in _there(tuple(fields)).inside:
            inner = fields[name]
            if inner is not None and not isinstance(inner, str | list):
                self._note(fields_of(inner, _WANTED))
        self._note_provider(part, fields)
        chunk = fields.get("chunk")
        if isinstance(chunk, Mapping) and isinstance(chunk.get("bytes"), bytes):
            self.take(chunk["bytes"])

    def _note(self, fields: Mapping[str, Any]) -> None:
        there = _there(tuple(fields))
        said = [fields[name] for name in there.usage if fields[name] is not None]
        self.usages += said
        if not said:
            self._note_flat(fields)
        for name in there.model:
            if isinstance(model := fields[name], str) and model:
                self.model = model
        for name in there.identity:
            if isinstance(identity := fields[name], str) and identity:
                self.response_id = identity
        for name in there.tier:
            self.service_tier = fields[name] or self.service_tier
        self.finish_reason = _finish(fields) or self.finish_reason
        for name in there.choices:
            choices = fields[name]
            if isinstance(choices, Sequence) and choices and not isinstance(choices, str):
                first = fields_of(choices[0], _FINISH)
                self.finish_reason = _finish(first) or self.finish_reason

    def _note_flat(self, fields: Mapping[str, Any]) -> None:
        there = _there(tuple(fields)).flat
        counts = {name: fields[name] for name in there if fields[name] is not None}
        rows = fields.get("results")
        if isinstance(rows, list):
            counted = [fields_of(row, _FLAT) for row in rows]
            kept = [{n: row[n] for n in _FLAT if row.get(n) is not None} for row in counted]
            counts |= {"results": kept} if any(kept) else {}
        if counts:
            self.usages.append(counts)

    def _note_provider(self, part: object, fields: Mapping[str, Any]) -> None:
        library = type(part).__module__.partition(".")[0]
        by_id = None if self.response_id is None else _ID_MARKS.get(self.response_id[:9])
        if fields.get("x_groq") is not None:
            self._note(fields_of(fields["x_groq"], ("usage",)))
            by_id = "groq"
        metadata = fields.get("ResponseMetadata")
        headers = None if metadata is None else fields_of(metadata, ()).get("HTTPHeaders")
        if isinstance(headers, Mapping):
            by_id = "aws"
            counts = {k: v for k, v in headers.items() if str(k).startswith(_BEDROCK_HEADER)}
            if counts and not self.usages:
                self.usages.append(counts)
        self.provider = by_id or _LIBRARIES.get(library) or self.provider


def skim(response: object) -> Skimmed:
    """Skim a response: an SDK's object, a dictionary, JSON text, or a list of a stream's events.

    An iterator is left alone, since it is the agent's to read: such a response is not skimmed.
    """
    if isinstance(response, Skimmed):
        return response
    skimmed = Skimmed()
    if isinstance(response, list | tuple):
        for part in response:
            skimmed.take(part)
    elif not isinstance(response, Iterator):
        skimmed.take(response)
    skimmed.found = type(response).__name__
    return skimmed


class _There(NamedTuple):
    """Which of the names above a document has, in their order."""

    usage: tuple[str, ...]
    flat: tuple[str, ...]
    model: tuple[str, ...]
    identity: tuple[str, ...]
    tier: tuple[str, ...]
    finish: tuple[str, ...]
    choices: tuple[str, ...]
    inside: tuple[str, ...]


@lru_cache(maxsize=512)  # an agent's responses have a few shapes: each is gone through once
def _there(found: tuple[str, ...]) -> _There:
    known = (_USAGE, _FLAT, _MODEL, _ID, _TIER, _FINISH, _CHOICES, _INSIDE)
    return _There(*(tuple(name for name in names if name in found) for names in known))


def _finish(fields: Mapping[str, Any]) -> str | None:
    there = _there(tuple(fields)).finish
    return next((said for name in there if (said := word(fields[name]))), None)


def _documents(text: str | bytes) -> Iterator[object]:
    """Read JSON text: one document, one a line, or a stream of server-sent events."""
    data = text.encode() if isinstance(text, str) else text
    try:
        whole = json.loads(data)
    except ValueError:
        whole = None
    if whole is not None:
        yield from whole if isinstance(whole, list) else [whole]
        return
    for line in data.splitlines():
        payload = line.removeprefix(b"data:").strip()
        if payload.startswith(b"{") and any(mark in payload for mark in _TELLING):
            try:
                yield json.loads(payload)
            except ValueError:
                continue  # a line cut short
