"""Pure: the tasks of a tree -> what it cost, and where the money went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tachograph_cli.report.cost.own_cost import KINDS, NOTHING, Spent, spent
from tachograph_cli.report.cost.task_tree import Family, Member
from tachograph_schema.counters.derived import ratios


@dataclass(frozen=True, slots=True)
class Node:
    """One task, and what it spawned; nano-dollars of its own, and of the whole."""

    task_id: str
    title: str | None
    status: str
    model: str | None
    agent_id: str | None
    own: Spent
    counts: Mapping[str, int]
    """retries, rotations, handoffs."""
    whole_nanousd: int
    subtasks: tuple[Node, ...]
    """Dearest first."""

    def walk(self) -> Iterator[Node]:
        """Yield the task and all below it."""
        yield self
        for subtask in self.subtasks:
            yield from subtask.walk()


@dataclass(frozen=True, slots=True)
class Published:
    """What `trees/{root}` says, and by how much the tasks say more."""

    cost_nanousd: int
    tasks: int
    as_of: datetime | None
    difference_nanousd: int


@dataclass(frozen=True, slots=True)
class Bill:
    """What a tree cost."""

    fleet: str
    asked: str
    root: Node
    total: Mapping[str, int]
    """tasks_created, tasks_completed, ..., cost_nanousd, naive_cost_nanousd, overheads."""
    derived: Mapping[str, float]
    parts: Mapping[str, int]
    """root_first, subtasks_first, retry, rotation, handoff: nano-dollars, adding up to the cost."""
    by_model: Mapping[str, int]
    unknown_cost: int
    """Tasks with tokens that no price is known for."""
    published: Published | None
    documents_read: int
    complete: bool


def bill(found: Family) -> Bill:
    """Add a tree up from its tasks, and hold it against what is published of it."""
    children: dict[str, list[str]] = {}
    for name, member in found.members.items():
        parent = member.task.parent_task_id
        # One whose parent is not to be found hangs from the root that it names.
        above = parent if parent in found.members else found.root
        children.setdefault(above, []).append(name)
    root = _node(found, found.root, children, {found.root})
    nodes = list(root.walk())
    total = _total(nodes, root)
    return Bill(
        fleet=found.fleet,
        asked=found.asked,
        root=root,
        total=total,
        derived=ratios(total),
        parts=_parts(nodes, root),
        by_model=dict(sum((Counter(node.own.by_model) for node in nodes), Counter()).most_common()),
        unknown_cost=sum(not node.own.known for node in nodes),
        published=_published(found.tree, total["cost_nanousd"]),
        documents_read=found.documents_read,
        complete=found.complete,
    )


def as_json(made: Bill) -> dict[str, Any]:
    """Return what `tachograph cost --json` prints; docs/report.md says what each name means."""
    said = made.published
    return {
        "fleet": made.fleet,
        "task_id": made.asked,
        "root_task_id": made.root.task_id,
        "documents_read": made.documents_read,
        "complete": made.complete,
        "counters": dict(made.total),
        "derived": dict(made.derived),
        "parts_nanousd": dict(made.parts),
        "models_nanousd": dict(made.by_model),
        "tasks_of_unknown_cost": made.unknown_cost,
        "published": said
        and {
            "cost_nanousd": said.cost_nanousd,
            "tasks": said.tasks,
            "as_of": said.as_of.isoformat() if said.as_of else None,
            "difference_nanousd": said.difference_nanousd,
        },
        "tree": _node_json(made.root),
    }


def _node(found: Family, name: str, children: Mapping[str, list[str]], seen: set[str]) -> Node:
    """Build a task with what it spawned; parents that go round in a circle are met once."""
    fresh = [child for child in children.get(name, []) if child not in seen]
    seen.update(fresh)
    subtasks = [_node(found, child, children, seen) for child in fresh]
    subtasks.sort(key=lambda node: (-node.whole_nanousd, node.task_id))
    member = found.members.get(name)
    own = NOTHING if member is None else spent(member.task, member.written_at, found.prices)
    task = member.task if member else None
    return Node(
        task_id=name,
        title=task.title if task else None,
        status=_status(member),
        model=task.model if task else None,
        agent_id=task.agent_id if task else None,
        own=own,
        counts={
            "retries": (task and task.retries) or 0,
            "rotations": (task and task.rotations) or 0,
            "handoffs": (task and task.handoffs) or 0,
        },
        whole_nanousd=own.cost_nanousd + sum(node.whole_nanousd for node in subtasks),
        subtasks=tuple(subtasks),
    )


def _status(member: Member | None) -> str:
    if member is None:
        return "missing"
    return "voided" if member.task.voided else member.task.status or "unknown"


def _total(nodes: list[Node], root: Node) -> dict[str, int]:
    ended = Counter(node.status for node in nodes)
    total = {
        "tasks_created": sum(node.status not in ("missing", "voided") for node in nodes),
        **{f"tasks_{end}": ended[end] for end in ("completed", "failed", "cancelled")},
        "cost_nanousd": root.whole_nanousd,
        "naive_cost_nanousd": root.own.first_nanousd,
    }
    for kind in KINDS:
        total[f"{kind}_cost_nanousd"] = sum(node.own.overheads[kind] for node in nodes)
    for name in ("retries", "rotations", "handoffs"):
        total[name] = sum(node.counts[name] for node in nodes)
    return total


def _parts(nodes: list[Node], root: Node) -> dict[str, int]:
    return {
        "root_first": root.own.first_nanousd,
        "subtasks_first": sum(node.own.first_nanousd for node in nodes) - root.own.first_nanousd,
        **{kind: sum(node.own.overheads[kind] for node in nodes) for kind in KINDS},
    }


def _published(tree: Mapping[str, Any] | None, cost_nanousd: int) -> Published | None:
    if tree is None or "total" not in tree:
        return None
    total = tree["total"]
    said = total.get("cost_nanousd", 0)
    return Published(said, total.get("tasks_created", 0), tree.get("as_of"), cost_nanousd - said)


def _node_json(node: Node) -> dict[str, Any]:
    return {
        "task_id": node.task_id,
        "title": node.title,
        "status": node.status,
        "model": node.model,
        "agent_id": node.agent_id,
        "cost_nanousd": node.own.cost_nanousd,
        "cost_known": node.own.known,
        "first_cost_nanousd": node.own.first_nanousd,
        **{f"{kind}_cost_nanousd": node.own.overheads[kind] for kind in KINDS},
        **node.counts,
        "with_subtasks_nanousd": node.whole_nanousd,
        "subtasks": [_node_json(subtask) for subtask in node.subtasks],
    }
