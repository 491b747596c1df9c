"""Pure: the growth of a call that was counted before, such as a streamed one that has gone on.

A call costs what its whole usage costs, and not its parts: every token of a long prompt costs more,
and each price is rounded. So a growth keeps the call as it was counted, and costs the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tachograph_schema.pricing.call import Call


def growth(now: Call, before: Call) -> Call:
    """Return what `now` adds to the same call as it was counted `before`.

    Both counted are `now`, to the nano-dollar, by whatever prices they are counted.
    """
    cost = now.cost_nanousd
    return replace(
        now,
        usage=now.usage - before.usage,
        cost_nanousd=None if cost is None else cost - (before.cost_nanousd or 0),
        calls=now.calls - before.calls,
        units=_added(now.units, before.units, -1),
        before=before,
    )


def grown(call: Call) -> Call:
    """Return the whole call of which `call` is the growth; a call that is none is whole."""
    before = call.before
    if before is None:
        return call
    cost = call.cost_nanousd
    return replace(
        call,
        usage=call.usage + before.usage,
        cost_nanousd=None if cost is None else cost + (before.cost_nanousd or 0),
        calls=call.calls + before.calls,
        units=_added(call.units, before.units, 1),
        before=None,
    )


def is_billed(call: Call) -> bool:
    """Tell whether the provider's bill is all of a call's cost, so that no prices are needed."""
    before = call.before
    return call.cost_nanousd is not None and (before is None or before.cost_nanousd is not None)


def _added(units: Mapping[str, int], others: Mapping[str, int], sign: int) -> dict[str, int]:
    names = {**units, **others}
    sums = {name: units.get(name, 0) + sign * others.get(name, 0) for name in names}
    return {name: n for name, n in sums.items() if n}
