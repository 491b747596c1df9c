"""The excerpt of a model's response: its own metadata, and nothing of its content.

Taking the excerpt costs microseconds of the agent's own time; it is read later, in the background.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from tachograph.usage.fees import executed_tools, queries_of, tool_of
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
"""Fields of a stream's event, or of a transcript's line, that hold the response or a part."""
_BATCHED = {"response": "body", "result": "message", "modelOutput": None}
"""Fields of a line of a batch's results, and where in them the response is: OpenAI's, Anthropic's
and Bedrock's."""
_BATCH = ("custom_id", "recordId", "processed_time", "key", "object", "modelOutput")
_GEMINI = ("usageMetadata", "usage_metadata")
_OUTPUT = ("output", "item")
_GROQ = "x_groq"
_BREAKDOWN = "usage_breakdown"
"""Groq's usage of each model that a compound system called."""
_PROVIDER = "provider"
"""A line of another program's output may state who served the call."""
_BEDROCK_HEADER = "x-amzn-bedrock-"
_FIELDS = (
    *(*_USAGE, *_FLAT, *_MODEL, *_ID, *_TIER, *_FINISH, *_CHOICES, *_INSIDE),
    *(*_OUTPUT, *_BATCH, _GROQ, _BREAKDOWN, _PROVIDER),
)
_LIBRARIES = {
    "mistralai": "mistral",
    "groq": "groq",
    "cohere": "cohere",
    "ollama": "ollama",
    "together": "together",
    "cerebras": "cerebras",
    "xai_sdk": "x-ai",
}
"""Libraries that call one provider only, unlike OpenAI's and Anthropic's."""
_ID_MARKS = (("msg_bdrk_", "aws"), ("msg_vrtx_", "google"), ("gen-", "openrouter"))
"""How the ids begin of those who serve models in another's format."""
_MARKS = (b'"usage', b"Metrics", b"oken_count", b"TokenCount", b"eval_count")
"""A line of a streamed response without any of these holds no usage."""


@dataclass(slots=True)
class Excerpt:
    """The metadata of a response, or of its events; `usages` is in the provider's own format."""

    usages: list[object] = field(default_factory=list)
    model: str | None = None
    provider: str | None = None
    response_id: str | None = None
    service_tier: object = None
    finish_reason: str | None = None
    source: str = "nothing"
    """The type of the response, for an error message."""
    tools: dict[str, str] = field(default_factory=dict)
    """Unit by id of the output's items that are billed by the call; see `fees`."""
    queries: int = 0
    """The searches of a grounded answer."""
    batch: bool = False
    """Whether this is a batch, or a line of a batch's results."""
    breakdown: object = None
    """Groq's `usage_breakdown`, in its own format."""

    def take(self, part: object) -> None:
        """Add a response, or the next event of a streamed one."""
        self.source = type(part).__name__
        if isinstance(part, str | bytes):
            for document in _documents(part):
                self.take(document)
            return
        fields = fields_of(part, _FIELDS)
        self._note(fields)
        for name in _present(tuple(fields)).inside:
            inner = fields[name]
            if inner is not None and not isinstance(inner, str | list):
                self._note(fields_of(inner, _FIELDS))
        self._note_batch(fields)
        self._note_provider(part, fields)
        chunk = fields.get("chunk")
        if isinstance(chunk, Mapping) and isinstance(chunk.get("bytes"), bytes):
            self.take(chunk["bytes"])

    def _note(self, fields: Mapping[str, Any]) -> None:
        present = _present(tuple(fields))
        usages = [fields[name] for name in present.usage if fields[name] is not None]
        self.usages += usages
        if not usages:
            self._note_flat(fields)
        for name in present.model:
            if isinstance(model := fields[name], str) and model:
                self.model = model
        for name in present.identity:
            if isinstance(identity := fields[name], str) and identity:
                self.response_id = identity
        if isinstance(stated := fields.get(_PROVIDER), str) and stated:
            self.provider = stated
        for name in present.tier:
            self.service_tier = fields[name] or self.service_tier
        self.finish_reason = _finish(fields) or self.finish_reason
        for name in present.choices:
            self._note_choices(fields[name], candidates=name == "candidates")
        for name in present.output:
            self._note_output(fields[name])

    def _note_choices(self, choices: object, *, candidates: bool) -> None:
        if isinstance(choices, Sequence) and choices and not isinstance(choices, str):
            first = fields_of(choices[0], _FINISH)
            self.finish_reason = _finish(first) or self.finish_reason
            self.tools.update(executed_tools(choices[0]))
            if candidates:
                self.queries = max(self.queries, queries_of(choices[0]))

    def _note_output(self, output: object) -> None:
        """Note the billed tools of a whole output, or of one item that a stream has finished."""
        items = output if isinstance(output, list | tuple) else [output]
        billed = [tool for tool in map(tool_of, items) if tool is not None]
        tools = {
            named or f"item {len(self.tools) + n}": unit for n, (named, unit) in enumerate(billed)
        }
        self.tools = tools or self.tools if items is output else {**self.tools, **tools}

    def _note_batch(self, fields: Mapping[str, Any]) -> None:
        if fields.get("object") == "batch":
            self.batch = True
        if not _is_result(fields):
            return
        self.batch = True
        for name, inside in _BATCHED.items():
            outer = fields.get(name)
            inner = outer if inside is None else fields_of(outer, (inside,)).get(inside)
            if inner is not None and not isinstance(inner, str | list):
                self._note(fields_of(inner, _FIELDS))

    def _note_flat(self, fields: Mapping[str, Any]) -> None:
        present = _present(tuple(fields)).flat
        counts = {name: fields[name] for name in present if fields[name] is not None}
        rows = fields.get("results")
        if isinstance(rows, list):
            counted = [fields_of(row, _FLAT) for row in rows]
            results = [{n: row[n] for n in _FLAT if row.get(n) is not None} for row in counted]
            counts |= {"results": results} if any(results) else {}
        if counts:
            self.usages.append(counts)

    def _note_provider(self, part: object, fields: Mapping[str, Any]) -> None:
        library = type(part).__module__.partition(".")[0]
        by_id = _marked(self.response_id)
        self.breakdown = fields.get(_BREAKDOWN) or self.breakdown
        if fields.get(_GROQ) is not None:
            groq = fields_of(fields[_GROQ], ("usage", _BREAKDOWN))
            self._note({"usage": groq.get("usage")})
            self.breakdown = groq.get(_BREAKDOWN) or self.breakdown
            by_id = "groq"
        metadata = fields.get("ResponseMetadata")
        headers = None if metadata is None else fields_of(metadata, ()).get("HTTPHeaders")
        if isinstance(headers, Mapping):
            by_id = "aws"
            counts = {k: v for k, v in headers.items() if str(k).startswith(_BEDROCK_HEADER)}
            if counts and not self.usages:
                self.usages.append(counts)
        self.provider = by_id or _LIBRARIES.get(library) or self.provider


