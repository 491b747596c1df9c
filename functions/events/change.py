"""CloudEvent -> what a document was and is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cloudevents.http import CloudEvent
from google.events.cloud.firestore import DocumentEventData
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError

from tachograph_schema.paths import DocumentPath, ledger_key, parse_path

Fields = Mapping[str, Any]

_EPOCH = datetime.fromtimestamp(0, UTC)
_EventData = DocumentEventData.pb()


class UnreadableEventError(ValueError):
    """An event no retry can make readable: it is logged once and let go."""


@dataclass(frozen=True, slots=True)
class Version:
    """A document as one write left it."""

    fields: Fields
    update_time: str
    """RFC 3339 with nanoseconds, which tell versions apart."""
    written_at: datetime
    created: str = ""
    """When the document came to be: one that is deleted and made anew is another document."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write: the document before and after it; `after` is None for a deletion."""

    path: DocumentPath
    before: Version | None
    after: Version | None

    @property
    def versions(self) -> tuple[Version | None, Version | None]:
        """The document before and after."""
        return self.before, self.after

    @property
    def fields(self) -> Fields:
        """The document as it is, or as it was before it was deleted."""
        version = self.after or self.before
        return {} if version is None else version.fields

    @property
    def key(self) -> str:
        """The id of this write's ledger entry: the same whenever the event is delivered."""
        if self.after is not None:
            return ledger_key(str(self.path), self.after.update_time)
        deleted = "" if self.before is None else self.before.update_time
        return ledger_key(str(self.path), deleted + "D")


def read_change(event: CloudEvent) -> Change:
    """Decode a Firestore event, protocol buffer or JSON.

    Raises UnreadableEventError where the payload, or the path, is none of a fleet's document.
    """
    data = event.data
    try:
        if isinstance(data, Mapping):
            payload = ParseDict(dict(data), _EventData(), ignore_unknown_fields=True)
        elif isinstance(data, bytes):
            payload = _EventData.FromString(data)
        else:
            raise UnreadableEventError(
                f"the event's data is a {type(data).__name__}; expected protobuf bytes or JSON"
            )
        name = payload.value.name or payload.old_value.name
        path = parse_path(name.partition("/documents/")[2])
    except (DecodeError, ParseError) as refusal:
        # Its words may quote the document; this goes into the log.
        kind = type(refusal).__name__
        raise UnreadableEventError(f"event {event.get('id')}: no Firestore event, {kind}") from None
    except ValueError as refusal:
        raise UnreadableEventError(f"event {event.get('id')}: {refusal}") from refusal
    return Change(path, _version(payload.old_value), _version(payload.value))


def stamp(instant: datetime, nanos: int | None = None) -> str:
    """Write an instant as the name of a version: RFC 3339 in nanoseconds, which sorts by time."""
    nanos = instant.microsecond * 1000 if nanos is None else nanos
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


def _version(document: Any) -> Version | None:  # noqa: ANN401 - generated protobuf classes
    if not document.name:
        return None
    written_at = _instant(document.update_time)
    created = _text(document.create_time) if document.HasField("create_time") else ""
    fields = {key: _value(value) for key, value in document.fields.items()}
    return Version(fields, _text(document.update_time), written_at, created)


def _value(value: Any) -> Any:  # noqa: ANN401 - a Firestore value is one of many
    kind = value.WhichOneof("value_type")
    if kind == "map_value":
        return {key: _value(entry) for key, entry in value.map_value.fields.items()}
    if kind == "array_value":
        return [_value(entry) for entry in value.array_value.values]
    if kind == "timestamp_value":
        return _instant(value.timestamp_value)
    if kind in (None, "null_value"):
        return None
    return getattr(value, kind)


def _text(at: Any) -> str:  # noqa: ANN401 - generated protobuf classes
    return stamp(_instant(at), at.nanos)


def _instant(stamp: Any) -> datetime:  # noqa: ANN401 - generated protobuf classes
    return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
