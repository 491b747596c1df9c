"""The recorded usage of `shared/data/providers`, as responses that a client could have received."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from tachograph.usage.response import Answer, read_response
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price
from tachograph_schema.usage import Usage

UNDATED = datetime(2026, 11, 1, tzinfo=UTC)
"""When a recording without a date is taken to have been made."""


@dataclass(frozen=True)
class Recorded:
    """One response of a provider: rebuilt around its usage, or with its content cut out."""

    name: str
    provider: str
    api: str
    body: Any
    model: str | None
    at: datetime
    usages: tuple[Any, ...]

    def read(self) -> Answer:
        """Read it as an agent would who knows where it sent the request, and for which model."""
        return read_response(self.body, provider=self.provider, model=self.model)


def cost_of(answer: Answer, at: datetime) -> int | None:
    """Return what an answer cost: as billed, or by the public lists; None where neither says."""
    if answer.cost_nanousd is not None or not answer.readable:
        return answer.cost_nanousd
    terms, units = answer.terms, answer.units
    return price(Call(answer.usage, answer.model, answer.provider, at, terms=terms, units=units))


def rows(shared: Path) -> list[Recorded]:
    """Rebuild the responses of `provider_usage_dev.jsonl`."""
    lines = (shared / "data/providers/provider_usage_dev.jsonl").read_text().splitlines()
    return [_row(number, json.loads(line)) for number, line in enumerate(lines)]


def bodies(shared: Path) -> list[Recorded]:
    """Read `bodies/*.json`: whole responses, but for their content; streams without their end."""
    recorded = []
    for path in sorted((shared / "data/providers/bodies").glob("*.json")):
        document = json.loads(path.read_text())
        source = document["_source"]
        usages = tuple(found_usages(document["body"]))
        recorded.append(
            Recorded(
                path.stem,
                source["provider"],
                source["api"],
                document["body"],
                None,
                UNDATED,
                usages,
            )
        )
    return recorded


def tokens_said(usages: tuple[Any, ...]) -> int:
    """Return the largest count of tokens that stands anywhere in usages, by name alone."""
    return max((n for usage in usages for n in _token_counts(usage)), default=0)


def tokens_read(answer: Answer) -> Usage:
    """Return everything that was read of an answer."""
    total = answer.usage
    for other in answer.others:
        total = total + other.usage
    return total


def found_usages(body: object) -> list[Any]:
    """Find what a body says of usage, wherever: only to compare with what the reader finds."""
    usages: list[Any] = []
    if isinstance(body, list):
        for item in body:
            usages += found_usages(item)
    elif isinstance(body, dict):
        for name, value in body.items():
            is_usage = name in {"usage", "usageMetadata", "meta"} and isinstance(value, dict)
            usages += [value] if is_usage else found_usages(value)
        flat = {name: n for name, n in body.items() if "count" in name.lower()}
        usages += [flat] if any(isinstance(n, int) for n in flat.values()) else []
    return usages


def _token_counts(usage: object, name: str = "") -> list[int]:
    if isinstance(usage, dict):
        return [n for key, value in usage.items() for n in _token_counts(value, key)]
    if isinstance(usage, list):
        return [n for value in usage for n in _token_counts(value, name)]
    if not isinstance(usage, int | float) or isinstance(usage, bool):
        return []
    return [int(usage)] if re.search("token|eval_count", name.lower()) else []


def _row(number: int, row: dict[str, Any]) -> Recorded:
    usages = [(entry["path"], entry["value"]) for entry in row["usage"]]
    streamed = any(path.startswith("[]") for path, _ in usages)
    named = {"model": row["response_model"], "service_tier": row["service_tier"]}
    named |= {"id": row["response_id"]}
    if streamed:
        body: Any = [_nested(path.removeprefix("[]."), value, named) for path, value in usages]
    else:
        body = {}
        for path, value in usages:
            body |= _nested(path, value, named)
    return Recorded(
        f"row {number + 1}",
        row["provider"],
        row["api"],
        body,
        row["request_model"],
        _date(row["date"]),
        tuple(value for path, value in usages if "guardrail" not in path),
    )


def _nested(path: str, value: object, named: dict[str, Any]) -> dict[str, Any]:
    """Put a usage where it stood: `results.[].(flat)` is beside the content of each result."""
    inner: Any = value
    for step in reversed(path.split(".")):
        if step == "(flat)":
            continue
        inner = [inner] if step == "[]" else {step: inner}
    return {**{name: word for name, word in named.items() if word is not None}, **inner}


def _date(text: str | None) -> datetime:
    if text is None:
        return UNDATED
    if "," in text:
        return parsedate_to_datetime(text)
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
