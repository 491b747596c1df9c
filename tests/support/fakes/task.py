"""A task whose document and session are nobody's: what its calls report can be read."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

from tachograph.reports.queue import ReportQueue
from tachograph.task.calls import LlmCall
from tachograph.task.work import TaskWork
from tachograph.usage.deferred import ModelRequest
from tachograph.usage.response import Answer
from tachograph_schema.documents.price_sheet import PriceList
from tachograph_schema.pricing.call import Call

MODEL = "claude-sonnet-4-5-20250929"
RESPONSE = {
    "id": "msg_1",
    "model": MODEL,
    "stop_reason": "end_turn",
    "content": [{"text": "x" * 1000}],
    "usage": {"input_tokens": 100, "cache_read_input_tokens": 50, "output_tokens": 10},
}
EVENTS = [
    {"type": "message_start", "message": {**RESPONSE, "stop_reason": None}},
    {"type": "content_block_delta", "delta": {"text": "hello"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 40}},
]


class _Prices:
    """A price list that is read already."""

    def __init__(self, prices: PriceList | None) -> None:
        self.prices = prices

    def current(self) -> PriceList | None:
        return self.prices


class ReadableTask(TaskWork):
    """A task whose document and session are nobody's, with its answers and its fields."""

    def __init__(
        self, request: ModelRequest | None = None, prices: PriceList | None = None
    ) -> None:
        self.reports = ReportQueue("session", prices=_Prices(prices))
        request, nobody = request or ModelRequest(), MagicMock()
        super().__init__("t-1", self.reports, nobody, nobody, nobody, request)
        self.answers: list[Answer] = []

    def answered(self, answer: Answer, calls: tuple[Call, ...], generation_ms: int) -> None:
        """Keep an answer, as a session would hear of it."""
        del calls, generation_ms
        self.answers.append(answer)

    def llm_call(self) -> LlmCall:
        """Begin a call of a model."""
        return LlmCall(self, self.request, self)

    def written(self) -> dict[str, Any]:
        """Return the fields of the next write, as if it landed."""
        fields = self.reports.next_fields({}) or {}
        self.reports.wrote()
        return fields
