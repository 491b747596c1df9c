"""`fleets/{fleet}/prices/{sheet}`: what a fleet itself pays, before any public price list.

A document is one row, or a sheet of several under `rows`. Rows are dated; a change of price is a
new row, so that history keeps its prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tachograph_schema.fields import Instant, Name, optional
from tachograph_schema.parsing import Problem, shown
from tachograph_schema.paths import PRICES
from tachograph_schema.usage import Usage

_PER_MTOK = 10**6
_MAX_USD_PER_MTOK = 10**6


def _usd_per_mtok(value: object) -> Decimal:
    expected = f"dollars per million tokens, from 0 to {_MAX_USD_PER_MTOK}"
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


UsdPerMtok = Annotated[Decimal, BeforeValidator(_usd_per_mtok)]
"""Exact: 0.3 is three tenths, not the nearest float."""


class PriceRow(BaseModel):
    """The price of a model's tokens for a fleet, from one day until another.

    Cache tokens without a price of their own are charged as input. A provider, a route or a tier
    narrows the row to it.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: Annotated[Name, AfterValidator(_pattern)] = Field(
        description="The model as served; or how its id begins, with * at the end."
    )
    provider: Name | None = optional("Only where this provider serves it.")
    route: Name | None = optional("Only where it is reached this way, such as `local`.")
    service_tier: Name | None = optional("Only for calls of this tier, such as `batch`.")
    valid_from: Instant = Field(description="Since when the price holds.")
    valid_to: Instant | None = optional("When it ceases to hold.")
    input_usd_per_mtok: UsdPerMtok = Field(description="Dollars per million uncached input tokens.")
    output_usd_per_mtok: UsdPerMtok = Field(description="Dollars per million output tokens.")
    cache_read_usd_per_mtok: UsdPerMtok | None = optional("The same for input read from a cache.")
    cache_write_usd_per_mtok: UsdPerMtok | None = optional("The same for input written to a cache.")
    cache_write_1h_usd_per_mtok: UsdPerMtok | None = optional("The same, where it is kept an hour.")

    def usd(self, usage: Usage) -> Decimal:
        """Return what usage costs by this row: linear, so sums may be priced as sums."""
        read = _first(self.cache_read_usd_per_mtok, self.input_usd_per_mtok)
        write = _first(self.cache_write_usd_per_mtok, self.input_usd_per_mtok)
        write_1h = _first(self.cache_write_1h_usd_per_mtok, write)
        written_5m = usage.cache_write_tokens - usage.cache_write_1h_tokens
        total = (
            usage.tokens_in * self.input_usd_per_mtok
            + usage.cache_read_tokens * read
            + written_5m * write
            + usage.cache_write_1h_tokens * write_1h
            + usage.tokens_out * self.output_usd_per_mtok
        )
        return total / _PER_MTOK

    def covers(
        self, model: str, provider: str | None, route: str | None, at: datetime, tier: str | None
    ) -> bool:
        """Tell whether the row is for this call."""
        return (
            self.valid_from <= at
            and (self.valid_to is None or at < self.valid_to)
            and _matches(self.model, model)
            and _named(self.provider, provider)
            and _named(self.route, route)
            and _named(self.service_tier, tier)
        )


class PriceList:
    """A fleet's rows. The most specific one that covers a call decides; of equals the latest.

    Specific is, in this order: a named route, provider, tier; then an exact model, then the longer
    beginning. The bill comes by the route, so a row for it beats one for the model.
    """

    def __init__(self, rows: Iterable[PriceRow] = ()) -> None:
        self.rows = tuple(sorted(rows, key=_rank, reverse=True))

    def row(
        self,
        model: str,
        provider: str | None,
        route: str | None,
        at: datetime,
        tier: str | None = None,
    ) -> PriceRow | None:
        """Return the row that decides a call's price, or None where the list is silent."""
        covering = (row for row in self.rows if row.covers(model, provider, route, at, tier))
        return next(covering, None)


def read_prices(
    documents: Mapping[str, Mapping[str, Any]],
) -> tuple[PriceList, tuple[Problem, ...]]:
    """Read a fleet's price documents, by id; a row that does not parse is left out as a whole.

    Half a row would be a wrong price. Returns one Problem for each reason a row was left out.
    """
    rows: list[PriceRow] = []
    problems: list[Problem] = []
    for name, document in sorted(documents.items()):
        sheet = document.get("rows", [document])
        for number, fields in enumerate(sheet if isinstance(sheet, list) else [sheet]):
            where = f"{PRICES}/{name}" + (f".rows[{number}]" if "rows" in document else "")
            try:
                rows.append(PriceRow.model_validate(fields))
            except ValidationError as refusal:
                problems += _problems(where, refusal)
    return PriceList(rows), tuple(problems)


def _problems(where: str, refusal: ValidationError) -> list[Problem]:
    found = refusal.errors(include_url=False)
    return [
        Problem(
            ".".join([where, *map(str, error["loc"])]),
            "missing" if error["type"] == "missing" else shown(error["input"]),
            str(error.get("ctx", {}).get("error", "a value" if error["loc"] else "a map")),
        )
        for error in found
    ]


def _rank(row: PriceRow) -> tuple[Any, ...]:
    """Order rows by their specificity; their other fields break the last ties."""
    exact = not row.model.endswith("*")
    return (
        row.route is not None,
        row.provider is not None,
        row.service_tier is not None,
        exact,
        len(row.model),
        row.valid_from,
        row.model_dump_json(),
    )


def _matches(pattern: str, model: str) -> bool:
    pattern, model = pattern.lower(), model.lower()
    return model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern


def _named(wanted: str | None, actual: str | None) -> bool:
    return wanted is None or (actual is not None and wanted.lower() == actual.lower())


def _first(own: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if own is None else own
