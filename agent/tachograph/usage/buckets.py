"""Pure: from counts that contain each other to buckets that do not."""

from __future__ import annotations

from tachograph.usage.counts import Units
from tachograph_schema.usage import Usage


class UnexplainedError(ValueError):
    """A total that holds tokens which no count explains: they have no price. `usage` keeps them."""

    def __init__(self, usage: Usage, surplus: int) -> None:
        super().__init__(f"the total holds {surplus} tokens of a kind that is not said")
        self.usage = usage


def buckets(units: Units, total: int, *, hides_thoughts: bool) -> tuple[Usage, str | None]:
    """Split counts into buckets; say what contradicts and how it was mended.

    `total` is what the response says of input and output together, 0 where it says nothing. Where
    it is more, a count that stands beside the others explains it: reasoning that is not a part of
    the output (xAI), or cached tokens that are no part of the input (gateways before Anthropic).
    `hides_thoughts`: it is reasoning although nothing says so, as Gemini's.

    Raises UnexplainedError.
    """
    given, out = units.get("input_tokens", 0), units.get("output_tokens", 0)
    cached, written = units.get("cache_read_tokens", 0), units.get("cache_write_tokens", 0)
    thoughts, hour = units.get("output_reasoning_tokens", 0), units.get("cache_write_1h_tokens", 0)
    surplus = max(0, total - given - out) if total else 0
    if surplus and surplus == thoughts:
        out += surplus
    elif surplus and surplus in {cached + written, cached, written}:
        given += surplus
    elif surplus and surplus == thoughts + cached + written:
        out, given = out + thoughts, given + cached + written
    elif surplus and hides_thoughts:
        out, thoughts = out + surplus, max(thoughts, surplus)
    elif surplus:
        usage, _ = _apart(given + surplus, cached, written, hour, out, thoughts)
        raise UnexplainedError(usage, surplus)
    return _apart(given, cached, written, hour, out, thoughts)


def _apart(
    given: int, cached: int, written: int, hour: int, out: int, thoughts: int
) -> tuple[Usage, str | None]:
    read = min(cached, given)
    wrote = min(written, given - read)
    usage = Usage(given - read - wrote, read, wrote, min(hour, wrote), out, min(thoughts, out))
    for name, count, allowed in (
        ("cache_read_tokens", cached, read),
        ("cache_write_tokens", written, wrote),
        ("cache_write_1h_tokens", hour, usage.cache_write_1h_tokens),
        ("reasoning_tokens", thoughts, usage.reasoning_tokens),
    ):
        if count > allowed:
            return usage, f"{name} is {count}; expected at most {allowed}, which is taken"
    return usage, None
