"""`fleets/{fleet}/prices/{sheet}`: what a fleet itself pays, before any public price list.

A document is one row, or a sheet of several under `rows`. Rows are dated; a change of price is a
new row, so that history keeps its prices. docs/prices.md shows how to write them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tachograph_schema.fields import Count, Instant, Name, optional
from tachograph_schema.parsing import Problem, shown
from tachograph_schema.paths import PRICES
from tachograph_schema.periods import DAY_MINUTES, in_week, minutes_of, weekdays_of
from tachograph_schema.usage import FEES, Usage, fees_among

_PER_MTOK = 10**6
_MAX_USD_PER_MTOK = 10**6
_MAX_USD = 10**6
_LAST = datetime.max.replace(tzinfo=UTC)


def _usd_per_mtok(value: object) -> Decimal:
    return _dollars(value, f"dollars per million tokens, from 0 to {_MAX_USD_PER_MTOK}")


def _usd_each(value: object) -> Decimal:
    return _dollars(value, f"dollars for one, from 0 to {_MAX_USD}")


def _dollars(value: object, expected: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(expected)
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(expected) from None
    if not exact.is_finite() or not 0 <= exact <= _MAX_USD_PER_MTOK:
        raise ValueError(expected)
    return exact


def _pattern(model: str) -> str:
    if "*" in model[:-1]:
        raise ValueError("a model's id, or the beginning of one with * at its end")
    return model


def _map(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError("a map of fees, each with the dollars for one")
    return value


def _unit(name: object) -> str:
    if name not in FEES:
        raise ValueError(f"one of {', '.join(FEES)}")
    return str(name)


def _hours(text: object) -> str:
    minutes_of(text if isinstance(text, str) else "")
    return str(text)


def _weekdays(text: object) -> str:
    weekdays_of(text if isinstance(text, str) else "")
    return str(text)


UsdPerMtok = Annotated[Decimal, BeforeValidator(_usd_per_mtok)]
"""Exact: 0.3 is three tenths, not the nearest float."""
UsdPerUnit = Annotated[
    dict[
        Annotated[str, BeforeValidator(_unit)],
        Annotated[Decimal, BeforeValidator(_usd_each)],
    ],
    BeforeValidator(_map),
]


class Conditions(NamedTuple):
    """Everything about a call that decides which row is for it; see `Call` and `Terms`."""

    model: str
    provider: str | None
    route: str | None
    at: datetime
    tier: str | None = None
    geo: str | None = None
    prompt_tokens: int = 0


class PriceRow(BaseModel):
    """The price of a model's tokens for a fleet, from one day until another.

    A field that narrows the row, such as a provider, a tier or hours, is for the calls it names; a
    row without it is for all. Cache tokens, audio and pictures without a price of their own are
    charged as the input or the output they are. A fee without a price here is the public list's,
    and where that has none either, the call has no price.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: Annotated[Name, AfterValidator(_pattern)] = Field(
        description="The model as served; or how its id begins, with * at the end."
    )
    provider: Name | None = optional("Only where this provider serves it.")
    route: Name | None = optional("Only where it is reached this way, such as `local`.")
    service_tier: Name | None = optional(
        "Only for calls of this tier: `batch`, `flex`, `priority`, `fast`."
    )
    inference_geo: Name | None = optional("Only for calls that are bound to this place: `us`.")
    prompt_over_tokens: Count | None = optional(
        "Only for calls with a longer prompt, cache included."
    )
    hours_utc: Annotated[str, BeforeValidator(_hours)] | None = optional(
        "Only in these hours of UTC, such as `01:00-04:00, 22:00-24:00`; the end is excluded."
    )
    weekdays_utc: Annotated[str, BeforeValidator(_weekdays)] | None = optional(
        "Only on these days of UTC, such as `mon-fri` or `sat,sun`."
    )
    valid_from: Instant = Field(description="Since when the price holds.")
    valid_to: Instant | None = optional("When it ceases to hold; that moment is excluded.")
    input_usd_per_mtok: UsdPerMtok = Field(description="Dollars per million uncached input tokens.")
    output_usd_per_mtok: UsdPerMtok = Field(description="Dollars per million output tokens.")
    cache_read_usd_per_mtok: UsdPerMtok | None = optional("The same for input read from a cache.")
    cache_write_usd_per_mtok: UsdPerMtok | None = optional("The same for input written to a cache.")
    cache_write_1h_usd_per_mtok: UsdPerMtok | None = optional("The same, where it is kept an hour.")
    input_audio_usd_per_mtok: UsdPerMtok | None = optional("The same for uncached audio.")
    input_image_usd_per_mtok: UsdPerMtok | None = optional("The same for uncached pictures.")
    output_audio_usd_per_mtok: UsdPerMtok | None = optional("The same for audio that is put out.")
    output_image_usd_per_mtok: UsdPerMtok | None = optional("The same for pictures put out.")
    usd_per_unit: UsdPerUnit | None = optional(
        f"Dollars for one of each fee beside the tokens: {', '.join(f'`{fee}`' for fee in FEES)}."
    )

    def usd(self, usage: Usage, units: Mapping[str, int]) -> Decimal:
        """Return what usage and the fees with a price here cost: linear, so sums may be summed."""
        read = _first(self.cache_read_usd_per_mtok, self.input_usd_per_mtok)
        write = _first(self.cache_write_usd_per_mtok, self.input_usd_per_mtok)
        write_1h = _first(self.cache_write_1h_usd_per_mtok, write)
        written_5m = usage.cache_write_tokens - usage.cache_write_1h_tokens
        total = (
            self._apart("input", usage.tokens_in, units)
            + usage.cache_read_tokens * read
            + written_5m * write
            + usage.cache_write_1h_tokens * write_1h
            + self._apart("output", usage.tokens_out, units)
        )
        own = self.usd_per_unit or {}
        return total / _PER_MTOK + sum(n * own[unit] for unit, n in units.items() if unit in own)

    def unlisted_fees(self, units: Mapping[str, int]) -> dict[str, int]:
        """Return the fees that have no price here."""
        own = self.usd_per_unit or {}
        return {unit: n for unit, n in fees_among(units).items() if unit not in own}

    def covers(self, call: Conditions) -> bool:
        """Tell whether the row is for calls under these conditions."""
        over = self.prompt_over_tokens
        return (
            self.valid_from <= call.at
            and (self.valid_to is None or call.at < self.valid_to)
            and _matches(self.model, call.model)
            and _named(self.provider, call.provider)
            and _named(self.route, call.route)
            and _named(self.service_tier, call.tier)
            and _named(self.inference_geo, call.geo)
            and (over is None or call.prompt_tokens > over)
            and in_week(self.hours_utc, self.weekdays_utc, call.at)
        )

    def _apart(self, direction: str, tokens: int, units: Mapping[str, int]) -> Decimal:
        """Price tokens of a direction, audio and pictures among them by prices of their own."""
        price: Decimal = getattr(self, f"{direction}_usd_per_mtok")
        total, left = Decimal(0), tokens
        for kind in ("audio", "image"):
            cached = units.get(f"cache_{kind}_read_tokens", 0) if direction == "input" else 0
            n = min(max(0, left), max(0, units.get(f"{direction}_{kind}_tokens", 0) - cached))
            total += n * _first(getattr(self, f"{direction}_{kind}_usd_per_mtok"), price)
            left -= n
        return total + left * price


