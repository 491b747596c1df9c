"""Pure: the tasks of a tree -> its bill: what each task cost, by part and by model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tachograph_cli.report.cost.own_cost import NO_COST, OwnCost, own_cost
from tachograph_cli.report.cost.task_tree import Member, TaskTree
from tachograph_schema.counters.derived import certainty, cost_by_part, fleet_ratios
from tachograph_schema.counters.names import CERTAINTIES, COMPLETED, COST_PARTS
from tachograph_schema.documents.task import Origin, Task, origin
from tachograph_schema.pricing.overhead import OVERHEADS


@dataclass(frozen=True, slots=True)
class Node:
    """One task and its subtasks: its own cost, and the cost of the whole, in nano-dollars."""

    task_id: str
    title: str | None
    status: str
    model: str | None
    agent_id: str | None
    own: OwnCost
    counts: Mapping[str, int]
    """retries, rotations, handoffs."""
    origin: Origin
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
    """The cost that `trees/{root}` states, and by how much the tasks' own sum exceeds it."""

    cost_nanousd: int
    tasks: int
    as_of: datetime | None
    difference_nanousd: int


@dataclass(frozen=True, slots=True)
class Bill:
    """The cost of a tree of tasks."""

    fleet: str
    asked: str
    root: Node
    total: Mapping[str, int]
    """tasks_created, tasks_completed, ..., cost_nanousd, and the cost of each part."""
    derived: Mapping[str, float]
    parts: Mapping[str, int]
    """tachograph_schema.counters.names.COST_PARTS: nano-dollars, adding up to the cost."""
    by_model: Mapping[str, int]
    unknown_cost: int
    """The number of tasks with tokens of unknown price."""
    published: Published | None
    documents_read: int
    complete: bool


def bill(tree: TaskTree) -> Bill:
    """Add a tree up from its tasks, and compare it with its published sum."""
    children: dict[str, list[str]] = {}
    for name, member in tree.members.items():
        parent = member.task.parent_task_id
        # A task whose parent is missing hangs from the root that it names.
        above = parent if parent in tree.members else tree.root
        children.setdefault(above, []).append(name)
    root = _node(tree, tree.root, children, {tree.root})
    nodes = list(root.walk())
    total = _total(nodes)
    return Bill(
        fleet=tree.fleet,
        asked=tree.asked,
        root=root,
        total=total,
        derived=fleet_ratios(total),
        parts=cost_by_part(total) or {},
        by_model=dict(sum((Counter(node.own.by_model) for node in nodes), Counter()).most_common()),
        unknown_cost=sum(not node.own.known for node in nodes),
        published=_published(tree.published, total["cost_nanousd"]),
        documents_read=tree.documents_read,
        complete=tree.complete,
    )


def as_json(bill: Bill) -> dict[str, Any]:
    """Return what `tachograph cost --json` prints; docs/report.md says what each name means."""
    published = bill.published
    return {
        "fleet": bill.fleet,
        "task_id": bill.asked,
        "root_task_id": bill.root.task_id,
        "documents_read": bill.documents_read,
        "complete": bill.complete,
        "counters": dict(bill.total),
        "derived": dict(bill.derived),
        "parts_nanousd": dict(bill.parts),
        "certainty": certainty(bill.total),
        "models_nanousd": dict(bill.by_model),
        "tasks_of_unknown_cost": bill.unknown_cost,
        "published": published
        and {
            "cost_nanousd": published.cost_nanousd,
            "tasks": published.tasks,
            "as_of": published.as_of.isoformat() if published.as_of else None,
            "difference_nanousd": published.difference_nanousd,
        },
        "tree": _node_json(bill.root),
    }


def _node(tree: TaskTree, name: str, children: Mapping[str, list[str]], seen: set[str]) -> Node:
    """Build a task with its subtasks; tasks that are each other's parents are taken once."""
    fresh = [child for child in children.get(name, []) if child not in seen]
    seen.update(fresh)
    subtasks = [_node(tree, child, children, seen) for child in fresh]
    subtasks.sort(key=lambda node: (-node.whole_nanousd, node.task_id))
    member = tree.members.get(name)
    own = NO_COST if member is None else own_cost(member.task, member.written_at, tree.prices)
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
        origin=origin(task or Task()),
        whole_nanousd=own.cost_nanousd + sum(node.whole_nanousd for node in subtasks),
        subtasks=tuple(subtasks),
    )


def _status(member: Member | None) -> str:
    if member is None:
        return "missing"
    return "voided" if member.task.voided else member.task.status or "unknown"


def _total(nodes: list[Node]) -> dict[str, int]:
    ended = Counter(node.status for node in nodes)
    completed = Counter[str](node.origin for node in nodes if node.status == "completed")
    total = {
        "tasks_created": sum(node.status not in ("missing", "voided") for node in nodes),
        **{f"tasks_{end}": ended[end] for end in ("completed", "failed", "cancelled")},
        **{name: completed[kind] for kind, name in COMPLETED.items()},
        "cost_nanousd": sum(node.own.cost_nanousd for node in nodes),
    }
    for part in COST_PARTS:
        total[f"{part}_cost_nanousd"] = sum(node.own.parts[part] for node in nodes)
    for kind in CERTAINTIES:
        total[f"cost_{kind}_nanousd"] = sum(node.own.certainty[kind] for node in nodes)
    for name in ("retries", "rotations", "handoffs"):
        total[name] = sum(node.counts[name] for node in nodes)
    return total


def _published(tree: Mapping[str, Any] | None, cost_nanousd: int) -> Published | None:
    if tree is None or "total" not in tree:
        return None
    total = tree["total"]
    published = total.get("cost_nanousd", 0)
    more = cost_nanousd - published
    return Published(published, total.get("tasks_created", 0), tree.get("as_of"), more)


def _node_json(node: Node) -> dict[str, Any]:
    return {
        "task_id": node.task_id,
        "title": node.title,
        "status": node.status,
        "model": node.model,
        "agent_id": node.agent_id,
        "cost_nanousd": node.own.cost_nanousd,
        "cost_known": node.own.known,
        "unpriced_models": list(node.own.unpriced),
        "first_cost_nanousd": node.own.first_nanousd,
        **{f"{kind}_cost_nanousd": node.own.overheads[kind] for kind in OVERHEADS},
        **node.counts,
        "with_subtasks_nanousd": node.whole_nanousd,
        "subtasks": [_node_json(subtask) for subtask in node.subtasks],
    }
