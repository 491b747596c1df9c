"""The checklist of an installation: functions, scheduler, rules, dashboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tachograph_cli.checklist import Line
from tachograph_cli.deploy.google import Google, Json, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tachograph_cli.deploy.target import Target

# functions.yaml is read without a YAML library: its rows are indented by two under endpoints.
_ROW = re.compile(r"^  ([a-z][a-z0-9-]*):\s*$", re.MULTILINE)


def endpoints(root: Path) -> list[str]:
    """Return the names of the rows of functions.yaml."""
    text = (root / "functions" / "functions.yaml").read_text()
    return _ROW.findall(text.partition("\nendpoints:")[2])


def installed(api: Google, target: Target) -> bool:
    """Tell whether the project has any function of this installation."""
    try:
        return bool(_functions_of(api, target))
    except RefusedError:
        return False


def check(api: Google, target: Target, root: Path) -> Iterator[Line]:
    """Check each part of the installation against the checkout at `root`."""
    parts: dict[str, Callable[[], Line]] = {
        "functions": lambda: _functions(api, target, root),
        "scheduler": lambda: _scheduler(api, target),
        "rules": lambda: _rules(api, target),
        "dashboard": lambda: _dashboard(api, target),
    }
    for name, part in parts.items():
        try:
            yield part()
        except RefusedError as refusal:
            yield Line(name, str(refusal), _again(target))


def _functions(api: Google, target: Target, root: Path) -> Line:
    functions = _functions_of(api, target)
    by_name = {function["name"].rpartition("/")[2]: function for function in functions}
    expected = [f"{target.name}-{endpoint}" for endpoint in endpoints(root)]
    missing = [name for name in expected if name not in by_name]
    if missing:
        return Line("functions", f"not there: {', '.join(missing)}", _again(target))
    for name in expected:
        trouble = _trouble(by_name[name])
        if trouble:
            logs = (
                f"gcloud functions logs read {name} --gen2 --region={target.functions_region} "
                f"--project={target.project}"
            )
            return Line("functions", f"{name}: {trouble}", f"read {logs}; then {_again(target)}")
    return Line("functions", f"{len(expected)} active in {target.functions_region}")


def _functions_of(api: Google, target: Target) -> list[Json]:
    functions: list[Json] = []
    page = ""
    while True:
        answer = api.get(
            "cloudfunctions",
            f"v2/projects/{target.project}/locations/{target.functions_region}/functions",
            filter=f"labels.tachograph:{target.name}",
            pageToken=page,
        )
        functions += answer.get("functions", [])
        page = answer.get("nextPageToken", "")
        if not page:
            return functions


def _trouble(function: Json) -> str:
    if function.get("state") != "ACTIVE":
        reason = "; ".join(message["message"] for message in function.get("stateMessages", []))
        return f"state {function.get('state')}{': ' if reason else ''}{reason}"
    trigger = function.get("eventTrigger")
    if trigger and trigger.get("retryPolicy") != "RETRY_POLICY_RETRY":
        return "its trigger does not retry: an error would lose the event"
    return ""


def _scheduler(api: Google, target: Target) -> Line:
    name = f"{target.name}-tick"
    path = f"v1/projects/{target.project}/locations/{target.functions_region}/jobs/{name}"
    where = f"{name} --location={target.functions_region} --project={target.project}"
    job = api.get("cloudscheduler", path)
    if job.get("state") != "ENABLED":
        return Line(
            "scheduler", f"state {job.get('state')}", f"gcloud scheduler jobs resume {where}"
        )
    status = job.get("status", {})
    if status.get("code"):
        return Line(
            "scheduler",
            f"the last tick failed: {status.get('message') or status['code']}",
            f"gcloud scheduler jobs run {where}, and look again; docs/operations.md#tick-silent",
        )
    return Line("scheduler", f"last tick {job.get('lastAttemptTime', 'not yet')}")


def _rules(api: Google, target: Target) -> Line:
    release = "cloud.firestore" + ("" if target.database == "(default)" else f"/{target.database}")
    ruleset = api.get("firebaserules", f"v1/projects/{target.project}/releases/{release}")
    return Line("rules", f"released {ruleset.get('updateTime', '')}")


def _dashboard(api: Google, target: Target) -> Line:
    path = f"v1beta1/sites/{target.project}/channels/live/releases"
    if not api.get("firebasehosting", path, pageSize=1).get("releases"):
        return Line("dashboard", "nothing is hosted", _again(target))
    return Line("dashboard", f"https://{target.project}.web.app")


def _again(target: Target) -> str:
    return f"make deploy PROJECT={target.project}"
