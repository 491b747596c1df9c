"""The documentation is what the code says."""

from __future__ import annotations

from pathlib import Path

from tachograph_schema import docs
from tachograph_schema.counters import names


def test_fields_page_is_what_the_schema_says(root: Path) -> None:
    written = (root / "docs/fields.md").read_text()
    assert written == "".join(docs.pages()), "run: make docs"


def test_every_field_and_counter_says_what_it_is() -> None:
    for model in docs.DOCUMENTS:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
    for name in {*names.USAGE, *names.TASK_SUMS, *names.TOTALS}:
        assert docs._counted(name), name
