"""rollups/{grain}_{period}: the counters of an hour, a day, an ISO week and of all time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Aborted, AlreadyExists, FailedPrecondition, NotFound
from google.cloud import firestore

from runtime.firestore import document, equals, fields_of, unchanged
from runtime.units import Units, unguarded
from tachograph_schema.counters.cells import Cells, add, add_into, add_up, delta, prune
from tachograph_schema.counters.fit import Fitted, fit, spelled_out
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.size import saturated_cells
from tachograph_schema.paths import ROLLUPS, SHARDS, DocumentPath
from tachograph_schema.periods import Grain, day_of, hour_of, rollup_id, week_of

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]
    _Replacement = tuple[_Snapshot, dict[str, Any]]

TOTAL = "all"
_ATTEMPTS = 20
MAX_SHARDS = 5000
"""Changed shards that one tick looks at: the rest has its turn in the next."""


def publish(
    db: firestore.Client, fleet: str, units: Units | None = None, *, until: float = 1.0
) -> list[str]:
    """Publish every hour of a fleet whose shards changed, then its day and week; return the hours.

    The newest hours come first, since they are what people look at, until a share of the units'
    time is used; the next tick goes on. A shard is marked clean last, and only if it is still the
    version that was read, so a crash in between, a failure, or a write, has the hour published
    again. Everything is overwritten by what was read, under an `as_of` fence: an older computation
    never replaces a newer one.
    """
    units = units or unguarded()
    published: list[str] = []
    for _, shards in groupby(_dirty(db, fleet), key=lambda shard: week_of(_hour_of(shard))):
        if not units.has_time(until):
            break
        clean = []
        for hour, same in groupby(shards, key=_hour_of):
            parts = list(same)
            if units.has_time(until) and units.run(
                "hour", hour, partial(_publish_hour, db, fleet, hour)
            ):
                clean += parts
        summed = _publish_sums_of(db, fleet, {day_of(_hour_of(shard)) for shard in clean}, units)
        clean = [shard for shard in clean if day_of(_hour_of(shard)) in summed]
        for shard in clean:
            units.run("shard", shard.id, partial(_mark_clean, shard))
        published += dict.fromkeys(map(_hour_of, clean))
    return sorted(published)


def publish_sums(db: firestore.Client, fleet: str, days: Iterable[str]) -> None:
    """Publish days as the sums of their hours, then the weeks they are in."""
    _publish_sums_of(db, fleet, set(days), unguarded())


def _publish_sums_of(db: firestore.Client, fleet: str, days: set[str], units: Units) -> set[str]:
    """Publish days, then their weeks; return the days that are in both."""
    done = {
        day for day in sorted(days) if units.run("day", day, partial(_publish_day, db, fleet, day))
    }
    weeks = sorted({week_of(day) for day in done})
    whole = {
        week for week in weeks if units.run("week", week, partial(_publish_week, db, fleet, week))
    }
    return {day for day in done if week_of(day) in whole}


def _publish_day(db: firestore.Client, fleet: str, day: str) -> None:
    parts = [rollup_id("hour", f"{day}T{n:02d}") for n in range(24)]
    _publish_sum(db, fleet, "day", day, parts)


def _publish_week(db: firestore.Client, fleet: str, week: str) -> None:
    _publish_sum(db, fleet, "week", week, [rollup_id("day", day) for day in _days_of(week)])


def _dirty(db: firestore.Client, fleet: str) -> list[_Snapshot]:
    """Return the shards that changed, of the newest hours first: their names and hours alone."""
    changed = _shards(db, fleet).where(filter=_is("dirty", value=True)).select(["hour"])
    found = list(changed.limit(MAX_SHARDS).stream())
    if len(found) == MAX_SHARDS:  # too many for one tick: those of this hour must be among them
        hour = hour_of(found[0].read_time)
        now = changed.where(filter=_is("hour", value=hour)).stream()
        found = list({shard.id: shard for shard in (*found, *now)}.values())
    return sorted(found, key=lambda shard: (_hour_of(shard), shard.id), reverse=True)


def _hour_of(shard: _Snapshot) -> str:
    hour: str = shard.get("hour")
    return hour


def mend_total(db: firestore.Client, fleet: str) -> bool:
    """Make the total what its hours add up to; False where it was. Reads every hour there is."""
    total = _rollup(db, fleet, "total", TOTAL)
    mended = False

    def replaced() -> Iterator[_Replacement]:
        nonlocal mended
        now = total.get()
        # Both as they were at one moment: an hour and the total are replaced together.
        hours = _hours(db, fleet).select([f"c.{FLEET}"]).stream(read_time=now.read_time)
        cells = saturated_cells(add_up(_fields(hour).get("c", {}) for hour in hours))
        mended = cells != _fields(now).get("c", {}) and bool(cells or now.exists)
        if mended:
            yield now, _document("total", TOTAL, now.read_time, fit(cells))

    _replace(db, replaced)
    return mended


def _publish_hour(db: firestore.Client, fleet: str, hour: str) -> None:
    """Overwrite an hour by the sum of its shards, and carry the difference into the total."""
    cells: Cells = {}
    read_at = []
    for shard in _shards(db, fleet).where(filter=_is("hour", value=hour)).stream():
        # One at a time: a full hour has dozens, of a mebibyte each.
        add_into(cells, _fields(shard).get("c", {}))
        read_at.append(shard.read_time)
    _overwrite_hour(db, fleet, hour, max(read_at), fit(prune(cells)))


def _overwrite_hour(
    db: firestore.Client, fleet: str, hour: str, as_of: datetime, fitted: Fitted
) -> None:
    # The total is the one sum that cannot be computed anew from all there ever was, so it moves by
    # differences, in the commit that replaces the hour it differs by.
    refs = [_rollup(db, fleet, "hour", hour), _rollup(db, fleet, "total", TOTAL)]

    def replaced() -> Iterator[_Replacement]:
        current = {doc.id: doc for doc in db.get_all(refs)}
        hour_now, total_now = (current[ref.id] for ref in refs)
        if not _newer(as_of, hour_now):
            return
        change = delta(_of_fleet(_fields(hour_now).get("c", {})), _of_fleet(fitted.cells))
        total = add(_fields(total_now).get("c", {}), change)
        yield hour_now, _document("hour", hour, as_of, fitted)
        yield total_now, _document("total", TOTAL, as_of, fit(total))

    _replace(db, replaced)


def _publish_sum(
    db: firestore.Client, fleet: str, grain: Grain, period: str, parts: list[str]
) -> None:
    refs = [document(db, DocumentPath(fleet, ROLLUPS, part)) for part in parts]
    read = {part.id: part for part in db.get_all(refs)}
    rollups = [read[part] for part in parts]
    as_of = max(part.read_time for part in rollups)
    fields = [_fields(part) for part in rollups]
    rollup = _document(grain, period, as_of, fit(add_up(part.get("c", {}) for part in fields)))
    _add_losses(rollup, fields)
    if grain == "day":
        rollup["cost_nanousd_by_hour"] = [_spend(part) for part in fields]
    _overwrite_sum(db, _rollup(db, fleet, grain, period), rollup)


def _overwrite_sum(
    db: firestore.Client, ref: firestore.DocumentReference, rollup: dict[str, Any]
) -> None:
    def replaced() -> Iterator[_Replacement]:
        now = ref.get(["as_of"])
        if _newer(rollup["as_of"], now):
            yield now, rollup

    _replace(db, replaced)


def _newer(as_of: datetime, published: _Snapshot) -> bool:
    """Tell whether a computation is newer than the one that is published: the fence."""
    return not published.exists or bool(published.get("as_of") < as_of)


def _replace(db: firestore.Client, replaced: Callable[[], Iterable[_Replacement]]) -> None:
    """Replace documents together, each only as the version that was read; else read again."""
    for attempt in range(1, _ATTEMPTS + 1):
        batch = db.batch()
        replacements = list(replaced())
        if not replacements:
            return
        for now, replacement in replacements:
            if now.exists:
                batch.update(now.reference, replacement, option=unchanged(now))
            else:
                batch.create(now.reference, replacement)
        try:
            batch.commit()
        except (Aborted, AlreadyExists, FailedPrecondition):
            if attempt == _ATTEMPTS:
                raise
            time.sleep(random.uniform(0, 0.05 * attempt))  # noqa: S311 - another tick is at it
        else:
            return


def _document(grain: Grain, period: str, as_of: datetime, fitted: Fitted) -> dict[str, Any]:
    return {
        "grain": grain,
        "period": period,
        "as_of": as_of,
        "c": fitted.cells,
        **spelled_out(fitted.cells),
        "folded": fitted.folded,
        "sketch_step": fitted.sketch_step,
    }


def _add_losses(rollup: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    """Say of a sum what its parts have folded already: the most of any of them."""
    for part in parts:
        for dimension, n in part.get("folded", {}).items():
            rollup["folded"][dimension] = max(rollup["folded"].get(dimension, 0), n)
        rollup["sketch_step"] = max(rollup["sketch_step"], part.get("sketch_step", 1))


def _of_fleet(cells: Cells) -> Cells:
    return {FLEET: cells.get(FLEET, {})}


def _spend(hour: dict[str, Any]) -> int:
    n: int = hour.get("c", {}).get(FLEET, {}).get("cost_nanousd", 0)
    return n


def _mark_clean(shard: _Snapshot) -> None:
    # Where it was written, or removed, since it was read, the next tick has it.
    with suppress(FailedPrecondition, NotFound):
        shard.reference.update({"dirty": False}, option=unchanged(shard))


def _days_of(week: str) -> list[str]:
    monday = datetime.strptime(f"{week}-1", "%G-W%V-%u").date()  # noqa: DTZ007 - a date
    return [(monday + timedelta(days=n)).isoformat() for n in range(7)]


def _shards(db: firestore.Client, fleet: str) -> firestore.CollectionReference:
    return db.collection("fleets", fleet, SHARDS)


def _hours(db: firestore.Client, fleet: str) -> firestore.Query:
    return db.collection("fleets", fleet, ROLLUPS).where(filter=_is("grain", value="hour"))


def _rollup(
    db: firestore.Client, fleet: str, grain: Grain, period: str
) -> firestore.DocumentReference:
    return document(db, DocumentPath(fleet, ROLLUPS, rollup_id(grain, period)))


def _fields(snapshot: _Snapshot) -> dict[str, Any]:
    return fields_of(snapshot)


def _is(field: str, *, value: object) -> firestore.FieldFilter:
    return equals(field, value)
