"""Commands of `tachograph`, run in this process as from a terminal."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from runtime.policy import _policies
from tachograph_cli.main import main


def run(*arguments: str) -> Result:
    """Run a command; the environment of this process says where Firestore is."""
    _policies().clear()  # another process remembers nothing
    result = CliRunner(env={"COLUMNS": "120"}).invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def verified(fleet: str, *arguments: str) -> dict[str, Any]:
    """Return the result of `tachograph verify`, whose exit status has to agree with it."""
    result = run("verify", "--fleet", fleet, "--json", *arguments)
    verification: dict[str, Any] = json.loads(result.output)
    assert result.exit_code == (0 if verification["holds"] else 1)
    return verification


def wrong(fleet: str, *arguments: str) -> dict[str, int]:
    """Return the number of differences of each check that fails."""
    checks = verified(fleet, *arguments)["checks"]
    return {name: check["wrong"] for name, check in checks.items() if check["wrong"]}
