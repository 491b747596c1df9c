"""Pure: verifications, rebuilds and repricings as tables, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tachograph_cli.repair.rebuild import Repair
from tachograph_cli.repair.reprice import Correction
from tachograph_cli.repair.verify import Check, LetGo, Verification
from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.widgets import table
from tachograph_schema.counters.cells import Cells
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.scopes import dimension, title

_SHOWN = 10
_TOKENS = ("tokens_in", "cache_read_tokens", "cache_write_tokens", "tokens_out")
_REMEDIES = {
    "ledger": "tachograph sweep counts what was lost",
    "documents": "tachograph sweep counts what was lost",
    "shards": "tachograph rebuild makes the hours what the ledger says",
    "rollups": "tachograph rebuild publishes them anew",
    "sums": "tachograph rebuild publishes them anew",
}


def verification_page(result: Verification) -> RenderableType:
    """Lay out a verification: a line for each check, then the places that are wrong."""
    rows = table(
        "", "holds", "looked at", "wrong", "waiting", "cost", "tokens", "counters", first=2
    )
    for check in result.checks:
        rows.add_row(*_check_line(check))
    words = Text(f"{result.fleet}  as of {fmt.moment(result.as_of)} UTC", "bold")
    parts: list[RenderableType] = [words, Padding(rows, (1, 0, 0, 0))]
    parts += [_findings(check) for check in result.checks if check.wrong]
    if result.let_go.fields:
        parts.append(_let_go(result.let_go))
    parts.append(Padding(_verdict(result), (1, 0, 0, 0)))
    return Group(*parts)


def verification_json(result: Verification) -> dict[str, Any]:
    """Return a verification as JSON: every difference, stored minus expected."""
    return {
        "fleet": result.fleet,
        "as_of": result.as_of.isoformat(),
        "known_since": result.known_since,
        "holds": result.holds,
        "restated_documents": result.restated,
        "let_go": {
            "documents": result.let_go.documents,
            "fields": result.let_go.fields,
            "findings": [{"where": w, "problem": p} for w, p in result.let_go.findings],
        },
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
            for check in result.checks
        },
    }


def repairs_page(
    repairs: Iterable[Repair], sums: Sequence[str], forgotten: Sequence[str], *, dry_run: bool
) -> RenderableType:
    """Lay out a rebuild: the repaired hours, the wrong `sums` by id, and the `forgotten` hours."""
    rows = table("hour", "cost before", "cost after", "counters", "")
    n = 0
    for repair in repairs:
        n += 1
        before, after = (_fleet(cells, "cost_nanousd") for cells in (repair.before, repair.after))
        why = "" if repair.missing else "published anew"
        rows.add_row(
            repair.hour,
            fmt.money(before),
            fmt.money(after),
            str(_width(repair.missing)),
            why,
        )
    parts: list[RenderableType] = []
    if n:
        done = "would be mended" if dry_run else "mended"
        parts += [rows, Text(f"{fmt.counted(n, 'hour')} {done}")]
    if sums:
        done = "would be published anew" if dry_run else "published anew"
        parts.append(Text(f"Not the sums of their parts, {done}: {_named(sums)}"))
    if forgotten:
        unchanged = (
            f"{fmt.counted(len(forgotten), 'hour')} left as found, since the ledger has forgotten"
        )
        parts.append(
            Text(f"{unchanged} entries of them: {_named(forgotten)}; --from-documents", "yellow")
        )
    elif not n and not sums:
        parts.append(Text("Every hour is what it should be.", "green"))
    return Group(*parts)


def corrections_page(
    models: Mapping[str, tuple[int, int, int]], *, dry_run: bool
) -> RenderableType:
    """Lay out a repricing as `by_model` adds it up: tasks, and nano-dollars before and after."""
    rows = table("model", "tasks", "before", "after", "difference")
    for model, (tasks, before, after) in sorted(models.items(), key=lambda item: -item[1][2]):
        if model != FLEET:
            _add_prices(rows, title(model), tasks, before, after)
    if FLEET not in models:
        return Text("Every cost is what today's prices make it.", "green")
    rows.add_section()
    _add_prices(rows, "all", *models[FLEET])
    done = "would be corrected" if dry_run else "corrected"
    return Group(rows, Text(f"{fmt.counted(models[FLEET][0], 'task')} {done}"))


def by_model(corrections: Iterable[Correction]) -> dict[str, tuple[int, int, int]]:
    """Add corrections up by the scope of the model, and of the fleet.

    Each has its number of tasks, and its nano-dollars before and after.
    """
    sums: dict[str, tuple[int, int, int]] = {}
    for correction in corrections:
        scopes = correction.before.keys() | correction.after.keys()
        for scope in scopes:
            if dimension(scope) in (FLEET, "model"):
                row = (
                    1,
                    correction.before.get(scope, {}).get("cost_nanousd", 0),
                    correction.after.get(scope, {}).get("cost_nanousd", 0),
                )
                tasks, before, after = sums.get(scope, (0, 0, 0))
                sums[scope] = (tasks + row[0], before + row[1], after + row[2])
    return sums


def _named(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _add_prices(rows: Table, name: str, tasks: int, before: int, after: int) -> None:
    rows.add_row(
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
    rows = table("where", "cost", "tokens", "counters")
    rows.columns[0].max_width = None
    for where, difference in check.findings[:_SHOWN]:
        rows.add_row(where, *_sizes(difference))
    more = check.wrong - min(_SHOWN, len(check.findings))
    title = Text(f"{check.promise[0].upper()}{check.promise[1:]}: not here", "bold")
    words = Text(f"{f'and {more} more; ' if more else ''}{_REMEDIES[check.name]}", "dim")
    return Padding(Group(title, rows, words), (1, 0, 0, 0))


def _let_go(let_go: LetGo) -> RenderableType:
    rows = table("where", "what could not be read", first=2)
    for where, problem in let_go.findings[:_SHOWN]:
        rows.add_row(Text(where), Text(problem))
    more = let_go.fields - min(_SHOWN, len(let_go.findings))
    counted = fmt.counted(let_go.documents, "document")
    title = Text(f"Let go: {fmt.counted(let_go.fields, 'field')} of {counted}", "bold")
    words = Text(f"{f'and {more} more; ' if more > 0 else ''}each counts for nothing", "dim")
    return Padding(Group(title, rows, words), (1, 0, 0, 0))


def _verdict(result: Verification) -> Text:
    waiting = sum(check.waiting for check in result.checks)
    verdict = Text("Everything holds.", "green") if result.holds else Text("Not so.", "bold red")
    if waiting:
        verdict.append(f" {waiting} may still come right: events within their retries, "
                       "hours not published yet.", "yellow")  # fmt: skip
    forgotten = max(check.forgotten for check in result.checks)
    if forgotten:
        verdict.append(f" {fmt.counted(forgotten, 'hour')} could not be looked at: the ledger has "
                       "forgotten entries of them.", "yellow")  # fmt: skip
    if result.restated:
        verdict.append(
            f" {fmt.counted(result.restated, 'document')} counted by other prices, tiers or labels "
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