def excerpt_of(response: object) -> Excerpt:
    """Take the excerpt of an SDK's object, a dictionary, JSON text, or a list of a stream's events.

    The excerpt of an iterator is empty, because only the agent may read it.
    """
    if isinstance(response, Excerpt):
        return response
    excerpt = Excerpt()
    if isinstance(response, list | tuple):
        for part in response:
            excerpt.take(part)
    elif not isinstance(response, Iterator):
        excerpt.take(response)
    excerpt.source = type(response).__name__
    return excerpt


class _Present(NamedTuple):
    """The names above that a document has, in their order."""

    usage: tuple[str, ...]
    flat: tuple[str, ...]
    model: tuple[str, ...]
    identity: tuple[str, ...]
    tier: tuple[str, ...]
    finish: tuple[str, ...]
    choices: tuple[str, ...]
    output: tuple[str, ...]
    inside: tuple[str, ...]


@lru_cache(maxsize=512)  # the responses of an agent have few sets of names
def _present(document: tuple[str, ...]) -> _Present:
    groups = (_USAGE, _FLAT, _MODEL, _ID, _TIER, _FINISH, _CHOICES, _OUTPUT, _INSIDE)
    return _Present(*(tuple(name for name in names if name in document) for names in groups))


def _is_result(fields: Mapping[str, Any]) -> bool:
    """Tell whether this is a line of a batch's results, by the name of the request in it."""
    if any(fields.get(name) is not None for name in ("custom_id", "recordId", "processed_time")):
        return True
    return fields.get("key") is not None and any(
        fields_of(fields.get("response"), _GEMINI).get(name) for name in _GEMINI
    )


def _marked(identity: str | None) -> str | None:
    if identity is None:
        return None
    return next((host for mark, host in _ID_MARKS if identity.startswith(mark)), None)


def _finish(fields: Mapping[str, Any]) -> str | None:
    present = _present(tuple(fields)).finish
    return next((reason for name in present if (reason := word(fields[name]))), None)


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
        if payload.startswith(b"{") and any(mark in payload for mark in _MARKS):
            try:
                yield json.loads(payload)
            except ValueError:
                continue  # a line cut short
