"""Pure: figures that a transcript does not state: a window's size, the cost of a call's growth."""

from __future__ import annotations

from dataclasses import replace

from tachograph_cli.replay.transcripts.events import ModelCall
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import cost_of

USUAL_WINDOW = 200_000
LONG_WINDOW = 1_000_000


def window_size(known: int | None, stated: int | None, prompt_tokens: int) -> int:
    """Return the size of a context window in tokens, given its size `known` so far.

    The size that the record states wins. Otherwise it is the usual one until a prompt is larger,
    because the name of a model does not determine it.
    """
    if stated:
        return stated
    fits = LONG_WINDOW if prompt_tokens > USUAL_WINDOW else USUAL_WINDOW
    return max(known or 0, fits)


def added(event: ModelCall) -> tuple[Call, ...]:
    """Return what an event adds to the calls that were counted before.

    The growth of a call costs the difference of two prices, not the price of the difference,
    because every token of a long call costs more.
    """
    if event.before is None:
        return event.calls
    before = {(call.model, call.provider): call for call in event.before}
    return tuple(_grown(call, before.get((call.model, call.provider))) for call in event.calls)


def _grown(call: Call, before: Call | None) -> Call:
    if before is None:
        return call
    units = {unit: n - before.units.get(unit, 0) for unit, n in call.units.items()}
    now, then = cost_of(call, None), cost_of(before, None)
    return replace(
        call,
        usage=call.usage - before.usage,
        cost_nanousd=None if now is None or then is None else now - then,
        calls=call.calls - before.calls,
        units={unit: n for unit, n in units.items() if n > 0},
    )
