"""The entry points: decode, decide, commit. What triggers each is in functions.yaml."""

from __future__ import annotations

import logging

import flask
import functions_framework
from cloudevents.http import CloudEvent
from google.api_core.exceptions import InvalidArgument

from counting.contribution import contribution
from counting.ledger import record, reject
from events.caller import refused
from events.change import Change, UnreadableEventError, read_change
from rotation.crossing import decide, read_session
from rotation.hand_over import hand_over_on
from rotation.lifecycle import settle_session
from rotation.signals import raise_signal
from rotation.thresholds import session_thresholds
from runtime.firestore import db
from runtime.logs import log_in_the_cloud
from runtime.policy import policy
from runtime.settings import settings
from runtime.tracing import belongs_to, step, traced
from tachograph_schema.paths import is_fleet_name
from tachograph_schema.tracing import spans
from tick import fleets, tick_all, tick_if_due

_log = logging.getLogger(__name__)
log_in_the_cloud()


@functions_framework.cloud_event
@traced(spans.ROLL_UP)
def roll_up(event: CloudEvent) -> None:
    """tasks/, sessions/, messages/ or incidents/ written -> ledger/, shards/, trees/, exactly once.

    Then a tick if one is due. What cannot be read goes to rejected/ and counts as done: a retry
    cannot fix it.
    """
    change = _readable(event)
    if change is None:
        return
    fleet = policy(change.path.fleet)
    with step(spans.DECIDE):
        before = contribution(change.path.collection, change.before, fleet)
        after = contribution(change.path.collection, change.after, fleet)
    with step(spans.COMMIT):
        try:
            record(change, before, after, fleet)
        except InvalidArgument as refusal:
            # The words may quote what an agent wrote: they go where it is, and into no log.
            reject(change, f"Firestore refuses its counters: {refusal.message}", fleet)
            _log.error("%s: not counted; rejected/%s says why", change.path, change.key)
    if settings().tick_on_write:
        with step(spans.TICK):
            tick_if_due(db(), change.path.fleet)


@functions_framework.cloud_event
@traced(spans.SIGNAL_ROTATION)
def signal_rotation(event: CloudEvent) -> None:
    """sessions/ written -> signals/rotate_{session}_{generation}, once, when its context runs out.

    And a signal that was raised moves on when the session ends, is compacted or has room again, or
    when its successor makes its first progress.
    """
    change = _readable(event)
    if change is None or change.after is None:
        return
    fleet, session_id = change.path.fleet, change.path.document
    windows = policy(fleet).context_windows
    before = None if change.before is None else read_session(change.before.fields, windows)
    after = read_session(change.after.fields, windows)
    at = session_thresholds(fleet, after)
    crossing = decide(session_id, before, after, at)
    if crossing.signal is not None:
        raise_signal(db(), fleet, crossing.signal, at)
    for name in crossing.settles:
        settle_session(db(), fleet, name, at if name == session_id else None)


@functions_framework.cloud_event
@traced(spans.HAND_OVER)
def hand_over(event: CloudEvent) -> None:
    """signals/ written -> a successor's job or process, and how far that is, in the signal."""
    change = _readable(event)
    if change is not None:
        hand_over_on(db(), change, policy(change.path.fleet).rotation)


@functions_framework.http
def tick(request: flask.Request) -> flask.typing.ResponseReturnValue:
    """Each minute -> rollups/, snapshots/, live/now of every fleet whose bucket is still free.

    Each hour -> ledger/ and shards/, what lost events would have counted. `?fleet=NAME`, once or
    more often, ticks those alone. 500 where a fleet's failed; the others' did not.
    """
    refusal = refused(request)
    if refusal is not None:
        return refusal
    named = request.args.getlist("fleet")
    if not all(map(is_fleet_name, named)):
        return "", 400
    ticked, failed = tick_all(db(), named or fleets(db()))
    return {"ticked": ticked, "failed": failed}, 500 if failed else 200


def _readable(event: CloudEvent) -> Change | None:
    try:
        with step(spans.DECODE):
            change = read_change(event)
    except UnreadableEventError as refusal:
        _log.error("let go: %s", refusal)
        return None
    belongs_to(change.path, change.fields)
    return change
