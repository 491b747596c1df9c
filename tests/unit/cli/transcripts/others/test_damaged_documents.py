"""The search for what is whole in a damaged text ends, whatever the text is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tachograph_cli.replay.transcripts.others import document


class _Counting(json.JSONDecoder):
    """A decoder that counts how many characters it was given to read."""

    def __init__(self) -> None:
        super().__init__(strict=False)
        self.given_chars = 0

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        self.given_chars += len(s) - idx
        return super().raw_decode(s, idx)


@pytest.mark.parametrize("depth", [1, 20, 500])
def test_text_of_many_open_objects_is_read_over_a_few_times(
    depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = _Counting()
    monkeypatch.setattr(document, "_DECODER", counting)
    text = '{"k":[' * depth + "1," * 5000
    assert list(document.parts(text)) == []
    assert counting.given_chars <= (document.MAX_SCANS + 2) * len(text)


def test_parts_behind_a_few_open_objects_are_found() -> None:
    text = '{"a":[{"b":[{"c":[{"d":1},{"e":2},'
    assert [part for _, part in document.parts(text)] == [{"d": 1}, {"e": 2}]
