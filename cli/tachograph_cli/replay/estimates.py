"""Pure: figures that a transcript does not state: a window's size, the cost of a call's growth."""

from __future__ import annotations

from collections.abc import Mapping

from tachograph_cli.replay.transcripts.events import ModelCall
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.growth import growth

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
    answered, *others = event.calls
    first, *rest = event.before  # of the model that answered, though it may be named only now
    before = {(call.model, call.provider): call for call in rest}
    return growth(answered, first), *(_added(call, before) for call in others)


def _added(call: Call, before: Mapping[tuple[str | None, str | None], Call]) -> Call:
    counted = before.get((call.model, call.provider))
    return call if counted is None else growth(call, counted)