class PriceList:
    """A fleet's rows. The most specific one that covers a call decides.

    Specific is, in this order: a named route, provider, tier, place; then an exact model, then the
    longer beginning; then the longer prompt; then named hours, named days, fewer minutes of the
    day, fewer days. Of equals the latest `valid_from` decides, then the earliest `valid_to`, then
    the hours that begin later. The bill comes by the route, so a row for it beats one for the
    model.
    """

    def __init__(self, rows: Iterable[PriceRow] = ()) -> None:
        self.rows = tuple(sorted(rows, key=_rank, reverse=True))

    def row(self, call: Conditions) -> PriceRow | None:
        """Return the row that decides a call's price, or None where the list is silent."""
        return next((row for row in self.rows if row.covers(call)), None)


def read_prices(
    documents: Mapping[str, Mapping[str, Any]],
) -> tuple[PriceList, tuple[Problem, ...]]:
    """Read a fleet's price documents, by id; a row that does not parse is left out as a whole.

    Half a row would be a wrong price. A row for the very calls of one before it is left out too, as
    nothing says which of them is meant. Returns one Problem for each reason a row was left out.
    """
    rows: dict[tuple[Any, ...], tuple[str, PriceRow]] = {}
    problems: list[Problem] = []
    for name, document in sorted(documents.items()):
        sheet = document.get("rows", [document])
        for number, fields in enumerate(sheet if isinstance(sheet, list) else [sheet]):
            where = f"{PRICES}/{name}" + (f".rows[{number}]" if "rows" in document else "")
            try:
                row = PriceRow.model_validate(fields)
            except ValidationError as refusal:
                problems += _problems(where, refusal)
                continue
            first, _ = rows.setdefault(_scope(row), (where, row))
            if first != where:
                allowed = f"calls that {first} is not for: another date, hour, day or term"
                problems.append(Problem(where, f"a second row for {row.model}", allowed))
    return PriceList(row for _, row in rows.values()), tuple(problems)


def _problems(where: str, refusal: ValidationError) -> list[Problem]:
    found = refusal.errors(include_url=False)
    return [
        Problem(
            ".".join([where, *(str(part) for part in error["loc"] if part != "[key]")]),
            "missing" if error["type"] == "missing" else shown(error["input"]),
            str(error.get("ctx", {}).get("error", "a value" if error["loc"] else "a map")),
        )
        for error in found
    ]


def _rank(row: PriceRow) -> tuple[Any, ...]:
    """Order rows by their specificity; their other fields break the last ties."""
    minutes, days = _week(row)
    return (
        row.route is not None,
        row.provider is not None,
        row.service_tier is not None,
        row.inference_geo is not None,
        not row.model.endswith("*"),
        len(row.model),
        -1 if row.prompt_over_tokens is None else row.prompt_over_tokens,
        row.hours_utc is not None,
        row.weekdays_utc is not None,
        DAY_MINUTES - len(minutes),
        -len(days),
        row.valid_from,
        _LAST - (row.valid_to or _LAST),
        minutes,
        days,
        row.model_dump_json(),
    )


def _scope(row: PriceRow) -> tuple[Any, ...]:
    """Return everything that decides for which calls a row is."""
    terms = (row.model, row.provider, row.route, row.service_tier, row.inference_geo)
    words = tuple(word and word.lower() for word in terms)
    return (*words, row.prompt_over_tokens, *_week(row), row.valid_from, row.valid_to)


def _week(row: PriceRow) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the minutes of the day and the days of the week of a row, in their order."""
    minutes = minutes_of(row.hours_utc or "00:00-24:00")
    return tuple(sorted(minutes)), tuple(sorted(weekdays_of(row.weekdays_utc or "mon-sun")))


def _matches(pattern: str, model: str) -> bool:
    pattern, model = pattern.lower(), model.lower()
    return model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern


def _named(wanted: str | None, actual: str | None) -> bool:
    return wanted is None or (actual is not None and wanted.lower() == actual.lower())


def _first(own: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if own is None else own
