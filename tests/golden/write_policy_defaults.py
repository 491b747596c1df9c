"""Write policy_defaults.json: what holds of a fleet that has no document, for other languages.

.venv/bin/python tests/golden/write_policy_defaults.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tachograph_schema.documents.fleet import Fleet

TARGET = Path(__file__).with_name("policy_defaults.json")


def golden() -> dict[str, Any]:
    """Compute the file's content: a fleet's document with every field at its default."""
    return Fleet().model_dump(mode="json")


if __name__ == "__main__":
    TARGET.write_text(json.dumps(golden(), indent=1) + "\n")
