"""What a pretended fleet decides. Every decision comes from the seed: no clock, no I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from tachograph_cli.demo.actions import (
    Act,
    Asked,
    Contended,
    Finished,
    HandedOff,
    Idle,
    Job,
    Model,
    Opened,
    Overhead,
    Paused,
    Queued,
    Ran,
    Retried,
    Took,
    Waited,
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
"""How many calls a task of each kind takes, about."""
TITLES = ("checkout", "search", "invoices", "sign-in", "import", "alerts", "exports", "sessions")
TOOLS = ("Bash", "Read", "Edit", "Grep", "WebFetch")
ERRORS = ("tests_failed", "merge_conflict", "timeout", "missing_access")
WAITS = ("approval", "review", "rate limit")
ROTATE_BELOW = 0.35
"""Where an agent of the past rotated; one that is watched waits for the fleet's signal."""
LAST_RESORT = 0.08
"""Where it rotates without a signal."""
FULL_QUEUE = 8


@dataclass(slots=True)
class Agent:
    """One pretended agent; `signalled` is what it was told from outside."""

    name: str
    role: str
    model: Model
    random: Random
    life: Iterator[Act] = field(init=False)
    used_tokens: int = 0
    generation: int = 0
    busy: bool = False
    signalled: bool = False

    @property
    def remaining(self) -> float:
        """The part of the context that is free."""
        return max(0.0, 1 - self.used_tokens / self.model.window_tokens)

    @property
    def rotates(self) -> bool:
        """Whether it hands over now."""
        return self.signalled or self.remaining < LAST_RESORT


class World:
    """An orchestrator, its workers, and the queue between them; `run` is a part of every id."""

    def __init__(self, seed: int, workers: int, run: str) -> None:
        self._run = run
        self.queue: deque[Job] = deque()
        self._numbers = count(1)
        self._last_taken: Job | None = None
        self._seed = seed
        self.orchestrator = self._agent("orchestrator", "orchestrator", SONNET)
        self.orchestrator.life = self._orchestrate(self.orchestrator)
        self.workers = []
        for number in range(workers):
            role, model = CREW[number % len(CREW)]
            worker = self._agent(f"{role}-{number + 1}", role, model)
            worker.life = self._work(worker)
            self.workers.append(worker)

    @property
    def agents(self) -> list[Agent]:
        """Everybody."""
        return [self.orchestrator, *self.workers]

    def _agent(self, name: str, role: str, model: Model) -> Agent:
        return Agent(name, role, model, Random(f"{self._seed}/{name}"))  # noqa: S311 - a play

    def _orchestrate(self, agent: Agent) -> Iterator[Act]:
        """Queue work as long as it is taken; its own thinking is a task, too."""
        yield Opened(agent.model, agent.generation, succeeds=False)
        for shift in count(1):
            yield Took(Job(f"dispatch-{self._run}-{shift}", "coordination", 0), handed_over=True)
            agent.busy = True
            for _ in range(agent.random.randint(8, 14)):
                yield Paused(agent.random.uniform(3, 7))
                if len(self.queue) >= FULL_QUEUE:
                    continue
                yield _ask(agent, 900, 250)
                yield from map(self._queued, self._jobs(agent.random))
                if agent.rotates:
                    yield from self._rotate(agent, None)
            agent.busy = False
            yield Finished()

    def _jobs(self, random: Random) -> Iterator[Job]:
        """Think of a task; a feature comes with its parts."""
        kind = random.choices(list(KINDS), weights=(3, 5, 4, 4, 2, 2))[0]
        job = self._job(random, kind, {})
        yield job
        if kind == "feature":
            lineage = {"parent_task_id": job.id, "root_task_id": job.id, "depth": 1}
            for part in random.sample(("test", "docs", "review", "fix"), random.randint(1, 3)):
                yield self._job(random, part, lineage)

    def _job(self, random: Random, kind: str, lineage: dict[str, object]) -> Job:
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
        return Job(f"T-{self._run}-{number:04}", kind, calls, fields)

    def _queued(self, job: Job) -> Act:
        self.queue.append(job)
        return Queued(job)

    def _work(self, agent: Agent) -> Iterator[Act]:
        """Take what is queued, work on it, and rest."""
        random = agent.random
        yield Paused(random.uniform(0, 20))
        yield Opened(agent.model, agent.generation, succeeds=False)
        while True:
            yield Paused(random.uniform(2, 7))
            if self._last_taken is not None and random.random() < 0.02:  # noqa: PLR2004
                yield Contended(self._last_taken)
            if not self.queue:
                yield Idle()
                continue
            job = self._last_taken = self.queue.popleft()
            agent.busy = True
            yield Took(job)
            yield from self._attempts(agent, job)
            agent.busy = False
            if agent.rotates:
                yield from self._rotate(agent, None)

    def _attempts(self, agent: Agent, job: Job) -> Iterator[Act]:
        random = agent.random
        for attempt in (1, 2, 3):
            if attempt > 1:
                yield Retried(attempt)
            yield from self._attempt(agent, job, None if attempt == 1 else "retry")
            if random.random() > 0.16:  # noqa: PLR2004 - most go well
                yield Finished()
                return
            yield Paused(random.uniform(1, 3))
        yield Finished(random.choice(ERRORS))

    def _attempt(self, agent: Agent, job: Job, overhead: Overhead | None) -> Iterator[Act]:
        """Ask and act in turns; retried work is shorter, since some of it stands."""
        random = agent.random
        for _ in range(job.calls if overhead is None else 1 + job.calls // 3):
            yield Paused(random.uniform(3, 9))
            added = round(random.lognormvariate(8.3, 0.6))
            yield _ask(agent, added, round(random.lognormvariate(6, 0.8)), overhead)
            for _ in range(random.choice((0, 1, 1, 2))):
                error = random.random() < 0.06  # noqa: PLR2004
                yield Ran(random.choice(TOOLS), error, round(random.lognormvariate(6.5, 1.2)))
            if random.random() < 0.03:  # noqa: PLR2004
                yield Waited(random.choice(WAITS))
                yield Paused(random.uniform(15, 45))
                yield Waited(None)
            if agent.rotates:
                yield from self._rotate(agent, job)

    def _rotate(self, agent: Agent, job: Job | None) -> Iterator[Act]:
        """Write the journal, end the window, and go on in a fresh one that reads it."""
        if job is not None:
            yield _ask(agent, 300, 1_800, "rotation")
        yield HandedOff()
        yield Paused(agent.random.uniform(2, 6))
        agent.generation += 1
        agent.used_tokens, agent.signalled = 0, False
        yield Opened(agent.model, agent.generation, succeeds=True)
        if job is not None:
            yield Took(job, handed_over=True)
            yield _ask(agent, 14_000, 400, "rotation")


def _ask(agent: Agent, added: int, out: int, overhead: Overhead | None = None) -> Asked:
    """Answer a prompt of the context so far, which is cached, and what was added to it."""
    cached = agent.used_tokens
    writes = added if agent.model.caches_writes else 0
    usage = Usage(
        tokens_in=added - writes,
        cache_read_tokens=cached,
        cache_write_tokens=writes,
        tokens_out=out,
    )
    agent.used_tokens = cached + added + out
    duration_ms = round(600 + out * agent.random.uniform(9, 22))
    return Asked(agent.model, usage, duration_ms, overhead)
