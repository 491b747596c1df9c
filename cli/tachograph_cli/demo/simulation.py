"""Pure: the decisions of a simulated fleet, all of which come from the seed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from tachograph_cli.demo.actions import (
    Action,
    CallModel,
    CallTool,
    ContendForTask,
    FinishTask,
    HandOff,
    Model,
    OpenSession,
    Overhead,
    Pause,
    QueueTask,
    Rest,
    RetryTask,
    SimulatedTask,
    TakeTask,
    Wait,
)
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

OPUS = Model("claude-opus-4-6", "anthropic", 200_000, caches_writes=True)
SONNET = Model("claude-sonnet-4-5", "anthropic", 200_000, caches_writes=True)
HAIKU = Model("claude-haiku-4-5", "anthropic", 200_000, caches_writes=True)
GPT = Model("gpt-5.3-codex", "openai", 258_400, caches_writes=False)
GEMINI = Model("gemini-2.5-flash", "google", 400_000, caches_writes=False)

CREW = (
    ("builder", SONNET),
    ("builder", OPUS),
    ("fixer", SONNET),
    ("fixer", GPT),
    ("reviewer", OPUS),
    ("tester", HAIKU),
    ("tester", GEMINI),
    ("builder", GPT),
    ("docs", HAIKU),
    ("researcher", GEMINI),
)
KINDS = {"feature": 16, "fix": 9, "review": 5, "test": 7, "docs": 4, "research": 11}
"""The mean number of model calls for a task of each kind."""
TITLES = ("checkout", "search", "invoices", "sign-in", "import", "alerts", "exports", "sessions")
TOOLS = ("Bash", "Read", "Edit", "Grep", "WebFetch")
ERRORS = ("tests_failed", "merge_conflict", "timeout", "missing_access")
WAITS = ("approval", "review", "rate limit")
ROTATE_BELOW = 0.35
"""The free part of the context at which an agent of the past rotates; a live one is signalled."""
LAST_RESORT = 0.08
"""The free part at which it rotates without a signal."""
FULL_QUEUE = 8


@dataclass(slots=True)
class SimulatedAgent:
    """One simulated agent; `signalled` is set from outside and asks it to rotate."""

    name: str
    role: str
    model: Model
    random: Random
    actions: Iterator[Action] = field(init=False)
    used_tokens: int = 0
    generation: int = 0
    busy: bool = False
    signalled: bool = False

    @property
    def remaining(self) -> float:
        """The free part of the context, from 0 to 1."""
        return max(0.0, 1 - self.used_tokens / self.model.window_tokens)

    @property
    def rotates(self) -> bool:
        """Whether it hands its session over now."""
        return self.signalled or self.remaining < LAST_RESORT


class SimulatedFleet:
    """An orchestrator, its workers, and the queue between them.

    The same `seed` yields the same actions. `run` is a part of every id.
    """

    def __init__(self, seed: int, workers: int, run: str) -> None:
        self._run = run
        self.queue: deque[SimulatedTask] = deque()
        self._numbers = count(1)
        self._last_taken: SimulatedTask | None = None
        self._seed = seed
        self.orchestrator = self._agent("orchestrator", "orchestrator", SONNET)
        self.orchestrator.actions = self._orchestrate(self.orchestrator)
        self.workers = []
        for number in range(workers):
            role, model = CREW[number % len(CREW)]
            worker = self._agent(f"{role}-{number + 1}", role, model)
            worker.actions = self._work(worker)
            self.workers.append(worker)

    @property
    def agents(self) -> list[SimulatedAgent]:
        """The orchestrator and the workers."""
        return [self.orchestrator, *self.workers]

    def _agent(self, name: str, role: str, model: Model) -> SimulatedAgent:
        return SimulatedAgent(name, role, model, Random(f"{self._seed}/{name}"))  # noqa: S311 - a simulation

    def _orchestrate(self, agent: SimulatedAgent) -> Iterator[Action]:
        """Queue tasks while the queue has room; each shift of the orchestrator is a task, too."""
        yield OpenSession(agent.model, agent.generation, succeeds=False)
        for shift in count(1):
            yield TakeTask(
                SimulatedTask(f"dispatch-{self._run}-{shift}", "coordination", 0), handed_over=True
            )
            agent.busy = True
            for _ in range(agent.random.randint(8, 14)):
                yield Pause(agent.random.uniform(3, 7))
                if len(self.queue) >= FULL_QUEUE:
                    continue
                yield _call_model(agent, 900, 250)
                yield from map(self._queued, self._tasks(agent.random))
                if agent.rotates:
                    yield from self._rotate(agent, None)
            agent.busy = False
            yield FinishTask()

    def _tasks(self, random: Random) -> Iterator[SimulatedTask]:
        """Yield a task; a feature is followed by its subtasks."""
        kind = random.choices(list(KINDS), weights=(3, 5, 4, 4, 2, 2))[0]
        task = self._task(random, kind, {})
        yield task
        if kind == "feature":
            lineage = {"parent_task_id": task.id, "root_task_id": task.id, "depth": 1}
            for part in random.sample(("test", "docs", "review", "fix"), random.randint(1, 3)):
                yield self._task(random, part, lineage)

    def _task(self, random: Random, kind: str, lineage: dict[str, object]) -> SimulatedTask:
        number, title = next(self._numbers), random.choice(TITLES)
        fields = {
            "title": f"{kind.capitalize()}: {title}",
            "task_type": kind,
            "priority": random.choice(("low", "normal", "normal", "high")),
            "labels": {"team": random.choice(("web", "data", "platform")), "feature": title},
            "repo": "shop",
            "branch": f"{kind}/{title}-{number}",
            **lineage,
        }
        calls = max(2, round(random.gauss(KINDS[kind], KINDS[kind] / 3)))
        return SimulatedTask(f"T-{self._run}-{number:04}", kind, calls, fields)

    def _queued(self, task: SimulatedTask) -> Action:
        self.queue.append(task)
        return QueueTask(task)

    def _work(self, agent: SimulatedAgent) -> Iterator[Action]:
        """Take queued tasks one by one, and rest when there is none."""
        random = agent.random
        yield Pause(random.uniform(0, 20))
        yield OpenSession(agent.model, agent.generation, succeeds=False)
        while True:
            yield Pause(random.uniform(2, 7))
            if self._last_taken is not None and random.random() < 0.02:  # noqa: PLR2004
                yield ContendForTask(self._last_taken)
            if not self.queue:
                yield Rest()
                continue
            task = self._last_taken = self.queue.popleft()
            agent.busy = True
            yield TakeTask(task)
            yield from self._attempts(agent, task)
            agent.busy = False
            if agent.rotates:
                yield from self._rotate(agent, None)

    def _attempts(self, agent: SimulatedAgent, task: SimulatedTask) -> Iterator[Action]:
        random = agent.random
        for attempt in (1, 2, 3):
            if attempt > 1:
                yield RetryTask(attempt)
            yield from self._attempt(agent, task, None if attempt == 1 else "retry")
            if random.random() > 0.16:  # noqa: PLR2004 - most go well
                yield FinishTask()
                return
            yield Pause(random.uniform(1, 3))
        yield FinishTask(random.choice(ERRORS))

    def _attempt(
        self, agent: SimulatedAgent, task: SimulatedTask, overhead: Overhead | None
    ) -> Iterator[Action]:
        """Call a model and tools in turns; a retry is shorter, since part of the work is done."""
        random = agent.random
        for _ in range(task.calls if overhead is None else 1 + task.calls // 3):
            yield Pause(random.uniform(1, 4))
            added = round(random.lognormvariate(8.3, 0.6))
            call = _call_model(agent, added, round(random.lognormvariate(6, 0.8)), overhead)
            tools = [_call_tool(random) for _ in range(random.choice((0, 1, 1, 2)))]
            yield call
            yield from tools
            # What was done takes its time, or a trace would be longer than its task.
            yield Pause((call.duration_ms + sum(tool.duration_ms for tool in tools)) / 1000)
            if random.random() < 0.03:  # noqa: PLR2004
                yield Wait(random.choice(WAITS))
                yield Pause(random.uniform(15, 45))
                yield Wait(None)
            if agent.rotates:
                yield from self._rotate(agent, task)

    def _rotate(self, agent: SimulatedAgent, task: SimulatedTask | None) -> Iterator[Action]:
        """Write the journal, hand over, and continue in a new session that reads the journal."""
        if task is not None:
            yield _call_model(agent, 300, 1_800, "rotation")
        yield HandOff()
        yield Pause(agent.random.uniform(2, 6))
        agent.generation += 1
        agent.used_tokens, agent.signalled = 0, False
        yield OpenSession(agent.model, agent.generation, succeeds=True)
        if task is not None:
            yield TakeTask(task, handed_over=True)
            yield _call_model(agent, 14_000, 400, "rotation")


def _call_tool(random: Random) -> CallTool:
    error = random.random() < 0.06  # noqa: PLR2004
    return CallTool(random.choice(TOOLS), error, round(random.lognormvariate(6.5, 1)))


def _call_model(
    agent: SimulatedAgent, added: int, out: int, overhead: Overhead | None = None
) -> CallModel:
    """Call the agent's model: its context is cached, `added` tokens are new, `out` the answer."""
    cached = agent.used_tokens
    writes = added if agent.model.caches_writes else 0
    usage = Usage(
        tokens_in=added - writes,
        cache_read_tokens=cached,
        cache_write_tokens=writes,
        tokens_out=out,
    )
    agent.used_tokens = cached + added + out
    duration_ms = round(600 + out * agent.random.uniform(4, 9))
    return CallModel(agent.model, usage, duration_ms, overhead)
