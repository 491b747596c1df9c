"""`messages/`, `incidents/`, `leases/`: what agents say to each other, and where they collide."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from tachograph_schema.fields import Count, Flag, Id, Instant, Name, Text, optional

IncidentKind = Literal[
    "claim_collision",
    "branch_held",
    "branch_contamination",
    "dispatch_refused",
    "git_failure",
]
INCIDENT_KINDS: tuple[IncidentKind, ...] = get_args(IncidentKind)


class Message(BaseModel):
    """One message from an agent to another; its latency runs from sent to acknowledged."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    from_agent_id: Name | None = optional("Who sent it.")
    to_agent_id: Name | None = optional("Whom it is for.")
    task_id: Id | None = optional("The task it is about.")
    kind: Name | None = optional("What it is: question, result, dispatch, ...")
    ref: Name | None = optional("Where its content is; content is not stored here.")
    sent_at: Instant | None = optional("When it was sent, by the database's clock.")
    acknowledged_at: Instant | None = optional(
        "When the addressee took note of it, by the database's clock; null, not absent, until then."
    )
    traceparent: Name | None = optional("The W3C trace context it was sent with.")
    reported_at: Instant | None = optional("When what the latest write says happened.")
    voided: Flag | None = optional("True takes back what the message was counted for.")


class Incident(BaseModel):
    """Agents stepped on each other."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: IncidentKind | None = optional("What happened.")
    agent_id: Name | None = optional("Whom it happened to.")
    other_agent_id: Name | None = optional("Who was there first, or would not take it.")
    session_id: Id | None = optional("The session it happened in.")
    other_session_id: Id | None = optional("The other agent's session.")
    task_id: Id | None = optional("The task both wanted, or that was not taken.")
    repo: Name | None = optional("The repository both wanted to change.")
    branch: Name | None = optional("The branch both wanted to change.")
    reason: Name | None = optional(
        "Why, in a word: non_fast_forward, merge_conflict, rotating, ..."
    )
    detail: Text | None = optional("What else there is to say, for a person.")
    occurred_at: Instant | None = optional("When it happened.")
    reported_at: Instant | None = optional("When what the latest write says happened.")
    voided: Flag | None = optional("True takes the incident back.")


class Lease(BaseModel):
    """The right to change a branch, held while it is renewed, by the database's clock."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    repo: Name | None = optional("The repository.")
    branch: Name | None = optional("The branch.")
    agent_id: Name | None = optional("Who holds it.")
    session_id: Id | None = optional("The session that holds it.")
    guard_id: Name | None = optional("Which of the session's guards: each is another.")
    lease_ms: Count | None = optional("How long it holds after the document's latest write.")
    renewed_at: Instant | None = optional("When it was renewed last, by the database's clock.")
    expires_at: Instant | None = optional("When retention removes what nobody released.")
