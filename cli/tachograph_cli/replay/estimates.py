"""Pure: figures that a transcript does not state: a window's size, the cost of a call's growth."""

from __future__ import annotations

from tachograph_cli.replay.transcripts.events import ModelCall
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price

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


def growth_cost_nanousd(call: ModelCall, provider: str | None) -> int | None:
    """Return what a call costs above the part of it that was counted before.

    None for a call that is new, or has no price. It is the difference of two prices, not the price
    of the difference, because every token of a long call costs more.
    """
    if call.counted_before is None or call.model is None:
        return None
    now = price(Call(call.usage, call.model, provider, call.at))
    before = price(Call(call.counted_before, call.model, provider, call.at))
    return None if now is None or before is None else now - before
