"""The operator's commands, called as from a terminal."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from runtime.policy import _policies
from tachograph_cli.main import main


def run(*arguments: str) -> Result:
    """Run `tachograph ...` in this process, whose environment says where Firestore is."""
    _policies().clear()  # another process remembers nothing
    result = CliRunner(env={"COLUMNS": "120"}).invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def verified(fleet: str, *arguments: str) -> dict[str, Any]:
    """Return what `tachograph verify` finds, by check."""
    result = run("verify", "--fleet", fleet, "--json", *arguments)
    found: dict[str, Any] = json.loads(result.output)
    assert result.exit_code == (0 if found["holds"] else 1)
    return found


def wrong(fleet: str, *arguments: str) -> dict[str, int]:
    """Return how often each check fails, where it does."""
    checks = verified(fleet, *arguments)["checks"]
    return {name: check["wrong"] for name, check in checks.items() if check["wrong"]}
