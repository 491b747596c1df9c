"""What the operator's commands print: tables for a person, and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tachograph_cli.repair.rebuild import Repair
from tachograph_cli.repair.reprice import Correction
from tachograph_cli.repair.verify import Check, Verified
from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.widgets import table
from tachograph_schema.counters.cells import Cells
from tachograph_schema.counters.names import FLEET

_SHOWN = 10
_TOKENS = ("tokens_in", "cache_read_tokens", "cache_write_tokens", "tokens_out")
_REMEDIES = {
    "ledger": "tachograph sweep counts what was lost",
    "documents": "tachograph sweep counts what was lost",
    "shards": "tachograph rebuild makes the hours what the ledger says",
    "rollups": "tachograph rebuild publishes them anew",
    "sums": "tachograph rebuild publishes them anew",
}


def verified_page(found: Verified) -> RenderableType:
    """Lay out a verification: a line for each check, then where something is wrong."""
    made = table(
        "", "holds", "looked at", "wrong", "waiting", "cost", "tokens", "counters", first=2
    )
    for check in found.checks:
        made.add_row(*_check_line(check))
    words = Text(f"{found.fleet}  as of {fmt.moment(found.as_of)} UTC", "bold")
    parts: list[RenderableType] = [words, Padding(made, (1, 0, 0, 0))]
    parts += [_findings(check) for check in found.checks if check.wrong]
    parts.append(Padding(_verdict(found), (1, 0, 0, 0)))
    return Group(*parts)


def verified_json(found: Verified) -> dict[str, Any]:
    """Return a verification as JSON: every difference, what is there minus what should be."""
    return {
        "fleet": found.fleet,
        "as_of": found.as_of.isoformat(),
        "known_since": found.known_since,
        "holds": found.holds,
        "restated_documents": found.restated,
        "checks": {
            check.name: {
                "promise": check.promise,
                "looked_at": check.looked,
                "wrong": check.wrong,
                "waiting": check.waiting,
                "forgotten": check.forgotten,
                "difference": check.difference,
                "findings": [{"where": w, "difference": d} for w, d in check.findings],
                "findings_left_off": check.wrong - len(check.findings),
            }
            for check in found.checks
        },
    }


def repairs_page(
    found: Iterable[Repair], sums: Sequence[str], forgotten: Sequence[str], *, dry_run: bool
) -> RenderableType:
    """Lay out what a rebuild changes, and what it cannot know."""
    made = table("hour", "cost before", "cost after", "counters", "")
    n = 0
    for repair in found:
        n += 1
        before, after = (_fleet(cells, "cost_nanousd") for cells in (repair.before, repair.after))
        why = "" if repair.missing else "published anew"
        made.add_row(
            repair.hour,
            fmt.money(before),
            fmt.money(after),
            str(_width(repair.missing)),
            why,
        )
    parts: list[RenderableType] = []
    if n:
        done = "would be mended" if dry_run else "mended"
        parts += [made, Text(f"{fmt.counted(n, 'hour')} {done}")]
    if sums:
        done = "would be published anew" if dry_run else "published anew"
        parts.append(Text(f"Not the sums of their parts, {done}: {_named(sums)}"))
    if forgotten:
        left = (
            f"{fmt.counted(len(forgotten), 'hour')} left as found, since the ledger has forgotten"
        )
        parts.append(
            Text(f"{left} entries of them: {_named(forgotten)}; --from-documents", "yellow")
        )
    elif not n and not sums:
        parts.append(Text("Every hour is what it should be.", "green"))
    return Group(*parts)


def corrections_page(found: Mapping[str, tuple[int, int, int]], *, dry_run: bool) -> RenderableType:
    """Lay out what a repricing changes, by model: tasks, cost before and after."""
    made = table("model", "tasks", "before", "after", "difference")
    for model, (tasks, before, after) in sorted(found.items(), key=lambda item: -item[1][2]):
        if model != FLEET:
            _add_prices(made, model, tasks, before, after)
    if FLEET not in found:
        return Text("Every cost is what today's prices make it.", "green")
    made.add_section()
    _add_prices(made, "all", *found[FLEET])
    done = "would be corrected" if dry_run else "corrected"
    return Group(made, Text(f"{fmt.counted(found[FLEET][0], 'task')} {done}"))


def by_model(found: Iterable[Correction]) -> dict[str, tuple[int, int, int]]:
    """Add corrections up by model: tasks, cost before, cost after."""
    sums: dict[str, tuple[int, int, int]] = {}
    for correction in found:
        scopes = correction.before.keys() | correction.after.keys()
        for scope in scopes:
            if scope == FLEET or scope.startswith("model:"):
                name = scope.removeprefix("model:")
                row = (
                    1,
                    correction.before.get(scope, {}).get("cost_nanousd", 0),
                    correction.after.get(scope, {}).get("cost_nanousd", 0),
                )
                known = sums.get(name, (0, 0, 0))
                sums[name] = (known[0] + row[0], known[1] + row[1], known[2] + row[2])
    return sums


def _named(names: Sequence[str]) -> str:
    left = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {left} more" if left > 0 else "")


def _add_prices(made: Table, name: str, tasks: int, before: int, after: int) -> None:
    made.add_row(
        name,
        fmt.count(tasks),
        fmt.money(before),
        fmt.money(after),
        signed_money(after - before),
    )


def signed_money(nanousd: int) -> str:
    """Write a difference: +$1.20, -$1.20, or nothing."""
    return "" if not nanousd else f"{'+' if nanousd > 0 else ''}{fmt.money(nanousd)}"


def _check_line(check: Check) -> list[str | Text]:
    mark = Text("no", "bold red") if check.wrong else Text("yes", "green")
    return [
        check.name,
        mark,
        fmt.counted(check.looked, check.noun.removesuffix("s"), check.noun)
        if not check.noun.endswith("ies")
        else fmt.counted(check.looked, "entry", check.noun),
        _count(check.wrong, "bold red"),
        _count(check.waiting, "yellow"),
        *_sizes(check.difference),
    ]


def _findings(check: Check) -> RenderableType:
    made = table("where", "cost", "tokens", "counters")
    made.columns[0].max_width = None
    for where, difference in check.findings[:_SHOWN]:
        made.add_row(where, *_sizes(difference))
    left = check.wrong - min(_SHOWN, len(check.findings))
    title = Text(f"{check.promise[0].upper()}{check.promise[1:]}: not here", "bold")
    words = Text(f"{f'and {left} more; ' if left else ''}{_REMEDIES[check.name]}", "dim")
    return Padding(Group(title, made, words), (1, 0, 0, 0))


def _verdict(found: Verified) -> Text:
    waiting = sum(check.waiting for check in found.checks)
    verdict = Text("Everything holds.", "green") if found.holds else Text("Not so.", "bold red")
    if waiting:
        verdict.append(f" {waiting} may still come right: events within their retries, "
                       "hours not published yet.", "yellow")  # fmt: skip
    forgotten = max(check.forgotten for check in found.checks)
    if forgotten:
        verdict.append(f" {fmt.counted(forgotten, 'hour')} could not be looked at: the ledger has "
                       "forgotten entries of them.", "yellow")  # fmt: skip
    if found.restated:
        verdict.append(
            f" {fmt.counted(found.restated, 'document')} counted by other prices, tiers or labels "
            "than today's: tachograph reprice, if that is wanted.", "dim")  # fmt: skip
    return verdict


def _sizes(difference: Cells) -> list[str]:
    tokens = sum(_fleet(difference, name) for name in _TOKENS)
    return [
        signed_money(_fleet(difference, "cost_nanousd")),
        f"{tokens:+,}" if tokens else "",
        str(_width(difference)) if difference else "",
    ]


def _fleet(cells: Cells, name: str) -> int:
    return cells.get(FLEET, {}).get(name, 0)


def _width(cells: Cells) -> int:
    return sum(len(row) for row in cells.values())


def _count(n: int, style: str) -> Text:
    return Text(str(n), style) if n else Text("")
