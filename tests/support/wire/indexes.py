"""Which index a query needs in production, where the emulator needs none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud.firestore_v1.types import StructuredQuery

from support.places import ROOT

FILE = ROOT / "rules" / "firestore.indexes.json"
_NAME = "__name__"
_Filter = StructuredQuery.FieldFilter.Operator
_EQUAL = {_Filter.EQUAL, _Filter.IN, _Filter.ARRAY_CONTAINS, _Filter.ARRAY_CONTAINS_ANY}
_UNARY_EQUAL = {StructuredQuery.UnaryFilter.Operator.IS_NULL}
Ordered = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shape:
    """The part of a query that decides which index it needs."""

    collection: str
    equal: frozenset[str]
    ordered: Ordered

    def __str__(self) -> str:
        equal = ", ".join(sorted(self.equal)) or "nothing"
        return f"{self.collection}: equal by {equal}; ordered by {list(self.ordered)}"


class Indexes:
    """The indexes of the database, as rules/firestore.indexes.json has them."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._composite = [
            (index["collectionGroup"], [(f["fieldPath"], f["order"]) for f in index["fields"]])
            for index in said["indexes"]
        ]
        self._exempt = {
            (override["collectionGroup"], override["fieldPath"])
            for override in said["fieldOverrides"]
            if not override["indexes"]
        }

    def serve(self, shape: Shape) -> bool:
        """Tell whether a query can be answered: by fields' own indexes, or by composite ones.

        Equalities are merged; an order beside them, or a second one, needs an index of its own.
        """
        ordered = tuple(one for one in shape.ordered if one[0] != _NAME)
        if not ordered or (not shape.equal and len(ordered) == 1):
            names = {*shape.equal, *(field for field, _ in ordered)}
            return not any(self._is_exempt(shape.collection, name) for name in names)
        covered: set[str] = set()
        for collection, fields in self._composite:
            head, tail = fields[: len(fields) - len(ordered)], fields[len(fields) - len(ordered) :]
            equal = {field for field, _ in head}
            fits = tuple(tail) in (ordered, _reversed(ordered)) and equal <= shape.equal
            if collection == shape.collection and fits and (equal or not shape.equal):
                covered |= equal
        return covered == shape.equal and self._has(shape.collection, ordered)

    def _has(self, collection: str, ordered: Ordered) -> bool:
        return any(
            name == collection and tuple(fields[-len(ordered) :]) in (ordered, _reversed(ordered))
            for name, fields in self._composite
        )

    def _is_exempt(self, collection: str, field: str) -> bool:
        top = field.split(".", maxsplit=1)[0]
        return any((collection, name) in self._exempt for name in (field, top, "*"))


def read_indexes() -> Indexes:
    """Read the file that is deployed."""
    return Indexes(json.loads(FILE.read_text()))


def shapes(query: StructuredQuery) -> Iterator[Shape]:
    """Yield a query's shapes: one for each way its conditions may be met."""
    for filters in _ways(query.where):
        equal = {field for field, is_equal in filters if is_equal}
        between = [field for field, is_equal in filters if not is_equal]
        ordered = [
            (order.field.field_path, "DESCENDING" if order.direction == 2 else "ASCENDING")
            for order in query.order_by
        ]
        named = {field for field, _ in ordered}
        ordered += [(field, "ASCENDING") for field in dict.fromkeys(between) if field not in named]
        yield Shape(query.from_[0].collection_id, frozenset(equal), tuple(ordered))


def _ways(where: StructuredQuery.Filter) -> list[list[tuple[str, bool]]]:
    """Return the ways a filter may be met: each the fields it asks for, and whether by equality."""
    kind = where._pb.WhichOneof("filter_type")
    if kind is None:
        return [[]]
    if kind == "field_filter":
        return [[(where.field_filter.field.field_path, where.field_filter.op in _EQUAL)]]
    if kind == "unary_filter":
        return [[(where.unary_filter.field.field_path, where.unary_filter.op in _UNARY_EQUAL)]]
    parts = [_ways(part) for part in where.composite_filter.filters]
    if where.composite_filter.op == StructuredQuery.CompositeFilter.Operator.OR:
        return [way for part in parts for way in part]
    ways: list[list[tuple[str, bool]]] = [[]]
    for part in parts:
        ways = [[*way, *more] for way in ways for more in part]
    return ways


def _reversed(ordered: Iterable[tuple[str, str]]) -> Ordered:
    other = {"ASCENDING": "DESCENDING", "DESCENDING": "ASCENDING"}
    return tuple((field, other[direction]) for field, direction in ordered)
